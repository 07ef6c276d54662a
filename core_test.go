//go:build linux && !(desktop || bindings || dev)

package main

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNoCoreDumps(t *testing.T) {
	noCoreDumps()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 || limit.Max != 0 {
		t.Errorf("core limit %+v, %v", limit, err)
	}
	filter, err := os.ReadFile("/proc/self/coredump_filter")
	if err != nil || strings.Trim(string(filter), "0\n") != "" {
		t.Errorf("coredump_filter %q, %v: memory would be dumped", filter, err)
	}
}
