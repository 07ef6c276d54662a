package serve_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/serve"
	"drawbridge/test/ports"
)

// certificate is a self-signed one for the names, as files.
func certificate(t *testing.T, names ...string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
}

func hmacGuard(t *testing.T) *guard.Guard {
	t.Helper()
	mode, err := guard.NewHMAC(guard.Claims{AnyAudience: true}, nil, guard.HMACKey{Secret: secret.New(shared)})
	if err != nil {
		t.Fatal(err)
	}
	return guard.New(guard.Config{Modes: []guard.Mode{mode}})
}

// Whatever is answered, and to whom, says that it is not a page, not to be kept and
// not to be framed.
func TestHeadersOfEveryAnswer(t *testing.T) {
	r := run(t, func(c *serve.Config) { c.Guard, c.Issuers = hmacGuard(t), []string{issuer} })
	token, err := guard.Mint{Subject: "ada", Audience: "x", Access: time.Minute}.Tokens(guard.HMACKey{Secret: secret.New(shared)}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	good := token.Access.Reveal()
	for _, at := range []struct {
		method, path, token, body string
		want                      int
	}{
		{"GET", "/healthz", "", "", 200},
		{"GET", "/", "", "", 404},
		{"GET", "/metrics", "", "", 401},
		{"GET", "/metrics", good, "", 200},
		{"GET", "/.well-known/oauth-protected-resource/notes/mcp", "", "", 200},
		{"GET", "/.well-known/oauth-protected-resource/none/mcp", "", "", 404},
		{"POST", "/notes/mcp", "", call("initialize"), 401},
		{"POST", "/notes/mcp", good, call("initialize"), 200},
		{"POST", "/notes/mcp?token=x", "", call("initialize"), 400},
		{"PUT", "/notes/mcp", good, "", 405},
		{"OPTIONS", "/notes/mcp", "", "", 204},
	} {
		status, _, head := r.do(at.method, at.path, at.token, "", at.body)
		if status != at.want {
			t.Errorf("%s %s: HTTP %d, want %d", at.method, at.path, status, at.want)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
			"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "",
		} {
			if got := head.Values(name); strings.Join(got, "|") != want {
				t.Errorf("%s %s: %s is %q, want %q", at.method, at.path, name, got, want)
			}
		}
	}
	stream, _ := openSSE(t, r, good)
	defer func() { _ = stream.Close() }()
}

// What comes without TLS is sent to the address with it, and served nothing.
func TestRedirectToTLS(t *testing.T) {
	cert, key := certificate(t, "mcp.example.com")
	plain := ports.FreeAddress(t)
	r := run(t, func(c *serve.Config) {
		c.Guard, c.Cert, c.Key, c.RedirectHTTP = hmacGuard(t), cert, key, plain
		c.Listen, c.Hosts, c.PublicURL = ports.FreeAddress(t), []string{"mcp.example.com", "inner"}, "https://mcp.example.com"
	})
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(r.url, "https://"))
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, //nolint:gosec // its own certificate
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	ask := func(url, host string, header ...string) *http.Response {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(call("initialize")))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	for _, tt := range []struct {
		name, host, path, want string
		status                 int
		header                 []string
	}{
		{"the public name", "mcp.example.com", "/notes/mcp?a=1", "https://mcp.example.com/notes/mcp?a=1", 308, nil},
		{"the public name with the port of this listener", "mcp.example.com:80", "/healthz", "https://mcp.example.com/healthz", 308, nil},
		{"another of its names", "inner", "/notes/sse", "https://inner:" + port + "/notes/sse", 308, nil},
		{"an address that means another host to who reads it", "mcp.example.com", "//evil.example/x", "https://mcp.example.com//evil.example/x", 308, nil},
		{"a name that is not ours", "evil.example", "/notes/mcp", "", 403, nil},
		{"no name", "", "/notes/mcp", "https://127.0.0.1:" + port + "/notes/mcp", 308, nil}, // the address that was dialled
		{"a token", "mcp.example.com", "/notes/mcp", "", 403, []string{"Authorization", "Bearer x"}},
		{"an API key", "mcp.example.com", "/notes/mcp", "", 403, []string{"X-API-Key", "x"}},
	} {
		resp := ask("http://"+plain+tt.path, tt.host, tt.header...)
		if resp.StatusCode != tt.status || resp.Header.Get("Location") != tt.want {
			t.Errorf("%s: HTTP %d to %q, want %d to %q", tt.name, resp.StatusCode, resp.Header.Get("Location"), tt.status, tt.want)
		}
		if resp.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: no headers of security", tt.name)
		}
	}
	resp := ask(r.url+"/notes/mcp", "mcp.example.com")
	if resp.StatusCode != 401 || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("with TLS: HTTP %d, %q", resp.StatusCode, resp.Header.Get("Strict-Transport-Security"))
	}
	if resp := ask(r.url+"/notes/mcp", "localhost"); resp.Header.Get("Strict-Transport-Security") != "" {
		t.Error("localhost, which is other programs' too, is made https only")
	}
	err := serve.Run(t.Context(), serve.Config{Listen: "127.0.0.1:0", RedirectHTTP: plain, Guard: hmacGuard(t)})
	if err == nil || !strings.Contains(err.Error(), "no https address") {
		t.Errorf("without TLS: %v", err)
	}
}

// The settings may say more of a resource than the bridge does.
func TestMetadataOfTheSettings(t *testing.T) {
	r := run(t, func(c *serve.Config) {
		c.Guard, c.Issuers, c.PublicURL = hmacGuard(t), []string{issuer}, "https://mcp.example.com"
		c.Described = func() map[string]json.RawMessage {
			return map[string]json.RawMessage{
				"resource_name": json.RawMessage(`"Our {server}"`), "resource_documentation": json.RawMessage(`"https://example.com/{server}"`),
				"x_contact": json.RawMessage(`{"mail":"tools@example.com"}`),
			}
		}
	})
	_, body, _ := r.do("GET", "/.well-known/oauth-protected-resource/notes/sse", "", "", "")
	want := `{"resource":"https://mcp.example.com/notes/sse","authorization_servers":["https://issuer.example"],"bearer_methods_supported":["header"],` +
		`"resource_documentation":"https://example.com/notes","resource_name":"Our notes","x_contact":{"mail":"tools@example.com"}}` + "\n"
	if body != want {
		t.Errorf("%s\nwant\n%s", body, want)
	}
}
