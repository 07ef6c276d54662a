package audit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"drawbridge/bridge/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, dir string, maxSize int64, names ...string) {
	t.Helper()
	l, err := audit.Open(dir, maxSize, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		l.Add(audit.Entry{Event: "allowed", Subject: n})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
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
