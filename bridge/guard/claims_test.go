package guard_test

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
)

// What the settings ask of a token beside what all must have.
func TestRequiredClaims(t *testing.T) {
	for _, tt := range []struct {
		required []string
		change   map[string]any
		want     guard.Code
	}{
		{[]string{"nbf"}, nil, ""},
		{[]string{"nbf"}, map[string]any{"nbf": nil}, guard.MissingClaim},
		{[]string{"tenant=blue"}, nil, guard.MissingClaim},
		{[]string{"tenant=blue"}, map[string]any{"tenant": "blue"}, ""},
		{[]string{"tenant=blue"}, map[string]any{"tenant": "blues"}, guard.WrongClaim},
		{[]string{"tenant=blue"}, map[string]any{"tenant": ""}, guard.WrongClaim},
		{[]string{"amr=mfa"}, map[string]any{"amr": []string{"pwd", "mfa"}}, ""},
		{[]string{"amr=mfa"}, map[string]any{"amr": []string{"pwd"}}, guard.WrongClaim},
		{[]string{"scope=notes.read"}, nil, ""}, // a list of words
		{[]string{"scope=notes"}, nil, guard.WrongClaim},
		{[]string{"level=3"}, map[string]any{"level": 3}, ""},
		{[]string{"staff=true"}, map[string]any{"staff": true}, ""},
		{[]string{"staff=true"}, map[string]any{"staff": false}, guard.WrongClaim},
		{[]string{"nbf", "tenant=blue"}, map[string]any{"tenant": "red"}, guard.WrongClaim},
	} {
		c := claims()
		c.Required = tt.required
		keys, err := guard.PEMKey(pemOf(t, &rsaKey.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		mode, err := guard.NewJWT(c, nil, keys)
		if err != nil {
			t.Fatal(err)
		}
		g := guard.New(guard.Config{Modes: []guard.Mode{mode}, Now: clock})
		if got, _ := admit(t, g, sign(t, jwt.SigningMethodRS256, rsaKey, "", with(tt.change))); got != tt.want {
			t.Errorf("%q of a token with %v: %q, want %q", tt.required, tt.change, got, tt.want)
		}
	}
	c := claims()
	c.Required = []string{"=blue"}
	if _, err := guard.NewHMAC(c, nil, guard.HMACKey{Secret: secret.New(shared)}); err == nil {
		t.Error("a claim without a name is taken")
	}
}

// Rights that a rule gives to an address are not for whoever writes it into their
// own profile at the issuer.
func TestRulesBelieveProvenAddressesOnly(t *testing.T) {
	policy := &guard.Policy{Rules: []guard.Rule{{Subjects: []string{"ada@example.com"}}}}
	azure := guard.Presets["azure"].Apply(claims())
	for _, tt := range []struct {
		name   string
		claims guard.Claims
		change map[string]any
		want   guard.Code
	}{
		{"the issuer does not say", claims(), nil, ""},
		{"proven", claims(), map[string]any{"email_verified": true}, ""},
		{"proven, as a text", claims(), map[string]any{"email_verified": "true"}, ""},
		{"not proven", claims(), map[string]any{"email_verified": false}, guard.Scope},
		{"not proven, as a text", claims(), map[string]any{"email_verified": "false"}, guard.Scope},
		{"of Entra, where anybody may write it", azure, map[string]any{"oid": "o1"}, guard.Scope},
		{"of Entra, proven", azure, map[string]any{"oid": "o1", "xms_edov": true}, ""},
		{"of Entra, proven, as a number", azure, map[string]any{"oid": "o1", "xms_edov": "1"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keys, err := guard.PEMKey(pemOf(t, &rsaKey.PublicKey))
			if err != nil {
				t.Fatal(err)
			}
			mode, err := guard.NewJWT(tt.claims, nil, keys)
			if err != nil {
				t.Fatal(err)
			}
			g := guard.New(guard.Config{Modes: []guard.Mode{mode}, Now: clock, Policy: policy})
			if got, _ := admit(t, g, sign(t, jwt.SigningMethodRS256, rsaKey, "", with(tt.change))); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// A refresh token that the secret before has signed is as good as its access
// tokens, and what is made from it is signed with the present one.
func TestRenewAfterTheSecretWasChanged(t *testing.T) {
	old, fresh := guard.HMACKey{ID: "old", Secret: secret.New(previous)}, guard.HMACKey{ID: "new", Secret: secret.New(shared)}
	first, err := guard.Mint{Subject: "ci", Audience: audience, Access: time.Minute, Refresh: time.Hour, Scopes: []string{"notes.read"}}.Tokens(old, now)
	if err != nil {
		t.Fatal(err)
	}
	denied := guard.NewFileDenylist(t.TempDir()+"/denied", clock)
	c := guard.Claims{Audience: []string{audience}}
	if _, err := guard.Renew(t.Context(), first.Refresh, c, []guard.HMACKey{fresh}, denied, time.Minute, time.Hour, now); err == nil {
		t.Error("a secret that is forgotten still renews")
	}
	second, err := guard.Renew(t.Context(), first.Refresh, c, []guard.HMACKey{fresh, old}, denied, time.Minute, time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	if kid := guard.NewPeek(second.Access.Reveal()).Kid; kid != "new" {
		t.Errorf("signed with %q", kid)
	}
	if _, err := guard.Renew(t.Context(), first.Refresh, c, []guard.HMACKey{fresh, old}, denied, time.Minute, time.Hour, now); err == nil {
		t.Error("a refresh token is good twice")
	}
}
