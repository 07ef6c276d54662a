package guard_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/guard"
)

func TestDenylistFile(t *testing.T) {
	at := now
	clock := func() time.Time { return at }
	path := filepath.Join(t.TempDir(), "denied.jsonl")
	one, two := guard.NewFileDenylist(path, clock), guard.NewFileDenylist(path, clock)
	ctx := t.Context()
	is := func(d guard.Denial) bool {
		t.Helper()
		yes, err := two.Denied(ctx, &guard.Identity{ID: d.ID, Subject: d.Subject}, guard.Hash{})
		if err != nil {
			t.Fatal(err)
		}
		return yes
	}
	t.Run("of those who use one thing at once, one is first", func(t *testing.T) {
		var firsts atomic.Int32
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				first, err := []*guard.FileDenylist{one, two}[i%2].Once(ctx, guard.Denial{ID: "refresh", Until: now.Add(time.Hour)})
				if err != nil {
					t.Error(err)
				}
				if first {
					firsts.Add(1)
				}
			})
		}
		all.Wait()
		if n := firsts.Load(); n != 1 {
			t.Errorf("%d were first", n)
		}
	})
	t.Run("what was denied by mistake is taken back, and nothing else", func(t *testing.T) {
		for _, d := range []guard.Denial{{Subject: "ada"}, {Subject: "ada", Until: now.Add(time.Minute)}, {Subject: "eve"}} {
			if err := one.Deny(ctx, d); err != nil {
				t.Fatal(err)
			}
		}
		at = at.Add(time.Second)
		if found, err := one.Allow(ctx, guard.Denial{Subject: "ada"}); !found || err != nil {
			t.Errorf("found %v, %v", found, err)
		}
		if found, err := one.Allow(ctx, guard.Denial{Subject: "ada"}); found || err != nil {
			t.Errorf("again: found %v, %v", found, err)
		}
		at = at.Add(time.Second)
		if is(guard.Denial{Subject: "ada"}) || !is(guard.Denial{Subject: "eve"}) || !is(guard.Denial{ID: "refresh"}) {
			t.Error("the wrong entries were taken back")
		}
	})
	t.Run("what has ended is not kept for ever", func(t *testing.T) {
		for i := range 2000 {
			if err := one.Deny(ctx, guard.Denial{ID: fmt.Sprintf("refresh-%d", i), Until: at.Add(time.Minute)}); err != nil {
				t.Fatal(err)
			}
			at = at.Add(time.Second)
		}
		info, err := os.Stat(path)
		if err != nil || info.Size() > 80<<10 {
			t.Errorf("%d bytes, %v", info.Size(), err)
		}
		if !is(guard.Denial{Subject: "eve"}) || !is(guard.Denial{ID: "refresh-1999"}) || is(guard.Denial{ID: "refresh-1"}) {
			t.Error("an entry that counts was taken out, or one that has ended counts")
		}
	})
}

// A disk that was full, or a process that was killed, leaves half a line: that nobody
// was denied by, and it keeps nobody out. What a person wrote without an end counts.
func TestADenylistWithAnUnfinishedLine(t *testing.T) {
	const eve, bob = `{"sub":"eve","at":"2026-01-01T00:00:00Z"}`, `{"sub":"bob","at":"2026-01-01T00:00:00Z"}`
	for name, c := range map[string]struct {
		text    string
		damaged bool
		bob     bool
	}{
		"cut short":         {eve + "\n" + bob[:20], false, false},
		"nothing but that":  {bob[:20], false, false},
		"whole, no end":     {eve + "\n" + bob, false, true},
		"whole":             {eve + "\n" + bob + "\n", false, true},
		"damaged before it": {eve[:20] + "\n" + bob, true, false},
		"damaged, with end": {eve + "\n" + bob[:20] + "\n", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "denied.jsonl")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			is := func(subject string) (bool, error) { // as a process that starts now
				return guard.NewFileDenylist(path, clock).Denied(t.Context(), &guard.Identity{Subject: subject}, guard.Hash{})
			}
			if denied, err := is("bob"); denied != c.bob || (err != nil) != c.damaged {
				t.Errorf("bob: %v, %v", denied, err)
			}
			if err := guard.NewFileDenylist(path, clock).Deny(t.Context(), guard.Denial{Subject: "kim"}); err != nil {
				t.Fatal(err)
			}
			kim, err := is("kim")
			if kim == c.damaged || (err != nil) != c.damaged {
				t.Errorf("kim, who was denied since: %v, %v", kim, err)
			}
			if denied, err := is("bob"); denied != c.bob || (err != nil) != c.damaged {
				t.Errorf("bob after that: %v, %v", denied, err)
			}
		})
	}
}

