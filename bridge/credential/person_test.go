package credential

import (
	"encoding/json"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// TestSamePerson: who counts as whom.
func TestSamePerson(t *testing.T) {
	const issuer = "https://as.example"
	known := Facts{State: SignedIn, Issuer: issuer, Subject: "a", Email: "ada@example.com", Tenant: "engine"}
	for name, c := range map[string]struct {
		was    func(*Facts)
		issuer string
		claims map[string]any // nil: opaque
		what   string         // "": accepted
	}{
		"the same":                       {nil, issuer, map[string]any{"sub": "a", "email": "ada@example.com", "tid": "engine"}, ""},
		"the same, another address":      {nil, issuer, map[string]any{"sub": "a", "email": "ada@engine.example"}, ""},
		"another":                        {nil, issuer, map[string]any{"sub": "b", "email": "bob@example.com"}, "notes is ada@example.com, but bob@example.com signed in."},
		"another, needed":                {func(f *Facts) { f.State = SignInNeeded }, issuer, map[string]any{"sub": "b"}, "notes is ada@example.com, but b signed in."},
		"another of one address":         {nil, issuer, map[string]any{"sub": "b", "email": "ada@example.com"}, "notes is ada@example.com (a), but ada@example.com (b) signed in."},
		"another tenant":                 {nil, issuer, map[string]any{"sub": "a", "email": "ada@example.com", "org": "analysis"}, "notes is ada@example.com (engine), but ada@example.com (analysis) signed in."},
		"after a sign-out":               {func(f *Facts) { f.State = SignedOut }, issuer, map[string]any{"sub": "b"}, ""},
		"at another server":              {nil, "https://other.example", map[string]any{"sub": "b"}, ""},
		"opaque":                         {nil, issuer, nil, ""},
		"nobody was known":               {func(f *Facts) { f.Subject = "" }, issuer, map[string]any{"sub": "b"}, ""},
		"a tenant that was not known":    {func(f *Facts) { f.Tenant = "" }, issuer, map[string]any{"sub": "a", "tid": "x"}, ""},
		"facts of another address (URL)": {func(f *Facts) { f.Server.URL = "https://old.example.com" }, issuer, map[string]any{"sub": "b"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			m := NewManager(Config{Paths: config.Paths{Config: dir, State: dir}, Vault: vault.NewMemory()})
			a := m.Account(config.Server{Name: "notes", URL: "https://notes.example.com"}, "")
			if err := a.note(func(f *Facts) {
				server := f.Server
				*f = known
				f.Key, f.Account, f.Server = a.key, a.account, server
				if c.was != nil {
					c.was(f)
				}
			}); err != nil {
				t.Fatal(err)
			}
			r := &record{Issuer: c.issuer, Access: secret.New("opaque")}
			if c.claims != nil {
				raw, err := json.Marshal(c.claims)
				if err != nil {
					t.Fatal(err)
				}
				r.Access = secret.New(jwt(string(raw)))
			}
			err := a.samePerson(t.Context(), r)
			switch {
			case c.what == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.what != "" && (!fault.Is(err, fault.OtherAccount) || fault.Public(err).What != c.what):
				t.Errorf("got %v; want %s", err, c.what)
			}
		})
	}
}

// TestSamePersonWithoutFacts: facts can be lost, and the vault still knows who
// it is.
func TestSamePersonWithoutFacts(t *testing.T) {
	dir := t.TempDir()
	m := NewManager(Config{Paths: config.Paths{Config: dir, State: dir}, Vault: vault.NewMemory()})
	a := m.Account(config.Server{Name: "notes", URL: "https://notes.example.com"}, "work")
	of := func(subject string) *record {
		return &record{URL: a.server.URL, Issuer: "https://as.example", Access: secret.New(jwt(`{"sub":"` + subject + `"}`))}
	}
	if err := a.samePerson(t.Context(), of("b")); err != nil {
		t.Errorf("nobody was there: %v", err)
	}
	if err := a.write(t.Context(), of("a")); err != nil {
		t.Fatal(err)
	}
	if err := a.samePerson(t.Context(), of("a")); err != nil {
		t.Errorf("the same: %v", err)
	}
	if err := a.samePerson(t.Context(), of("b")); !fault.Is(err, fault.OtherAccount) {
		t.Errorf("another: %v", err)
	}
}
