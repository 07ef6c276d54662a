package credential_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/vault"
)

// shelf is a keychain in which a test can damage entries.
type shelf struct {
	mu     sync.Mutex
	values map[string]string
}

func (s *shelf) Get(_ context.Context, name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[name]
	if !ok {
		return "", vault.ErrNotFound
	}
	return v, nil
}

func (s *shelf) Set(_ context.Context, name, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[name] = value
	return nil
}

func (s *shelf) Delete(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.values[name]; !ok {
		return vault.ErrNotFound
	}
	delete(s.values, name)
	return nil
}

// damage spoils all entries whose name has the suffix or prefix and says how many.
func (s *shelf) damage(part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for name := range s.values {
		if strings.HasPrefix(name, part) || strings.HasSuffix(name, part) {
			s.values[name] = "something else"
			n++
		}
	}
	return n
}

// Damaged entries are reported by name and are put right by a new sign-in, or
// taken away by signing out.
func TestDamagedEntries(t *testing.T) {
	for _, part := range []string{"/tokens", "client-"} {
		w := newWorld(t, time.Minute)
		s := &shelf{values: map[string]string{}}
		w.vault = vault.New(s, 1<<16)
		w.signIn(w.process())
		if n := s.damage(part); n != 1 {
			t.Fatalf("%d entries %s", n, part)
		}
		if part == "/tokens" {
			_, err := w.process().Bearer(t.Context())
			if !errors.Is(err, vault.ErrDamaged) || !strings.Contains(fault.Public(err).What, "/tokens") {
				t.Errorf("Bearer = %v", err)
			}
		}
		w.signIn(w.process())
		bearer(t, w.process())
		s.damage("/tokens")
		if err := w.process().SignOut(t.Context()); err != nil {
			t.Errorf("SignOut = %v", err)
		}
		if n := s.damage("/tokens"); n != 0 {
			t.Error("the damaged entry is still there")
		}
	}
}
