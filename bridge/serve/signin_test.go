package serve_test

import (
	"net/http"
	"strings"
	"testing"

	"drawbridge/bridge/guard"
	"drawbridge/bridge/serve"
)

// signsIn answers each with its name.
type signsIn struct{}

func (signsIn) Metadata(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("metadata")) }

func (signsIn) Register(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("register")) }
func (signsIn) Token(w http.ResponseWriter, _ *http.Request)    { _, _ = w.Write([]byte("token")) }
func (signsIn) Revoke(w http.ResponseWriter, _ *http.Request)   { _, _ = w.Write([]byte("revoke")) }

func (signsIn) Authorize(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("authorize")) }

func (signsIn) Callback(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("callback")) }

// Without an authorization server of its own the bridge says at its paths who
// signs people in.
func TestNoSignIn(t *testing.T) {
	for says, change := range map[string]func(*serve.Config){
		"Sign in at https://issuer.example": func(c *serve.Config) { c.Issuers = []string{issuer} },
		"it takes API keys":                 func(*serve.Config) {},
		"it asks nobody":                    func(c *serve.Config) { c.Unguarded = true },
	} {
		r := run(t, func(c *serve.Config) { c.Guard = guard.New(guard.Config{}); change(c) })
		for _, at := range []string{"GET /.well-known/oauth-authorization-server", "GET /.well-known/oauth-authorization-server/notes/mcp", "GET /oauth/authorize", "GET /oauth/callback", "POST /oauth/token", "POST /oauth/revoke", "POST /oauth/register"} {
			verb, path, _ := strings.Cut(at, " ")
			if status, body, _ := r.do(verb, path, "", "", ""); status != http.StatusNotFound || !strings.Contains(body, says) {
				t.Errorf("%s: HTTP %d %s", at, status, body)
			}
		}
	}
}

// With one it is what the resource metadata names. Browsers may come to its pages
// from anywhere; programs of other origins, and other Hosts, may not.
func TestSignInIsMounted(t *testing.T) {
	r := run(t, func(c *serve.Config) {
		c.Guard, c.Issuers, c.SignIn, c.PublicURL = guard.New(guard.Config{}), []string{issuer}, signsIn{}, "https://bridge.example"
	})
	if _, body, _ := r.do("GET", "/.well-known/oauth-protected-resource/notes/mcp", "", "", ""); !strings.Contains(body, `"authorization_servers":["https://bridge.example"]`) {
		t.Errorf("the resource metadata: %s", body)
	}
	if status, _, _ := r.do("GET", "/.well-known/oauth-authorization-server/unknown/mcp", "", "", ""); status != http.StatusNotFound {
		t.Errorf("the metadata for a server that is none: HTTP %d", status)
	}
	for _, tt := range []struct {
		path, says string
		page       bool
	}{
		{"/.well-known/oauth-authorization-server", "metadata", false},
		{"/.well-known/oauth-authorization-server/notes/mcp", "metadata", false},
		{"/oauth/register", "register", false},
		{"/oauth/token", "token", false},
		{"/oauth/revoke", "revoke", false},
		{"/oauth/authorize", "authorize", true},
		{"/oauth/callback", "callback", true},
	} {
		if status, body, head := r.do("GET", tt.path, "", "", ""); status != 200 || body != tt.says || head.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: HTTP %d %s", tt.path, status, body)
		}
		for name, h := range map[string]func(*http.Request){
			"another Host":   func(req *http.Request) { req.Host = "attacker.example" },
			"another site":   func(req *http.Request) { req.Header.Set("Sec-Fetch-Site", "cross-site") },
			"another origin": func(req *http.Request) { req.Header.Set("Origin", "https://attacker.example") },
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			h(req)
			resp, err := r.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			want := http.StatusForbidden
			if tt.page && name != "another Host" {
				want = http.StatusOK
			}
			if resp.StatusCode != want || resp.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s from %s: HTTP %d, want %d", tt.path, name, resp.StatusCode, want)
			}
		}
	}
}
