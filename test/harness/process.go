package harness

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Process is a drawbridge process of one world.
type Process struct {
	PID     int
	Command string // its argv, joined by spaces
	Environ string // its environment, one per line
}

// Processes lists the drawbridge processes of this world that run now, the
// ones that others of them started included.
func (r *Rig) Processes() []Process {
	return r.find(func(exe string) bool { return exe == r.binary })
}

// ours reports whether a program is one of Drawbridge's, or one that its window
// is made of.
func (r *Rig) ours(exe string) bool {
	return filepath.Dir(exe) == filepath.Dir(r.binary) || strings.HasPrefix(filepath.Base(exe), "WebKit")
}

// Buses counts the D-Bus daemons of this world: there should be one, the
// session's; a program that finds no bus must not start another.
func (r *Rig) Buses() int {
	return len(r.find(func(exe string) bool { return filepath.Base(exe) == "dbus-daemon" }))
}

// find looks through /proc for programs whose HOME is this world's.
func (r *Rig) find(want func(exe string) bool) []Process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		r.t.Fatalf("list processes: %v", err)
	}
	var found []Process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		exe, err := os.Readlink(filepath.Join("/proc", entry.Name(), "exe"))
		if err != nil || !want(exe) {
			continue // it ended meanwhile, or is not ours to read
		}
		environ, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if err != nil {
			continue
		}
		if !slices.Contains(strings.Split(string(environ), "\x00"), "HOME="+r.Home) {
			continue
		}
		found = append(found, Process{
			PID:     pid,
			Command: commandLine(pid),
			Environ: string(bytes.ReplaceAll(environ, []byte{0}, []byte{'\n'})),
		})
	}
	return found
}

// endStrays ends drawbridge processes that outlived the test: an agent that a
// command started, for one.
func (r *Rig) endStrays() {
	for _, p := range r.find(r.ours) {
		r.t.Logf("ending %d: %s", p.PID, p.Command)
		endProcess(p.PID, func() bool {
			exe, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(p.PID), "exe"))
			return err == nil && r.ours(exe)
		})
	}
}

// endProcess interrupts a process that is not our child, then kills it. same
// says whether the pid still belongs to it.
func endProcess(pid int, same func() bool) {
	process, err := os.FindProcess(pid)
	if err != nil || !same() {
		return
	}
	_ = process.Signal(os.Interrupt)
	for deadline := time.Now().Add(endDeadline); time.Now().Before(deadline); {
		if !same() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	if same() {
		_ = process.Kill()
	}
}

func commandLine(pid int) string {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(string(raw), "\x00", " "))
}
