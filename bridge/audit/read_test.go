package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/audit"
)

// The record holds at each moment, also while it is written and files are put aside.
func TestVerifyBesideAWriter(t *testing.T) {
	dir := t.TempDir()
	var writing sync.WaitGroup
	over := make(chan struct{})
	writing.Go(func() {
		defer close(over)
		for i := range 300 {
			l, err := audit.Open(dir, 300, func(err error) { t.Error(err) }) // a file for every second entry
			if err != nil {
				t.Error(err)
				return
			}
			l.Add(audit.Entry{Event: "allowed", Subject: fmt.Sprint(i)})
			l.Close(context.Background())
		}
	})
	looks, seen := 0, 0
	for more := true; more; looks++ {
		select {
		case <-over:
			more = false
		default:
		}
		n, _, err := audit.Verify(dir)
		if err != nil || n < seen {
			t.Errorf("look %d: %d entries after %d, %v", looks, n, seen, err)
			more = false
		}
		seen = n
	}
	writing.Wait()
	if seen != 300 {
		t.Errorf("%d entries in the end", seen)
	}
}

// A line that a crash cut short is not there, for who reads too.
func TestHalfALineIsNotRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.jsonl")
	if err := os.WriteFile(path, []byte(`{"time":"2026`), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, _, err := audit.Verify(dir); err != nil || n != 0 {
		t.Errorf("nothing but half a line: %d, %v", n, err)
	}
	write(t, dir, 0, "a", "b")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(raw, `{"time":"2026`...), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, _, err := audit.Verify(dir); err != nil || n != 2 {
		t.Errorf("Verify = %d, %v", n, err)
	}
}

// A copy of the record that may only be read is read.
func TestACopyIsVerified(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 0, "a")
	if err := os.Remove(filepath.Join(dir, "audit.jsonl.lock")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "audit.jsonl.lock"), 0o700); err != nil { // no lock can be made there
		t.Fatal(err)
	}
	if n, _, err := audit.Verify(dir); err != nil || n != 1 {
		t.Errorf("Verify = %d, %v", n, err)
	}
	if n, _, err := audit.Verify(filepath.Join(dir, "none")); err != nil || n != 0 {
		t.Errorf("no record: %d, %v", n, err)
	}
}

// Entries that cannot be written are lost, and the record says how many.
func TestEntriesThatCannotBeWrittenAreCounted(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.jsonl")
	if err := os.Mkdir(path, 0o700); err != nil { // no file can be made there
		t.Fatal(err)
	}
	failed := make(chan error, 10)
	l, err := audit.Open(dir, 0, func(err error) { failed <- err })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(context.Background())
	for range 2 {
		l.Add(audit.Entry{Event: "allowed"})
		select {
		case <-failed:
		case <-time.After(time.Minute):
			t.Fatal("nobody is told")
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l.Add(audit.Entry{Event: "allowed", Subject: "third"})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l.Close(ctx)
	var says []string
	err = audit.Read(dir, func(e audit.Entry) error { says = append(says, e.Event+" "+e.Subject+e.Reason); return nil })
	if got := strings.Join(says, ", "); err != nil || got != "allowed third, lost 2 entries" {
		t.Errorf("the record: %s, %v", got, err)
	}
}
