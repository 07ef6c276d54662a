package guard_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
)

func TestDenied(t *testing.T) {
	token := sign(t, jwt.SigningMethodRS256, rsaKey, "", with(nil))
	for name, d := range map[string]guard.Denial{
		"by id": {ID: "t1"}, "by subject": {Subject: "ada"}, "by token": {Token: guard.HashOf(secret.New(token)).String()},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x", "denied.jsonl")
			at := now
			g := guard.New(guard.Config{Modes: []guard.Mode{jwtMode(t)}, Now: clock, Denied: guard.NewFileDenylist(path, func() time.Time { return at })})
			if code, _ := admit(t, g, token); code != "" {
				t.Fatal(code)
			}
			// Another process denies it.
			d.Until = now.Add(time.Minute)
			if err := guard.NewFileDenylist(path, clock).Deny(context.Background(), d); err != nil {
				t.Fatal(err)
			}
			at = at.Add(time.Second)
			if code, _ := admit(t, g, token); code != guard.Revoked {
				t.Errorf("a second later: %q, want revoked", code)
			}
			at = now.Add(time.Hour)
			if code, _ := admit(t, g, token); code != "" {
				t.Errorf("after the entry's end: %q", code)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	at := now
	g := guard.New(guard.Config{
		Modes: []guard.Mode{jwtMode(t)}, Now: func() time.Time { return at },
		Limits: guard.NewLimits(guard.LimitConfig{PerSubject: 3, Failures: 4, Lockout: time.Minute}),
	})
	token := sign(t, jwt.SigningMethodRS256, rsaKey, "", with(nil))
	for i := range 4 {
		code, no := admit(t, g, token)
		if want := guard.Code(""); i < 3 && code != want {
			t.Fatalf("request %d: %s", i, code)
		}
		if i == 3 && (code != guard.RateLimited || no.Status != 429 || no.RetryAfter != 20*time.Second) {
			t.Errorf("request 3: %s %v %v", code, no.Status, no.RetryAfter)
		}
	}
	at = at.Add(21 * time.Second)
	if code, _ := admit(t, g, token); code != "" {
		t.Errorf("after the pause: %s", code)
	}
	at = at.Add(21 * time.Second)
	ended := sign(t, jwt.SigningMethodRS256, rsaKey, "", with(map[string]any{"exp": now.Add(-time.Hour).Unix()}))
	for range 10 { // every client comes with one now and then
		if code, _ := admit(t, g, ended); code != guard.Expired {
			t.Fatalf("a token that has ended: %q", code)
		}
	}
	if code, _ := admit(t, g, sign(t, jwt.SigningMethodRS256, rsaKey, "", with(map[string]any{"sub": "hedy"}))); code != "" {
		t.Errorf("tokens that have ended lock the address out: %q", code)
	}
	for range 4 {
		_, _ = admit(t, g, "wrong")
	}
	other := sign(t, jwt.SigningMethodRS256, rsaKey, "", with(map[string]any{"sub": "grace"}))
	code, no := admit(t, g, other)
	if code != guard.LockedOut || no.RetryAfter != time.Minute {
		t.Errorf("after four refusals: %q", code)
	}
	if code, _ := admit(t, g, token); code != "" {
		t.Errorf("who was let in before is locked out with the address: %q", code)
	}
	at = at.Add(time.Minute)
	if code, _ := admit(t, g, other); code != "" {
		t.Errorf("after the lock-out: %s", code)
	}
}
