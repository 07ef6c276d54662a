//go:build linux && !(desktop || bindings || dev || demo)

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// started is how long the program has until its start counts as over: the client
// has asked what it asks at first, the server is connected.
const started = 2 * time.Second

// forgetStart gives back the pages of the program's own file that only its start
// has needed, once the start is over: the kernel maps 16 at a touch, which makes
// each idle bridge look as large as the whole program. What is needed again comes
// from the page cache, about a microsecond for each touch. The returned function
// ends the wait.
func forgetStart() (stop func()) {
	timer := time.AfterFunc(started, func() { _ = unmapProgram() })
	return func() { timer.Stop() }
}

// unmapProgram unmaps the read-only pages of the running program; they stay
// where they are in the file and in the page cache (madvise(2), MADV_DONTNEED).
func unmapProgram() error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("read the mappings: %w", err)
	}
	defer maps.Close()
	areas, err := readOnly(maps, program)
	if err != nil {
		return fmt.Errorf("read the mappings: %w", err)
	}
	for _, a := range areas {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, a.start, a.end-a.start, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("give pages back: %w", errno)
		}
	}
	return nil
}

// area is a range of addresses, without its end.
type area struct{ start, end uintptr }

// readOnly finds the mappings of the file program that nobody can have written
// to, in the form of proc_pid_maps(5). Data is never among them: what was written
// there would be lost.
func readOnly(maps io.Reader, program string) ([]area, error) {
	var areas []area
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var (
			a             area
			mode, offset  string
			device, inode string
		)
		line := lines.Text()
		if _, err := fmt.Sscanf(line, "%x-%x %s %s %s %s", &a.start, &a.end, &mode, &offset, &device, &inode); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if (mode == "r-xp" || mode == "r--p") && strings.HasSuffix(line, " "+program) {
			areas = append(areas, a)
		}
	}
	return areas, lines.Err()
}
