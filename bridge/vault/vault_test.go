package vault_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// store is a Backend that can fail and that shows what is in it.
type store struct {
	mu     sync.Mutex
	values map[string]string
	fail   func(op, name string) error                     // before an operation
	after  func(op, name string) error                     // after it has happened
	keep   func(name, value string) (kept string, ok bool) // instead of the value
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
	ok := true
	if s.keep != nil {
		value, ok = s.keep(name, value)
	}
	if ok {
		s.values[name] = value
	}
	if s.after != nil {
		return s.after("set", name)
	}
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

// A damaged entry is named, with what to do; it does not stand in the way of a
// new value, and nobody else's entry is touched.
func TestForeignAndDamagedEntries(t *testing.T) {
	ctx := context.Background()
	const sum0 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // of nothing
	for name, c := range map[string]struct {
		raw  string
		want vault.Damage
	}{
		"foreign":            {"hunter2", vault.Foreign},
		"empty":              {"", vault.Foreign},
		"half a head":        {"drawbridge1 x", vault.Corrupt},
		"bad count":          {"drawbridge1 00ff -1 hunter2\n", vault.Corrupt},
		"huge count":         {"drawbridge1 00ff 99999999 hunter2\n", vault.Corrupt},
		"data and parts":     {"drawbridge1 00ff 2 hunter2\ndata", vault.Corrupt},
		"wrong sum":          {"drawbridge1 00ff 0 0000\nhunter2", vault.Corrupt},
		"cut off":            {"drawbridge1 00ff 0 " + sum0 + "\nhunter2", vault.Corrupt},
		"other's generation": {"drawbridge1 ff#0#neighbour 1 0000\n", vault.Corrupt},
		"missing parts":      {"drawbridge1 00ff 2 0000\n", vault.Torn},
		"parts that differ":  {"drawbridge1 00aa 1 0000\n", vault.Torn},
	} {
		t.Run(name, func(t *testing.T) {
			others := map[string]string{"k#00aa#0": "hunter2", "neighbour": "x", "k2#00ff#0": "y"}
			s := newStore()
			maps.Copy(s.values, others)
			s.values["k"] = c.raw
			v := vault.New(s, 200)
			_, err := v.Get(ctx, "k")
			var bad *vault.DamagedError
			if !errors.Is(err, vault.ErrDamaged) || !errors.As(err, &bad) || bad.How != c.want || bad.Name != "k" {
				t.Fatalf("Get = %v, want %s", err, c.want)
			}
			public := fault.Public(err)
			if public.Code != fault.Storage || !strings.Contains(public.What, `"k"`) || public.Next == "" {
				t.Errorf("public: %+v", public)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes the entry: %v", err)
			}
			if err := v.Set(ctx, "k", secret.New("good")); err != nil {
				t.Errorf("Set over it: %v", err)
			}
			if got, err := v.Get(ctx, "k"); err != nil || got.Reveal() != "good" {
				t.Errorf("after Set: %v", err)
			}
			s.values["k"] = c.raw
			if err := v.Delete(ctx, "k"); err != nil {
				t.Errorf("Delete: %v", err)
			}
			delete(others, "k#00aa#0") // a part of k may go or stay
			for n, want := range others {
				if s.values[n] != want {
					t.Errorf("%s is %q now", n, s.values[n])
				}
			}
			if _, err := v.Get(ctx, "k"); !errors.Is(err, vault.ErrNotFound) {
				t.Errorf("after Delete: %v", err)
			}
		})
	}
}

// A store that says yes and keeps something else is found out, and the old value
// is put back.
func TestWritesAreReadBack(t *testing.T) {
	ctx := context.Background()
	for name, lose := range map[string]func(name, value string) (string, bool){
		"dropped":           func(string, string) (string, bool) { return "", false },
		"changed":           func(_, value string) (string, bool) { return value + "x", true },
		"cut":               func(_, value string) (string, bool) { return value[:len(value)/2], true },
		"first part lost":   func(n, v string) (string, bool) { return v, !strings.HasSuffix(n, "#0") },
		"last part changed": func(n, v string) (string, bool) { return strings.ReplaceAll(v, "z", "y"), true },
	} {
		for _, size := range []int{10, 900} {
			for _, before := range []string{"", "old", strings.Repeat("old", 300)} {
				if size == 10 && strings.Contains(name, "part") {
					continue
				}
				t.Run(fmt.Sprintf("%s, %d over %d", name, size, len(before)), func(t *testing.T) {
					s := newStore()
					v := vault.New(s, 200)
					if before != "" {
						if err := v.Set(ctx, "k", secret.New(before)); err != nil {
							t.Fatal(err)
						}
					}
					had := len(s.values)
					next := strings.Repeat("n", size-1) + "z"
					bad := false
					s.keep = func(n, value string) (string, bool) {
						if strings.Contains(value, "n") && !strings.Contains(value, "old") && !bad {
							kept, ok := lose(n, value)
							if bad = !ok || kept != value; bad {
								return kept, ok
							}
						}
						return value, true
					}
					err := v.Set(ctx, "k", secret.New(next))
					if !errors.Is(err, vault.ErrNotKept) || fault.Public(err).Next == "" {
						t.Errorf("Set = %v", err)
					}
					got, err := v.Get(ctx, "k")
					if before == "" && !errors.Is(err, vault.ErrNotFound) || before != "" && got.Reveal() != before {
						t.Errorf("the old value is gone: %v", err)
					}
					if len(s.values) != had {
						t.Errorf("%d entries, want %d", len(s.values), had)
					}
				})
			}
		}
	}
}

// An error of the store does not say that nothing was written.
func TestWriteThatHappenedCounts(t *testing.T) {
	ctx := context.Background()
	s := newStore()
	v := vault.New(s, 200)
	s.after = func(op, _ string) error {
		if op == "set" {
			return errors.New("connection lost")
		}
		return nil
	}
	if err := v.Set(ctx, "k", secret.New("new")); err != nil {
		t.Errorf("Set = %v", err)
	}
	if got, err := v.Get(ctx, "k"); err != nil || got.Reveal() != "new" {
		t.Errorf("Get: %v", err)
	}
}

// Whatever operation a writer dies before, the value is the old one or the new
// one, and the next write works.
func TestWriterThatDies(t *testing.T) {
	ctx := context.Background()
	dead := errors.New("dead")
	for _, sizes := range [][2]int{{900, 700}, {900, 10}, {10, 900}, {10, 20}, {0, 900}, {900, 0}} {
		for step := 1; ; step++ {
			s := newStore()
			v := vault.New(s, 200)
			old, next := strings.Repeat("o", sizes[0]), strings.Repeat("n", sizes[1])
			if old != "" {
				if err := v.Set(ctx, "k", secret.New(old)); err != nil {
					t.Fatal(err)
				}
			}
			ops := 0
			s.fail = func(string, string) error {
				if ops++; ops >= step {
					return dead
				}
				return nil
			}
			var err error
			if next == "" {
				err = v.Delete(ctx, "k")
			} else {
				err = v.Set(ctx, "k", secret.New(next))
			}
			done := ops < step
			s.fail = nil
			got, getErr := vault.New(s, 200).Get(ctx, "k")
			value := got.Reveal()
			if getErr != nil && !errors.Is(getErr, vault.ErrNotFound) || value != old && value != next {
				t.Fatalf("%v, dead at operation %d: %v", sizes, step, getErr)
			}
			if err == nil && value != next {
				t.Errorf("%v, dead at operation %d: said done and is not", sizes, step)
			}
			if err := v.Set(ctx, "k", secret.New("fine")); err != nil {
				t.Errorf("%v, dead at operation %d: the next write: %v", sizes, step, err)
			}
			if done {
				break
			}
		}
	}
}

// Writers of one name take turns; what is left is one of their values and no
// rubbish.
func TestWritersOfOneName(t *testing.T) {
	ctx := t.Context()
	s := newStore()
	s.fail = func(string, string) error { // others get their chance between any two
		time.Sleep(20 * time.Microsecond)
		return nil
	}
	v := vault.New(s, 200)
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			for range 6 {
				if err := v.Set(ctx, "k", secret.New(strings.Repeat(fmt.Sprint(i), 700))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	got, err := v.Get(ctx, "k")
	if err != nil || got.Reveal() != strings.Repeat(got.Reveal()[:1], 700) {
		t.Errorf("Get: %v", err)
	}
	if len(s.values) != 5 { // the head and four parts
		t.Errorf("%d entries are left", len(s.values))
	}
}

func TestNamesThatAreNone(t *testing.T) {
	v := vault.NewMemory()
	for _, name := range []string{"", "a#00#1", "a\nb", "a\xff", strings.Repeat("n", 401)} {
		if err := v.Set(t.Context(), name, secret.New("x")); !fault.Is(err, fault.Usage) {
			t.Errorf("Set %.20q = %v", name, err)
		}
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
