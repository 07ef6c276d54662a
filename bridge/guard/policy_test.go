package guard_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/guard"
)

func TestPolicy(t *testing.T) {
	ada, key := guard.NewAPIKey(guard.APIKey{Client: "ada", Servers: []string{"notes"}, Tools: []string{"get_*"}}, now)
	policy := &guard.Policy{BuiltInRoles: true, Rules: []guard.Rule{
		{Scopes: []string{"notes.read"}, Servers: []string{"notes"}, Methods: []string{"tools/list", "resources/*"}},
		{Scopes: []string{"notes.write"}, Servers: []string{"notes"}, Methods: []string{"tools/call"}, Tools: []string{"write_*"}},
		{Claims: []string{"tenant=blue"}, Servers: []string{"blue"}},
		{Subjects: []string{"ada"}, Servers: []string{"own"}},
	}}
	none := &guard.Policy{}
	token := func(change map[string]any) string {
		base := map[string]any{"scope": nil, "sub": "eve"}
		for k, v := range change {
			base[k] = v
		}
		return sign(t, jwt.SigningMethodRS256, rsaKey, "", with(base))
	}
	for _, tt := range []struct {
		name, token          string
		policy               *guard.Policy
		server, method, what string
		want                 bool
	}{
		{"no policy", token(nil), none, "notes", "tools/call", "x", true},
		{"scope reads", token(map[string]any{"scope": "notes.read"}), policy, "notes", "tools/list", "", true},
		{"pattern over a slash", token(map[string]any{"scope": "notes.read"}), policy, "notes", "resources/read", "file:///a", true},
		{"scope does not write", token(map[string]any{"scope": "notes.read"}), policy, "notes", "tools/call", "write_x", false},
		{"scope writes", token(map[string]any{"scope": "notes.write"}), policy, "notes", "tools/call", "write_x", true},
		{"as a list", token(map[string]any{"scp": []string{"notes.write"}}), policy, "notes", "tools/call", "write_x", true},
		{"not that tool", token(map[string]any{"scope": "notes.write"}), policy, "notes", "tools/call", "drop", false},
		{"not that server", token(map[string]any{"scope": "notes.write"}), policy, "mail", "tools/call", "write_x", false},
		{"unknown method", token(map[string]any{"scope": "notes.read"}), policy, "notes", "x/unknown", "", false},
		{"lifecycle", token(map[string]any{"scope": "notes.read"}), policy, "notes", "ping", "", true},
		{"nobody's", token(nil), policy, "notes", "ping", "", false},
		{"claim", token(map[string]any{"tenant": "blue"}), policy, "blue", "tools/call", "x", true},
		{"other claim", token(map[string]any{"tenant": "red"}), policy, "blue", "tools/call", "x", false},
		{"opaque-subject", token(map[string]any{"sub": "ada"}), policy, "own", "anything", "", true},
		{"viewer lists", token(map[string]any{"roles": []string{"viewer"}}), policy, "any", "tools/list", "", true},
		{"viewer does not call", token(map[string]any{"roles": []string{"viewer"}}), policy, "any", "tools/call", "x", false},
		{"developer calls", token(map[string]any{"groups": []string{"developer"}}), policy, "any", "tools/call", "x", true},
		{"admin does all", token(map[string]any{"role": "admin"}), policy, "any", "x/unknown", "", true},
		{"key's tool", key, none, "notes", "tools/call", "get_note", true},
		{"not the key's tool", key, none, "notes", "tools/call", "put_note", false},
		{"not the key's server", key, none, "mail", "ping", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := guard.New(guard.Config{
				Modes: []guard.Mode{jwtMode(t), guard.NewAPIKeys(keyStore{ada.ID: ada}, clock)}, Now: clock, Policy: tt.policy,
			})
			c, no := g.Admit(request("Authorization", "Bearer "+tt.token), tt.server)
			if no == nil {
				no = c.Permit(tt.server, tt.method, tt.what)
			}
			if (no == nil) != tt.want {
				t.Fatalf("got %v, want %v", no, tt.want)
			}
			if no != nil && (no.Status != 403 || no.ErrorCode != "insufficient_scope") {
				t.Errorf("HTTP %d %s", no.Status, no.ErrorCode)
			}
		})
	}
}

func TestRefusalNamesTheScopesThatWouldDo(t *testing.T) {
	g := guard.New(guard.Config{Modes: []guard.Mode{jwtMode(t)}, Now: clock, Policy: &guard.Policy{Rules: []guard.Rule{
		{Scopes: []string{"notes.read"}, Methods: []string{"tools/list"}}, {Scopes: []string{"admin"}, Methods: []string{"tools/call"}},
	}}})
	c, no := g.Admit(request("Authorization", "Bearer "+sign(t, jwt.SigningMethodRS256, rsaKey, "", with(nil))), "notes")
	if no != nil {
		t.Fatal(no)
	}
	w := httptest.NewRecorder()
	c.Permit("notes", "tools/call", "x").Write(w)
	if got := w.Header().Get("WWW-Authenticate"); !strings.Contains(got, `scope="admin"`) {
		t.Errorf("challenge %s", got)
	}
}
