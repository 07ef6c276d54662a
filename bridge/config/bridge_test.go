package config_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"drawbridge/bridge/config"
)

// An exchange is found and replaced however its server is spelt, and what a person
// wrote around it stays.
func TestAnExchangeGoesIntoTheSettings(t *testing.T) {
	p := config.Paths{Config: t.TempDir(), State: t.TempDir()}
	text := `{
	"version": 1,
	"servers": [{"name": "notes", "url": "https://notes.example.com/mcp"}],
	"bridge": {
		// who may do what
		"rules": [{"scopes": ["x"]}],
		"servers": {"Notes": {"tellCaller": true}, "wiki": {"tellCaller": true}},
	},
}
`
	if err := os.WriteFile(p.SettingsFile(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set := func(x *config.Exchange) *config.Settings {
		t.Helper()
		if err := config.Update(t.Context(), p, func(s *config.Settings) error { s.SetExchange("notes", x); return nil }); err != nil {
			t.Fatal(err)
		}
		s, err := config.Load(p)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	x := &config.Exchange{Issuer: "https://login.example.com", ClientID: "bridge", Resource: "https://notes.example.com/mcp"}
	s := set(x)
	if got := s.BridgeFor("NOTES"); !got.TellCaller || !reflect.DeepEqual(got.Exchange, x) {
		t.Errorf("set: %+v", got)
	}
	s = set(nil)
	if got := s.BridgeFor("notes"); !got.TellCaller || got.Exchange != nil {
		t.Errorf("taken out: %+v", got)
	}
	raw, err := os.ReadFile(p.SettingsFile())
	if err != nil || !strings.Contains(string(raw), "// who may do what") || len(s.Bridge.Rules) != 1 || !s.BridgeFor("wiki").TellCaller {
		t.Errorf("what was around it: %s, %v", raw, err)
	}
	// Another server of the same name has nothing of it.
	set(x)
	if err := config.Update(t.Context(), p, func(s *config.Settings) error { return s.Remove("NOTES") }); err != nil {
		t.Fatal(err)
	}
	if s, err = config.Load(p); err != nil || s.BridgeFor("notes") != (config.BridgeServer{}) || !s.BridgeFor("wiki").TellCaller {
		t.Errorf("after its server was removed: %+v, %v", s.Bridge, err)
	}
	for _, wrong := range []config.Exchange{
		{ClientID: "bridge", Resource: "r"},
		{Issuer: "https://login.example.com", Resource: "r"},
		{Issuer: "https://login.example.com", ClientID: "bridge"},
		{Issuer: "http://login.example.com", ClientID: "bridge", Resource: "r"},
		{Issuer: "https://login.example.com", ClientID: "bridge", Resource: "r", SubjectType: "saml2"},
	} {
		if wrong.Check(false) == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

func TestMetadataOfTheBridge(t *testing.T) {
	for member, ok := range map[string]bool{
		`"resource_name": "Tools of {server}"`: true, `"resource_name#de": "Werkzeuge"`: true, `"resource_documentation": "https://example.com/{server}"`: true,
		`"resource_policy_uri": "https://example.com/p", "resource_tos_uri": "https://example.com/t"`: true, `"x_contact": {"a": [1]}`: true,
		`"resource_documentation": "http://example.com"`: false, `"resource_policy_uri": "javascript:alert(1)"`: false, `"resource_tos_uri": 7`: false, `"resource_name": ""`: false,
		`"resource": "https://evil.example"`: false, `"authorization_servers": ["https://evil.example"]`: false, `"signed_metadata": "x"`: false,
		`"bearer_methods_supported": ["query"]`: false, `"scopes_supported": []`: false, `"dpop_bound_access_tokens_required": true`: false,
	} {
		var b config.Bridge
		if err := json.Unmarshal([]byte(`{"metadata": {`+member+`}}`), &b); err != nil {
			t.Fatal(err)
		}
		if err := b.CheckMetadata(); (err == nil) != ok {
			t.Errorf("%s: %v", member, err)
		}
	}
}
