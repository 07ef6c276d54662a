package serve_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/serve"
)

func TestAddressesThatAreRefused(t *testing.T) {
	g := guard.New(guard.Config{})
	for name, c := range map[string]serve.Config{
		"none":                      {Guard: g},
		"others without TLS":        {Guard: g, Listen: "0.0.0.0:0"},
		"all interfaces, no host":   {Guard: g, Listen: ":0"},
		"others without a guard":    {Guard: g, Listen: "192.0.2.1:0", Cert: "c", Key: "k", Unguarded: true},
		"certificate without a key": {Guard: g, Listen: "127.0.0.1:0", Cert: "c"},
		"certificate that is not":   {Guard: g, Listen: "127.0.0.1:0", Cert: "/nonexistent", Key: "/nonexistent"},
		"no port":                   {Guard: g, Listen: "127.0.0.1"},
	} {
		if err := serve.Run(t.Context(), c); err == nil {
			t.Errorf("%s: it serves", name)
		}
	}
}

func TestSocketIsItsOwners(t *testing.T) {
	path := t.TempDir() + "/run/bridge.sock"
	r := run(t, func(c *serve.Config) { c.Listen, c.Socket, c.Guard = "", path, guard.New(guard.Config{}) })
	r.url = "http://any.name.example"
	r.http.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
	if status, body, _ := r.do("GET", "/healthz", "", "", ""); status != 200 || body != "ok\n" {
		t.Errorf("HTTP %d %s", status, body)
	}
	if status, _, _ := r.do("POST", "/notes/mcp", "", "", call("initialize")); status != 401 {
		t.Errorf("without a token: HTTP %d", status)
	}
}

func TestMetadataAndMetrics(t *testing.T) {
	mode, err := guard.NewHMAC(guard.Claims{AnyAudience: true}, nil, guard.HMACKey{Secret: secret.New(shared)})
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, func(c *serve.Config) {
		c.Guard = guard.New(guard.Config{Modes: []guard.Mode{mode}, Policy: &guard.Policy{BuiltInRoles: true}})
		c.Issuers, c.Scopes, c.PublicURL = []string{issuer}, []string{"notes.read"}, "https://mcp.example.com/"
	})
	status, body, _ := r.do("GET", "/.well-known/oauth-protected-resource/notes/mcp", "", "", "")
	want := `{"resource":"https://mcp.example.com/notes/mcp","authorization_servers":["https://issuer.example"],"scopes_supported":["notes.read"],"bearer_methods_supported":["header"],"resource_name":"notes through Drawbridge"}` + "\n"
	if status != 200 || body != want {
		t.Errorf("HTTP %d\n%s\nwant\n%s", status, body, want)
	}
	if status, _, _ := r.do("GET", "/.well-known/oauth-protected-resource/other/mcp", "", "", ""); status != 404 {
		t.Errorf("metadata of a server that is none: HTTP %d", status)
	}
	token := func(role string) string {
		m := guard.Mint{Subject: role, Audience: "x", Roles: []string{role}, Access: time.Minute}
		out, err := m.Tokens(guard.HMACKey{Secret: secret.New(shared)}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return out.Access.Reveal()
	}
	for who, want := range map[string]int{"": 401, token("viewer"): 403, token("admin"): 200} {
		status, body, _ := r.do("GET", "/metrics", who, "", "")
		if status != want || want == 200 && !strings.Contains(body, `drawbridge_requests_total{status="200"}`) {
			t.Errorf("metrics: HTTP %d, want %d: %s", status, want, body)
		}
	}
}
