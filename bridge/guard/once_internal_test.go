package guard

import (
	"testing"
	"testing/synctest"
	"time"
)

// What lies between a caller's look at the cache and its verification is the
// machine's to say; so these tests call once without the look.

func TestWhoComesJustAfterAVerificationGetsItsVerdict(t *testing.T) {
	for _, verdict := range []struct {
		name string
		id   *Identity
		no   *Refusal
	}{{"good", &Identity{Subject: "ann"}, nil}, {"bad", nil, invalid("no", WrongKind)}} {
		t.Run(verdict.name, func(t *testing.T) {
			c, now, verified := NewCache(0, 0), time.Now(), 0
			for range 2 {
				id, no := c.once(t.Context(), Hash{1}, func() (*Identity, *Refusal) {
					verified++
					return verdict.id, verdict.no
				}, now)
				if id != verdict.id || no != verdict.no {
					t.Errorf("got %v, %v", id, no)
				}
			}
			if verified != 1 {
				t.Errorf("verified %d times, want once", verified)
			}
		})
	}
}

func TestWhoComesAfterEmptyGetsNoVerdictOfBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, now, release, ended := NewCache(0, 0), time.Now(), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			c.once(t.Context(), Hash{1}, func() (*Identity, *Refusal) {
				<-release
				return &Identity{Subject: "ann"}, nil
			}, now)
		}()
		synctest.Wait()
		c.Empty() // ann's key was revoked
		revoked := func() (*Identity, *Refusal) { return nil, invalid("revoked", Revoked) }
		second := make(chan *Refusal, 1)
		go func() {
			_, no := c.once(t.Context(), Hash{1}, revoked, now)
			second <- no
		}()
		synctest.Wait()
		close(release)
		if no := <-second; no == nil {
			t.Error("the verdict of a verification from before Empty was given")
		}
		<-ended
		if _, no, ok := c.get(Hash{1}, now); !ok || no == nil {
			t.Error("the verdict of a verification from before Empty was kept")
		}
	})
}

// Who was good before Empty is looked at anew, and not locked out for the failures of
// others behind the same address until then.
func TestEmptyForgetsVerdictsAndNotWhoWasGood(t *testing.T) {
	c, now := NewCache(0, 2), time.Now()
	good := func() (*Identity, *Refusal) { return &Identity{Subject: "ann"}, nil }
	for i := range byte(2) {
		c.once(t.Context(), Hash{i}, good, now)
	}
	for range 2 {
		c.Empty()
	}
	for i := range byte(2) {
		if _, _, ok := c.get(Hash{i}, now); ok || !c.knows(Hash{i}) {
			t.Errorf("%d: verdict kept %v, known %v", i, ok, c.knows(Hash{i}))
		}
	}
	c.once(t.Context(), Hash{0}, func() (*Identity, *Refusal) { return nil, unavailable() }, now)
	if !c.knows(Hash{0}) {
		t.Error("an issuer that is away makes a stranger of a caller")
	}
	c.once(t.Context(), Hash{0}, func() (*Identity, *Refusal) { return nil, invalid("revoked", Revoked) }, now)
	if c.knows(Hash{0}) {
		t.Error("known although refused since")
	}
	c.once(t.Context(), Hash{1}, good, now)
	for i := byte(2); i < 20; i++ { // others come and go: what is remembered is bounded
		c.once(t.Context(), Hash{i}, good, now)
		c.Empty()
	}
	if len(c.before) > 2 {
		t.Errorf("%d are remembered, want no more than the cache holds", len(c.before))
	}
}
