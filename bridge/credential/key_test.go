package credential_test

import (
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
)

// Options that change what is signed in to make another credential of an
// unnamed server; the others do not, and none is as it was before there were any.
func TestKeyOfAnUnnamedServer(t *testing.T) {
	plain := config.Server{URL: "https://notes.example.com/mcp"}
	key := credential.Key(plain, "")
	for name, c := range map[string]struct {
		change func(*config.Server)
		same   bool
	}{
		"grant":          {func(s *config.Server) { s.OAuth.Grant = config.DeviceCode }, false},
		"default grant":  {func(s *config.Server) { s.OAuth.Grant = config.AuthorizationCode }, true},
		"resource":       {func(s *config.Server) { s.OAuth.Resource = "https://other.example" }, false},
		"param":          {func(s *config.Server) { s.OAuth.AuthorizeParams = map[string]string{"audience": "x"} }, false},
		"token endpoint": {func(s *config.Server) { s.OAuth.Endpoints.Token = "https://other.example/token" }, false},
		"callback":       {func(s *config.Server) { s.OAuth.Callback.Port = 4321 }, true},
		"ca":             {func(s *config.Server) { s.TLS.CAFile = "/ca.pem" }, true},
		"header":         {func(s *config.Server) { s.Headers = map[string]string{"X-Team": "tools"} }, true},
	} {
		s := plain
		c.change(&s)
		if got := credential.Key(s, "") == key; got != c.same {
			t.Errorf("%s: the same credential: %v, want %v", name, got, c.same)
		}
	}
}
