package guard_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/guard"
)

// Who was admitted is good for as long as what they showed, and no longer.
func TestGoodUntilTheCredentialEnds(t *testing.T) {
	at := now
	clock := func() time.Time { return at }
	denied := guard.NewFileDenylist(filepath.Join(t.TempDir(), "denied"), clock)
	keys := guard.NewFileKeys(filepath.Join(t.TempDir(), "keys"), clock, nil)
	k, text := guard.NewAPIKey(guard.APIKey{Client: "ci", Servers: []string{"notes"}}, now)
	if err := keys.Add(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	pemKeys, err := guard.PEMKey(pemOf(t, &rsaKey.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	c := claims()
	c.Now = clock
	mode, err := guard.NewJWT(c, nil, pemKeys)
	if err != nil {
		t.Fatal(err)
	}
	cache := guard.NewCache(0, 0)
	g := guard.New(guard.Config{Modes: []guard.Mode{guard.NewAPIKeys(keys, clock), mode}, Denied: denied, Now: clock, Cache: cache})
	caller := func(token string) guard.Caller {
		t.Helper()
		c, no := g.Admit(request("Authorization", "Bearer "+token), "notes")
		if no != nil {
			t.Fatal(no)
		}
		return c
	}
	ada := caller(sign(t, jwt.SigningMethodRS256, rsaKey, "", with(nil)))
	eve := caller(sign(t, jwt.SigningMethodRS256, rsaKey, "", with(map[string]any{"sub": "eve", "jti": "t2"})))
	ci := caller(text)
	for name, c := range map[string]guard.Caller{"ada": ada, "eve": eve, "ci": ci} {
		if !c.Good(t.Context(), "notes") {
			t.Errorf("%s is not good at once", name)
		}
	}
	if ci.Good(t.Context(), "mail") {
		t.Error("a key is good at a server that it does not open")
	}
	if err := denied.Deny(t.Context(), guard.Denial{Subject: "eve"}); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Revoke(t.Context(), "ci"); err != nil {
		t.Fatal(err)
	}
	cache.Empty() // as FileKeys.Watch has it done
	at = at.Add(time.Second)
	if eve.Good(t.Context(), "notes") || ci.Good(t.Context(), "notes") || !ada.Good(t.Context(), "notes") {
		t.Errorf("denied: %v, revoked: %v, the other: %v", eve.Good(t.Context(), "notes"), ci.Good(t.Context(), "notes"), ada.Good(t.Context(), "notes"))
	}
	at = at.Add(time.Hour)
	if ada.Good(t.Context(), "notes") {
		t.Error("good after its end")
	}
}
