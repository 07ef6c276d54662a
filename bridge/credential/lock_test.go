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
