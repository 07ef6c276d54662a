package audit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/audit"
	"drawbridge/test/leaks"
)

func write(t *testing.T, dir string, maxSize int64, names ...string) {
	t.Helper()
	l, err := audit.Open(dir, maxSize, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		l.Add(audit.Entry{Event: "allowed", Subject: n})
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l.Close(ctx)
}

func TestChainHolds(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 4 { // processes of their own would do the same: the lock is on the file
		wg.Go(func() {
			for j := range 5 {
				write(t, dir, 1000, fmt.Sprintf("%d-%d", i, j), "x")
			}
		})
	}
	wg.Wait()
	n, head, err := audit.Verify(dir)
	if err != nil || n != 40 || len(head) != 64 {
		t.Errorf("Verify = %d, %q, %v", n, head, err)
	}
	if old, _ := filepath.Glob(filepath.Join(dir, "audit-*.jsonl")); len(old) < 2 {
		t.Errorf("%d files were put aside, want some", len(old))
	}
	seen := map[string]int{}
	if err := audit.Read(dir, func(e audit.Entry) error { seen[e.Subject]++; return nil }); err != nil || len(seen) != 21 || seen["x"] != 20 {
		t.Errorf("read %v, %v", seen, err)
	}
	info, err := os.Stat(filepath.Join(dir, "audit.jsonl"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestTamperingIsNoticed(t *testing.T) {
	for name, change := range map[string]func(lines []string) []string{
		"changed":   func(l []string) []string { l[1] = strings.Replace(l[1], `"b"`, `"z"`, 1); return l },
		"taken out": func(l []string) []string { return append(l[:1:1], l[2:]...) },
		"first":     func(l []string) []string { return l[1:] },
		"swapped":   func(l []string) []string { l[1], l[2] = l[2], l[1]; return l },
		"added": func(l []string) []string {
			return append(l, `{"time":"2026-01-01T00:00:00Z","event":"allowed","prev":""}`)
		},
		"not JSON": func(l []string) []string { l[2] = "x"; return l },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, 0, "a", "b", "c", "d")
			path := filepath.Join(dir, "audit.jsonl")
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines := change(strings.Split(strings.TrimSpace(string(raw)), "\n"))
			if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			var broken *audit.Broken
			if _, _, err := audit.Verify(dir); !errors.As(err, &broken) {
				t.Errorf("Verify = %v", err)
			}
		})
	}
}

// A line that a crash cut short does not spoil what follows.
func TestHalfALineIsPutRight(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 0, "a", "b")
	path := filepath.Join(dir, "audit.jsonl")
	raw, _ := os.ReadFile(path)
	if err := os.WriteFile(path, append(raw, `{"time":"2026`...), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, dir, 0, "c")
	if n, _, err := audit.Verify(dir); err != nil || n != 3 {
		t.Errorf("Verify = %d, %v", n, err)
	}
}

// writer is this test's program as one of several processes that write.
const writer = "DRAWBRIDGE_AUDIT_TEST_WRITER"

func TestMain(m *testing.M) {
	dir := os.Getenv(writer)
	if dir == "" {
		leaks.Main(m)
		return
	}
	l, err := audit.Open(dir, 4000, func(err error) { fmt.Fprintln(os.Stderr, err) })
	if err != nil {
		os.Exit(1)
	}
	fmt.Println("writing")
	for i := range 100 {
		l.Add(audit.Entry{Event: "allowed", Subject: fmt.Sprint(os.Getpid()), Name: fmt.Sprint(i)})
		if i%10 == 0 {
			if err := audit.Append(dir, audit.Entry{Event: "refreshed", Subject: fmt.Sprint(os.Getpid())}); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l.Close(ctx)
}

// The agent, bridges of clients and drawbridge serve write the same record, put
// files aside for each other, and may be killed in the middle.
func TestSeveralProcessesWriteOneChain(t *testing.T) {
	dir := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var processes []*exec.Cmd
	for range 6 {
		cmd := exec.CommandContext(ctx, program)
		cmd.Env = append(os.Environ(), writer+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, cmd)
	}
	_ = processes[0].Process.Kill()
	_ = processes[1].Process.Kill()
	for i, cmd := range processes {
		if err := cmd.Wait(); err != nil && i > 1 {
			t.Errorf("writer %d: %v", i, err)
		}
	}
	n, _, err := audit.Verify(dir)
	if err != nil || n < 4*110 || n > 6*110 {
		t.Errorf("Verify = %d, %v", n, err)
	}
	wrote := map[string]int{}
	if err := audit.Read(dir, func(e audit.Entry) error { wrote[e.Subject]++; return nil }); err != nil {
		t.Error(err)
	}
	for i, cmd := range processes {
		if got := wrote[fmt.Sprint(cmd.Process.Pid)]; i > 1 && got != 110 {
			t.Errorf("writer %d left %d entries, want 110", i, got)
		}
	}
	if old, _ := filepath.Glob(filepath.Join(dir, "audit-*.jsonl")); len(old) < 2 {
		t.Errorf("%d files were put aside, want some", len(old))
	}
}
