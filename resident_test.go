//go:build linux && !(desktop || bindings || dev || demo)

package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestOnlyReadOnlyPagesOfTheProgramAreForgotten(t *testing.T) {
	const maps = `00400000-00ab6000 r-xp 00000000 fe:00 1045 /usr/bin/drawbridge
00ab6000-0119f000 r--p 006b6000 fe:00 1045 /usr/bin/drawbridge
0119f000-011f0000 rw-p 00d9f000 fe:00 1045 /usr/bin/drawbridge
011f0000-03265000 rw-p 00000000 00:00 0
7ffff7f00000-7ffff7f20000 r-xp 00000000 fe:00 77 /usr/lib/libc.so.6
7ffff7f20000-7ffff7f21000 r--s 00000000 fe:00 1045 /usr/bin/drawbridge
7ffff7fc0000-7ffff7fc4000 r--p 00000000 00:00 0 [vvar]
`
	got, err := readOnly(strings.NewReader(maps), "/usr/bin/drawbridge")
	if want := []area{{0x400000, 0xab6000}, {0xab6000, 0x119f000}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%x, %v; want %x", got, err, want)
	}
	if _, err := readOnly(strings.NewReader("nonsense\n"), "/usr/bin/drawbridge"); err == nil {
		t.Error("nonsense was understood")
	}
}

func TestTheProgramRunsOnAfterItsPagesAreForgotten(t *testing.T) {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if areas, err := readOnly(maps, program); err != nil || len(areas) < 2 {
		t.Fatalf("areas of this program: %x, %v; at least its code and its constants are expected", areas, err)
	}
	before := fileRSS(t)
	for range 3 {
		if err := unmapProgram(); err != nil {
			t.Fatal(err)
		}
	}
	if after := fileRSS(t); after >= before {
		t.Errorf("%d kB of files are resident, %d before", after, before)
	}
}

// fileRSS is how much of this process's resident memory is files, in kB.
func fileRSS(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "RssFile:")
	size, err := strconv.Atoi(strings.Fields(rest + " .")[0])
	if err != nil {
		t.Fatal(err)
	}
	return size
}
