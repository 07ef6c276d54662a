package credential

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
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
	looked := func() {}
	m.now = func() time.Time {
		looked()
		clock = clock.Add(time.Minute) // the machine is that slow
		return clock
	}
	unlock, waited, err := m.lockFileAfter(t.Context(), "a.lock")
	if err != nil || waited != (wait{}) {
		t.Fatalf("waited %v for a lock that is free, %v", waited, err)
	}
	since, _ := m.whoHas("a.lock")
	looked = sync.OnceFunc(unlock) // the second has found it taken and looks how late it is
	unlock, waited, err = m.lockFileAfter(t.Context(), "a.lock")
	if err != nil || waited.lasted == 0 || !waited.since.Equal(since.Since) {
		t.Fatalf("waited %v for a lock that is taken since %v, %v", waited, since.Since, err)
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

// A sign-in that was started while another one was ending is over with that one,
// however late it started: it has the tokens in the vault before it lets go.
func TestASignInIsJoinedUntilItLetsGo(t *testing.T) {
	e := newEndpoint(t, nil)
	a := signedIn(t, e, time.Hour)
	first := other(a)
	unlock, err := first.m.lockFile(t.Context(), a.key+".signin.lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.note(func(f *Facts) { f.SignedInAt = time.Now() }); err != nil {
		t.Fatal(err)
	}
	waits := make(chan struct{})
	var looked int
	a.m.now = func() time.Time { // at its start, and as it finds the lock taken
		if looked++; looked == 2 {
			close(waits)
		}
		return time.Now()
	}
	done := make(chan error, 1)
	go func() {
		done <- a.SignIn(t.Context(), UI{Open: func(context.Context, string) error {
			t.Error("a second browser")
			return errors.New("no browser")
		}})
	}()
	<-waits
	unlock()
	if err := <-done; err != nil {
		t.Errorf("SignIn = %v", err)
	}
}
