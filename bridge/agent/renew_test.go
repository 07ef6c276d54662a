package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// tokens are accounts whose tokens can be renewed, or not.
type tokens struct {
	mu     sync.Mutex
	facts  map[string]credential.Facts
	err    error
	renews map[string][]time.Time
}

func (k *tokens) AllFacts() ([]credential.Facts, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []credential.Facts
	for _, f := range k.facts {
		all = append(all, f)
	}
	return all, nil
}

func (k *tokens) Account(s config.Server, _ string) Account { return &token1{name: s.Name, all: k} }

func (k *tokens) ForgetServer(context.Context, config.Server) error { return nil }

func (k *tokens) SignOutEverywhere(context.Context) ([]credential.Outcome, error) { return nil, nil }

type token1 struct {
	Account // nothing else is called
	name    string
	all     *tokens
}

func (t *token1) Key() string { return t.name }

func (t *token1) RenewAhead(_ context.Context, ahead time.Duration) error {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	f := t.all.facts[t.name]
	if time.Now().Add(ahead).Before(f.ExpiresAt) {
		return nil // asked too early
	}
	t.all.renews[t.name] = append(t.all.renews[t.name], time.Now())
	if t.all.err != nil {
		return t.all.err
	}
	f = fresh(t.name, f.ExpiresAt.Sub(f.IssuedAt))
	f.RefreshedAt = f.IssuedAt
	t.all.facts[t.name] = f
	return nil
}

func fresh(name string, life time.Duration) credential.Facts {
	return credential.Facts{
		Key: name, Server: config.Server{Name: name}, State: credential.SignedIn, Renewable: true,
		IssuedAt: time.Now(), ExpiresAt: time.Now().Add(life),
	}
}

func (k *tokens) count(name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.renews[name])
}

func newTokens() *tokens {
	return &tokens{facts: map[string]credential.Facts{}, renews: map[string][]time.Time{}}
}

// startRenewals runs renewals until the end of the test.
func startRenewals(t *testing.T, k *tokens) *renewals {
	return startRenewalsWith(t, k, func(*renewals) {})
}

// startRenewalsWith is the same after a change.
func startRenewalsWith(t *testing.T, k *tokens, change func(*renewals)) *renewals {
	r := newRenewals(k, slog.New(slog.DiscardHandler))
	change(r)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		r.run(ctx)
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return r
}

func TestTokensAreRenewedAheadOfTheirEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTokens()
		k.facts["hour"] = fresh("hour", time.Hour)
		k.facts["short"] = fresh("short", 15*time.Second)
		ended := fresh("ended", time.Hour)
		ended.IssuedAt, ended.ExpiresAt = ended.IssuedAt.Add(-3*time.Hour), ended.ExpiresAt.Add(-3*time.Hour)
		k.facts["ended"] = ended
		begun := time.Now()
		startRenewals(t, k)

		time.Sleep(10 * time.Second)
		if k.count("ended") != 1 || k.count("hour") != 0 {
			t.Errorf("after the start: %v", k.renews)
		}
		time.Sleep(58*time.Minute - time.Since(begun))
		if k.count("hour") != 0 {
			t.Errorf("renewed too early: %v", k.renews)
		}
		time.Sleep(59*time.Minute + 30*time.Second - time.Since(begun))
		if k.count("hour") != 1 {
			t.Errorf("not renewed before its end: %v", k.renews)
		}
		time.Sleep(10 * time.Hour)
		if n := k.count("hour"); n < 10 || n > 11 {
			t.Errorf("%d renewals in eleven hours", n)
		}
		if k.count("short") != 0 {
			t.Error("a token of 15 s was renewed for nobody")
		}
	})
}

func TestFailedRenewalBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTokens()
		k.err = fault.Wrap(errors.New("503"), fault.Unreachable, "away", "")
		k.facts["a"] = fresh("a", 5*time.Minute)
		startRenewals(t, k)
		time.Sleep(2 * time.Hour)
		if n := k.count("a"); n < 8 || n > 25 {
			t.Errorf("%d tries in two hours: %v", n, k.renews["a"])
		}
		k.mu.Lock()
		k.err = nil
		k.mu.Unlock()
		time.Sleep(20 * time.Minute)
		k.mu.Lock()
		defer k.mu.Unlock()
		if !k.facts["a"].ExpiresAt.After(time.Now()) {
			t.Error("not renewed although the server is back")
		}
	})
}

func TestOverslept(t *testing.T) {
	for _, tt := range []struct {
		wall, awake time.Duration
		want        bool
	}{
		{time.Minute, time.Minute, false},
		{time.Minute, time.Minute - time.Second, false}, // the clock was set
		{8*time.Hour + heartbeat, heartbeat, true},
		{-time.Hour, heartbeat, false}, // the clock was set back
	} {
		if got := overslept(tt.wall, tt.awake); got != tt.want {
			t.Errorf("overslept(%v, %v) = %v", tt.wall, tt.awake, got)
		}
	}
}

// After sleep what had failed is tried again at once, not after its pause.
func TestWakeEndsPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTokens()
		r := newRenewals(k, slog.New(slog.DiscardHandler))
		now := time.Now()
		r.plans["a"] = &plan{expires: now.Add(-time.Hour), due: now.Add(9 * time.Minute), pause: retryMost}
		r.plans["b"] = &plan{expires: now.Add(time.Hour), due: now.Add(59 * time.Minute), pause: retryFirst}
		r.wake(now)
		if a, b := r.plans["a"], r.plans["b"]; a.due.Sub(now) > settling || a.pause != retryFirst || b.due.Sub(now) != 59*time.Minute {
			t.Errorf("a in %v, b in %v", a.due.Sub(now), b.due.Sub(now))
		}
	})
}
