package agent

import (
	"context"
	"slices"
	"testing"
	"time"

	"drawbridge/bridge/band"
	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/token"
	"drawbridge/bridge/vault"
)

// issue plays another process that gets a token with these scopes.
func (r *rig) issue(at time.Time, scopes ...string) {
	r.accounts.mu.Lock()
	if r.accounts.says == nil {
		r.accounts.says = map[string]token.Said{}
	}
	r.accounts.says["demo@default"] = token.Said{Format: token.FormatJWT, Scopes: scopes, IssuedAt: at}
	r.accounts.mu.Unlock()
	writeFacts(r.paths, credential.Facts{
		Key: "demo@default", Account: "default", Server: demo, State: credential.SignedIn,
		Renewable: true, IssuedAt: at, ExpiresAt: at.Add(time.Hour),
	})
}

func (r *rig) difference() *token.Difference {
	r.t.Helper()
	d, err := r.TokenDifference(r.t.Context(), "demo@default")
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

func TestTheLastTwoTokensAreCompared(t *testing.T) {
	r := start(t, nil)
	at := time.Now().Add(-time.Minute)
	r.issue(at, "read")
	if d := r.difference(); d != nil {
		t.Errorf("of the first token it says %+v", d)
	}
	r.issue(at.Add(time.Second), "read", "write")
	if d := r.difference(); d == nil || !slices.Equal(d.ScopesAdded, []string{"write"}) || !d.Before.IssuedAt.Equal(at) {
		t.Errorf("after a step-up it says %+v", d)
	}
	if d := r.difference(); d == nil || !slices.Equal(d.ScopesAdded, []string{"write"}) {
		t.Errorf("asked again it says %+v", d)
	}
}

// Nobody asks between the renewals: the agent follows them by itself.
func TestTokensOfOtherProcessesAreFollowed(t *testing.T) {
	p := folders(t)
	if err := config.Update(t.Context(), p, func(s *config.Settings) error { return s.Add(demo) }); err != nil {
		t.Fatal(err)
	}
	if err := config.MakePrivate(p.Accounts()); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, paths: p, accounts: &fakes{Manager: credential.NewManager(credential.Config{Paths: p, Vault: vault.NewMemory()}), paths: p}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a := newAgent(ctx, cancel, Config{Paths: p, Accounts: r.accounts}.complete())
	done := func() { // with what it has begun, and it goes on
		a.tasks.Wait()
		a.tasks = band.Band{}
	}
	at := time.Now().Add(-time.Minute)
	r.issue(at, "a")
	a.rebuild()
	done()
	if r.accounts.saidCount != 0 {
		t.Error("the vault is read for a token that nobody has looked at")
	}
	if _, err := a.TokenDifference(ctx, "demo@default"); err != nil {
		t.Fatal(err)
	}
	for i, scope := range []string{"b", "c"} {
		r.issue(at.Add(time.Duration(i+1)*time.Second), scope)
		a.rebuild()
		a.rebuild()
		done()
	}
	if r.accounts.saidCount != 3 {
		t.Errorf("the vault is read %d times for three tokens", r.accounts.saidCount)
	}
	d := a.tokens.difference("demo@default")
	if d == nil || !slices.Equal(d.ScopesRemoved, []string{"b"}) || !slices.Equal(d.ScopesAdded, []string{"c"}) {
		t.Errorf("of the last two it says %+v", d)
	}
}

// A rebuild that read its facts before a token was remembered knows nothing of it.
func TestALateLookForgetsNoNewerToken(t *testing.T) {
	var s succession
	s.note("demo@default", token.Said{IssuedAt: time.Now()})
	for _, tc := range []struct {
		read time.Time
		left int
	}{{time.Now().Add(-time.Minute), 1}, {time.Now(), 0}} {
		if s.keep(nil, tc.read); len(s.all) != tc.left {
			t.Errorf("after a look at %v: %v", tc.read, s.all)
		}
	}
}

func TestSignedOutTokensAreForgotten(t *testing.T) {
	r := start(t, nil)
	at := time.Now().Add(-time.Minute)
	r.issue(at, "read")
	r.difference()
	r.issue(at.Add(time.Second), "write")
	if r.difference() == nil {
		t.Fatal("two tokens are not compared")
	}
	r.accounts.mu.Lock()
	delete(r.accounts.says, "demo@default")
	r.accounts.mu.Unlock()
	writeFacts(r.paths, credential.Facts{Key: "demo@default", Account: "default", Server: demo, State: credential.SignedOut})
	eventually(t, "what they said is gone", func() bool { return r.difference() == nil })
}
