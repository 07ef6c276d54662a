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
	cert, key := certificate(t, "mcp.example.com")
	for name, c := range map[string]serve.Config{
		"none":                      {Guard: g},
		"others without TLS":        {Guard: g, Listen: "0.0.0.0:0"},
		"all interfaces, no host":   {Guard: g, Listen: ":0"},
		"others without a guard":    {Guard: g, Listen: "192.0.2.1:0", Cert: "c", Key: "k", Unguarded: true},
		"certificate without a key": {Guard: g, Listen: "127.0.0.1:0", Cert: "c"},
		"certificate that is not":   {Guard: g, Listen: "127.0.0.1:0", Cert: "/nonexistent", Key: "/nonexistent"},
		"no port":                   {Guard: g, Listen: "127.0.0.1"},
		"no name to be reached by":  {Guard: g, Listen: "0.0.0.0:0", Cert: cert, Key: key},
		"public, without TLS":       {Guard: g, Listen: "127.0.0.1:0", PublicURL: "http://mcp.example.com"},
		"public, no address":        {Guard: g, Listen: "127.0.0.1:0", PublicURL: "mcp.example.com"},
	} {
		if err := serve.Run(t.Context(), c); err == nil {
			t.Errorf("%s: it serves", name)
		}
	}
}

// The names that a bridge answers to are those that it was given in any way, and
// what it says of its own address leads to it.
func TestNamesOfABridge(t *testing.T) {
	cert, key := certificate(t, "mcp.example.com")
	for name, tt := range map[string]struct {
		change func(*serve.Config)
		hosts  map[string]int
		base   string
	}{
		"public URL": {
			func(c *serve.Config) { c.PublicURL = "https://mcp.example.com/" },
			map[string]int{"mcp.example.com": 401, "other.example.com": 403},
			"https://mcp.example.com",
		},
		"all addresses": {
			func(c *serve.Config) {
				c.Listen, c.Hosts, c.Cert, c.Key = "0.0.0.0:0", []string{"mcp.example.com"}, cert, key
			},
			nil, "https://mcp.example.com:0",
		},
		"its own address": {
			func(c *serve.Config) { c.Listen = "127.0.0.2:0" },
			map[string]int{"127.0.0.2": 401, "192.0.2.1": 403},
			"http://127.0.0.2:0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var made serve.Config
			r := run(t, func(c *serve.Config) {
				tt.change(c)
				c.Guard, made = guard.New(guard.Config{}), *c
			})
			if got := made.Base(); got != tt.base {
				t.Errorf("base %s, want %s", got, tt.base)
			}
			if strings.Contains(r.url, "[::]") {
				t.Errorf("it listens on IPv6, too: %s", r.url)
			}
			if made.MetadataURL("metrics") != "" || made.MetadataURL("notes") != tt.base+"/.well-known/oauth-protected-resource/notes/mcp" {
				t.Errorf("metadata at %q", made.MetadataURL("notes"))
			}
			for host, want := range tt.hosts {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/notes/mcp", strings.NewReader(call("ping")))
				if err != nil {
					t.Fatal(err)
				}
				req.Host = host
				resp, err := r.http.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("%s: HTTP %d, want %d", host, resp.StatusCode, want)
				}
			}
		})
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
	if status, _, head := r.do("OPTIONS", "/.well-known/oauth-protected-resource/notes/mcp", "", "", ""); status != 204 || head.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("preflight of the metadata: HTTP %d, Allow %q", status, head.Get("Allow"))
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