func TestRotateKeys(t *testing.T) {
	keys := guard.NewFileKeys(filepath.Join(t.TempDir(), "keys"), clock, nil)
	ctx := t.Context()
	add := func(k guard.APIKey, at time.Time) guard.APIKey {
		t.Helper()
		k, _ = guard.NewAPIKey(k, at)
		if err := keys.Add(ctx, k); err != nil {
			t.Fatal(err)
		}
		return k
	}
	month := 30 * 24 * time.Hour
	ci := add(guard.APIKey{Client: "ci", Tools: []string{"get_*"}, Expires: now.Add(time.Hour)}, now.Add(time.Hour-month))
	fresh, text, err := keys.Rotate(ctx, "ci", time.Minute)
	if err != nil || text == "" || fresh.ID == ci.ID || !fresh.Expires.Equal(now.Add(month)) || len(fresh.Tools) != 1 {
		t.Errorf("%+v, %v: want the rights and the month of the old one", fresh, err)
	}
	all, err := keys.List()
	if err != nil || len(all) != 2 || !all[0].Expires.Equal(now.Add(time.Minute)) {
		t.Errorf("the old one: %+v, %v", all, err)
	}
	if _, _, err := keys.Rotate(ctx, "ci", 0); !errors.Is(err, guard.ErrSeveralAPIKeys) {
		t.Errorf("two keys of a client: %v", err)
	}
	if _, _, err := keys.Rotate(ctx, fresh.ID, 0); err != nil {
		t.Error(err)
	}
	if _, _, err := keys.Rotate(ctx, "nobody", 0); !errors.Is(err, guard.ErrNoAPIKey) {
		t.Errorf("nobody's: %v", err)
	}
}

// A person copies a key into a client at once.
func TestAKeyCountsFromTheMomentItIsMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	bridge, command := guard.NewFileKeys(path, clock, nil), guard.NewFileKeys(path, clock, nil)
	for range 3 {
		k, _ := guard.NewAPIKey(guard.APIKey{Client: "ci"}, now)
		if _, known, err := bridge.Find(t.Context(), k.ID); known || err != nil {
			t.Fatal(known, err)
		}
		if err := command.Add(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		if _, known, err := bridge.Find(t.Context(), k.ID); !known || err != nil {
			t.Errorf("just made: known %v, %v", known, err)
		}
	}
}

// Whoever notices that the file has changed tells it: a key that was revoked must
// not be believed any longer because another was asked for first.
func TestAChangeOfKeysIsNeverMissed(t *testing.T) {
	at := now
	tick := func() time.Time { return at }
	path := filepath.Join(t.TempDir(), "keys")
	told := 0
	bridge, command := guard.NewFileKeys(path, tick, func() { told++ }), guard.NewFileKeys(path, tick, nil)
	ctx := t.Context()
	old, _ := guard.NewAPIKey(guard.APIKey{Client: "old"}, now)
	other, _ := guard.NewAPIKey(guard.APIKey{Client: "other"}, now)
	for _, k := range []guard.APIKey{old, other} {
		if err := command.Add(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
	find := func(id string) {
		t.Helper()
		if _, _, err := bridge.Find(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	find(old.ID)
	for _, id := range []string{other.ID, "unknown"} {
		told = 0
		at = at.Add(time.Minute)
		if _, err := command.Revoke(ctx, old.ID); err != nil && !errors.Is(err, guard.ErrNoAPIKey) {
			t.Fatal(err)
		}
		if id == "unknown" { // asked about at once, when no look is due
			find(other.ID)
			told = 0
			if _, err := command.Revoke(ctx, other.ID); err != nil {
				t.Fatal(err)
			}
		}
		find(id)
		if told != 1 {
			t.Errorf("asked about %s after a revocation: told %d times", id, told)
		}
	}
}
