package vault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// store is a Backend that can fail and that shows what is in it.
type store struct {
	mu     sync.Mutex
	values map[string]string
	fail   func(op, name string) error
}

func newStore() *store { return &store{values: map[string]string{}} }

func (s *store) do(op, name string) error {
	if s.fail != nil {
		return s.fail(op, name)
	}
	return nil
}

func (s *store) Get(_ context.Context, name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.do("get", name); err != nil {
		return "", err
	}
	v, ok := s.values[name]
	if !ok {
		return "", vault.ErrNotFound
	}
	return v, nil
}

func (s *store) Set(_ context.Context, name, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.do("set", name); err != nil {
		return err
	}
	s.values[name] = value
	return nil
}

func (s *store) Delete(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.do("delete", name); err != nil {
		return err
	}
	if _, ok := s.values[name]; !ok {
		return vault.ErrNotFound
	}
	delete(s.values, name)
	return nil
}

func TestValuesOfAnySizeComeBack(t *testing.T) {
	ctx := context.Background()
	s := newStore()
	const limit = 200
	v := vault.New(s, limit)
	for _, size := range []int{1, 50, 120, 199, 200, 201, 1000, 10_000, 30, 5} {
		want := strings.Repeat("ü#\n", size/4+1)
		if err := v.Set(ctx, "a/tokens", secret.New(want)); err != nil {
			t.Fatalf("Set %d bytes: %v", len(want), err)
		}
		got, err := v.Get(ctx, "a/tokens")
		if err != nil || got.Reveal() != want {
			t.Fatalf("Get %d bytes: %v, equal %v", len(want), err, got.Reveal() == want)
		}
		for name, value := range s.values {
			if len(value) > limit {
				t.Errorf("entry %s has %d bytes, limit %d", name, len(value), limit)
			}
		}
	}
	if len(s.values) != 1 {
		t.Errorf("%d entries stay for one small value: old parts were not deleted", len(s.values))
	}
	if err := v.Delete(ctx, "a/tokens"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Get(ctx, "a/tokens"); !errors.Is(err, vault.ErrNotFound) || len(s.values) != 0 {
		t.Errorf("after Delete: %v, %d entries", err, len(s.values))
	}
	if err := v.Delete(ctx, "a/tokens"); err != nil {
		t.Errorf("deleting nothing: %v", err)
	}
}

// A write that fails anywhere leaves the old value, whole.
func TestFailedWriteKeepsTheOldValue(t *testing.T) {
	ctx := context.Background()
	old, next := strings.Repeat("old", 300), strings.Repeat("next", 300)
	for failing := range 12 {
		s := newStore()
		v := vault.New(s, 200)
		if err := v.Set(ctx, "k", secret.New(old)); err != nil {
			t.Fatal(err)
		}
		before := len(s.values)
		n := 0
		s.fail = func(op, _ string) error {
			if op != "set" {
				return nil
			}
			if n++; n-1 == failing {
				return errors.New("disk full")
			}
			return nil
		}
		err := v.Set(ctx, "k", secret.New(next))
		s.fail = nil
		got, getErr := v.Get(ctx, "k")
		want := old
		if err == nil {
			want = next
		}
		if getErr != nil || got.Reveal() != want {
			t.Fatalf("write %d failing (%v): Get gives %v, the wanted value: %v", failing, err, getErr, got.Reveal() == want)
		}
		if err != nil && len(s.values) != before {
			t.Errorf("write %d failing: %d entries, want %d: parts were left behind", failing, len(s.values), before)
		}
		if err == nil {
			return // all writes of the value are covered
		}
	}
	t.Error("a write never succeeded")
}

// Readers beside a writer see the old value or the new one, never a mixture.
func TestReadersNeverSeeATornValue(t *testing.T) {
	ctx := t.Context()
	v := vault.New(newStore(), 200)
	value := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 700) }
	if err := v.Set(ctx, "k", secret.New(value(0))); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				got, err := v.Get(ctx, "k")
				if err != nil {
					t.Errorf("Get: %v", err)
					return
				}
				if s := got.Reveal(); s != strings.Repeat(s[:1], 700) {
					t.Errorf("torn value")
					return
				}
			}
		})
	}
	for i := range 300 {
		if err := v.Set(ctx, "k", secret.New(value(i))); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	readers.Wait()
}

func TestForeignAndDamagedEntries(t *testing.T) {
	ctx := context.Background()
	for name, raw := range map[string]string{
		"foreign": "hunter2", "empty": "", "half a head": "drawbridge1 x", "bad count": "drawbridge1 g -1 sum\n",
		"huge count": "drawbridge1 g 99999999 sum\n", "data and parts": "drawbridge1 g 2 sum\ndata",
		"wrong sum": "drawbridge1 g 0 0000\ndata", "missing parts": "drawbridge1 g 2 0000\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore()
			s.values["k"], s.values["neighbour"] = raw, "x"
			v := vault.New(s, 200)
			_, err := v.Get(ctx, "k")
			if err == nil || errors.Is(err, vault.ErrNotFound) {
				t.Errorf("Get = %v", err)
			}
			if raw != "" && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes the entry: %v", err)
			}
			if err := v.Set(ctx, "k", secret.New("good")); err != nil {
				t.Errorf("Set over it: %v", err)
			}
			if got, err := v.Get(ctx, "k"); err != nil || got.Reveal() != "good" || s.values["neighbour"] != "x" {
				t.Errorf("after Set: %v", err)
			}
		})
	}
}

// needKeychain skips unless the tests run in a session of their own, as `make
// test` gives them: no test touches a person's keychain.
func needKeychain(t *testing.T) {
	if os.Getenv("DRAWBRIDGE_TEST_SESSION") == "" {
		t.Skip("needs a keychain session of its own: make test, or test/sessions/keyring-session.sh go test ./bridge/vault")
	}
}

func TestRealKeychain(t *testing.T) {
	needKeychain(t)
	ctx := t.Context()
	v := vault.NewKeychain("drawbridge-test")
	if err := v.Check(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Get(ctx, "absent"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("absent: %v", err)
	}
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			name, want := fmt.Sprintf("server%d@default/tokens", i), strings.Repeat(fmt.Sprint(i), 9000*(i+1))
			if err := v.Set(ctx, name, secret.New(want)); err != nil {
				t.Error(err)
				return
			}
			if got, err := v.Get(ctx, name); err != nil || got.Reveal() != want {
				t.Errorf("%s: %v", name, err)
			}
			if err := v.Delete(ctx, name); err != nil {
				t.Error(err)
			}
			if _, err := v.Get(ctx, name); !errors.Is(err, vault.ErrNotFound) {
				t.Errorf("%s after Delete: %v", name, err)
			}
		})
	}
	work.Wait()
}
