package credential

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/vault"
)

// eventually waits for what must come to be, on the busiest machine too.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// A lock that nobody else has is not waited for, however long it takes to get it
// on a busy machine; one that somebody has is.
func TestFreeLockIsNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	m := NewManager(Config{Paths: config.Paths{Config: dir, State: dir}, Vault: vault.NewMemory()})
	clock := time.Now()
	m.now = func() time.Time {
		clock = clock.Add(time.Minute) // the machine is that slow
		return clock
	}
	unlock, waited, err := m.lockFileAfter(t.Context(), "a.lock")
	if err != nil || waited != 0 {
		t.Fatalf("waited %v for a lock that is free, %v", waited, err)
	}
	time.AfterFunc(50*time.Millisecond, unlock)
	unlock, waited, err = m.lockFileAfter(t.Context(), "a.lock")
	if err != nil || waited == 0 {
		t.Fatalf("waited %v for a lock that is taken, %v", waited, err)
	}
	unlock()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := m.lockFileAfter(ended, "a.lock"); err == nil {
		t.Error("taken for a caller that has given up")
	}
}

func TestBusyLockNamesItsHolder(t *testing.T) {
	dir := t.TempDir()
	paths := config.Paths{Config: dir, State: dir}
	first := NewManager(Config{Paths: paths, Vault: vault.NewMemory()})
	second := NewManager(Config{Paths: paths, Vault: vault.NewMemory()})
	unlock, err := first.lockFile(t.Context(), "a.lock")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := second.lockFile(ctx, "a.lock"); !strings.Contains(fault.Public(err).What, fmt.Sprintf("(PID %d, since ", os.Getpid())) {
		t.Errorf("waiting for a lock that is taken: %v", err)
	}
	unlock()
	if _, err := os.Stat(first.holderFile("a.lock")); !os.IsNotExist(err) {
		t.Errorf("the holder's note stays: %v", err)
	}
	// A note that a killed process left behind holds nobody up.
	first.noteHolder("a.lock")
	unlock, err = second.lockFile(t.Context(), "a.lock")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
