//go:build unix && !(desktop || bindings || dev)

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// noCoreDumps keeps tokens out of core dumps, as far as the system lets us: no
// core file, and nothing of our memory for a program that collects dumps on
// Linux, which the limit does not stop (core(5)). Not PR_SET_DUMPABLE: it would
// hide our processes from the person's own tools, too.
func noCoreDumps() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = os.WriteFile("/proc/self/coredump_filter", []byte("0"), 0)
}
