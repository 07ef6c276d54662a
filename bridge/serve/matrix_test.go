package serve_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"drawbridge/bridge/front/localhttp"
	"drawbridge/bridge/guard"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/serve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuer   = "https://issuer.example"
	audience = "bridge"
	shared   = "0123456789abcdef0123456789abcdef"
)

// echo is a session that answers each request at once and notes what came.
type echo struct {
	send localhttp.Send
	note func(method string)
	work sync.WaitGroup
}

func (e *echo) Receive(m jsonrpc.Message) {
	e.note(m.Method)
	if m.IsRequest() {
		e.work.Go(func() { _ = e.send(m.ID, jsonrpc.NewResult(m.ID, json.RawMessage(`{}`))) })
	}
}

func (e *echo) Close(time.Duration) { e.work.Wait() }

// running is a bridge that serves on a port of its own.
type running struct {
	t    *testing.T
	url  string
	http *http.Client

	mu   sync.Mutex
	seen []string
}

func run(t *testing.T, change func(*serve.Config)) *running {
	t.Helper()
	r := &running{t: t, http: &http.Client{Transport: &http.Transport{}}}
	ready := make(chan []string, 1)
	cfg := serve.Config{
		Listen: "127.0.0.1:0", Knows: func(name string) bool { return name == "notes" }, Ready: func(a []string) { ready <- a },
		Open: func(_ context.Context, _ localhttp.Target, _ guard.Caller, _ bool, send localhttp.Send) (localhttp.Session, error) {
			return &echo{send: send, note: r.note}, nil
		},
	}
	change(&cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve.Run(ctx, cfg) }()
	select {
	case a := <-ready:
		r.url = a[0]
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.http.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *running) note(method string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, method)
}

func (r *running) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

func (r *running) do(method, path, token, session, body string) (int, string, http.Header) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if session != "" {
		req.Header.Set("Mcp-Session-Id", session)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw), resp.Header
}

// methods are one of each kind that a client may send.
var methods = []string{
	"initialize", "ping", "tools/list", "tools/call", "resources/list", "resources/read", "resources/subscribe", "prompts/list", "prompts/get",
	"completion/complete", "logging/setLevel", "server/discover", "x/unknown",
}

// TestMatrix: every guard, every method, both endpoints, every wrong token. Only
// the right one passes, and nothing of a wrong one reaches a session.
func TestMatrix(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	now := time.Now()
	claims := func(name string, value any) jwt.MapClaims {
		c := jwt.MapClaims{
			"iss": issuer, "aud": audience, "sub": "ada", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "jti": "t-" + name, "type": "access",
		}
		if value == nil {
			delete(c, name)
		} else if name != "" {
			c[name] = value
		}
		return c
	}
	signed := func(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
		s, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	type wrong struct {
		token  string
		status int
		says   string
	}
	// of makes the tokens of a mode that signs them.
	of := func(method jwt.SigningMethod, own, foreign any) (right string, all map[string]wrong) {
		make := func(name string, value any) string { return signed(method, own, claims(name, value)) }
		return make("", ""), map[string]wrong{
			"none":            {"", 401, "a bearer token or an API key is required"},
			"malformed":       {"not a token", 400, "malformed"},
			"expired":         {make("exp", now.Add(-time.Hour).Unix()), 401, "token has expired"},
			"not yet valid":   {make("nbf", now.Add(time.Hour).Unix()), 401, "token is not valid yet"},
			"wrong signature": {signed(method, foreign, claims("", "")), 401, "token signature is wrong"},
			"alg none":        {signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims("", "")), 401, "token"},
			"wrong issuer":    {make("iss", "https://other.example"), 401, "token has another issuer"},
			"wrong audience":  {make("aud", "other"), 401, "token is for another audience"},
			"no subject":      {make("sub", nil), 401, "token lacks a required claim"},
			"revoked":         {make("jti", "revoked"), 401, "token has been revoked"},
			"refresh token":   {make("type", "refresh"), 401, "token is not an access token"},
		}
	}
	c := guard.Claims{Issuer: issuer, Audience: []string{audience}}
	pemKeys, err := guard.PEMKey(public)
	if err != nil {
		t.Fatal(err)
	}
	jwtMode, err := guard.NewJWT(c, nil, pemKeys)
	if err != nil {
		t.Fatal(err)
	}
	hmacMode, err := guard.NewHMAC(c, nil, guard.HMACKey{Secret: secret.New(shared)})
	if err != nil {
		t.Fatal(err)
	}
	asks := &issuerKnows{answers: map[string]jwt.MapClaims{}}
	introspection, err := guard.NewIntrospection(c, asks)
	if err != nil {
		t.Fatal(err)
	}
	opaque := func(name string, cl jwt.MapClaims) string {
		asks.answers["opaque-"+name] = cl
		return "opaque-" + name
	}
	dir := t.TempDir()
	keys := guard.NewFileKeys(dir+"/keys.json", nil, nil)
	makeKey := func(client string, expires time.Time) (guard.APIKey, string) {
		k, text := guard.NewAPIKey(guard.APIKey{Client: client, Expires: expires}, now)
		if err := keys.Add(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		return k, text
	}
	_, rightKey := makeKey("ada", time.Time{})
	_, oldKey := makeKey("old", now.Add(-time.Minute))
	_, goneKey := makeKey("gone", time.Time{})
	if _, err := keys.Revoke(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}

	rsRight, rsWrong := of(jwt.SigningMethodRS256, key, other)
	rsWrong["HS/RS confusion"] = wrong{signed(jwt.SigningMethodHS256, public, claims("", "")), 401, "algorithm"}
	hsRight, hsWrong := of(jwt.SigningMethodHS256, []byte(shared), []byte(strings.Repeat("x", 32)))
	hsWrong["RS where HS is wanted"] = wrong{rsRight, 401, "of no kind"}
	for _, mode := range []struct {
		mode  guard.Mode
		right string
		wrong map[string]wrong
	}{
		{jwtMode, rsRight, rsWrong},
		{hmacMode, hsRight, hsWrong},
		{introspection, opaque("right", claims("", "")), map[string]wrong{
			"none": {"", 401, "required"}, "unknown": {"opaque-unknown", 401, "token is not active"}, "expired": {opaque("expired", claims("exp", now.Add(-time.Hour).Unix())), 401, "token has expired"},
			"wrong issuer": {opaque("issuer", claims("iss", "https://other.example")), 401, "issuer"}, "wrong audience": {opaque("audience", claims("aud", "other")), 401, "audience"},
			"no subject": {opaque("subject", claims("sub", nil)), 401, "claim"}, "revoked": {opaque("revoked", claims("jti", "revoked")), 401, "revoked"},
			"refresh token": {opaque("refresh", claims("type", "refresh")), 401, "not an access token"},
		}},
		{guard.NewAPIKeys(keys, nil), rightKey, map[string]wrong{
			"none": {"", 401, "required"}, "expired": {oldKey, 401, "expired"}, "revoked": {goneKey, 401, "revoked"},
			"wrong": {rightKey[:len(rightKey)-2] + "__", 401, "unknown"}, "JWT": {rsRight, 401, "of no kind"},
		}},
	} {
		t.Run(mode.mode.Name(), func(t *testing.T) {
			denied := guard.NewFileDenylist(t.TempDir()+"/denied.jsonl", nil)
			if err := denied.Deny(t.Context(), guard.Denial{ID: "revoked"}); err != nil {
				t.Fatal(err)
			}
			r := run(t, func(c *serve.Config) {
				c.Guard = guard.New(guard.Config{Modes: []guard.Mode{mode.mode}, Denied: denied})
			})
			stream, endpoint := openSSE(t, r, mode.right)
			defer func() { _ = stream.Close() }()
			status, _, head := r.do("POST", "/notes/mcp", mode.right, "", call("initialize"))
			session := head.Get("Mcp-Session-Id")
			if status != 200 || session == "" {
				t.Fatalf("the right token: HTTP %d", status)
			}
			for _, method := range methods {
				before := r.count()
				for name, w := range mode.wrong {
					for _, path := range []string{"/notes/mcp", endpoint, "/notes/sse", "GET /notes/mcp", "DELETE /notes/mcp"} {
						verb, p, ok := strings.Cut(path, " ")
						if !ok {
							verb, p = "POST", path
						}
						if p == "/notes/sse" {
							verb = "GET"
						}
						status, body, head := r.do(verb, p, w.token, session, call(method))
						if status != w.status || !strings.Contains(body, w.says) || !strings.HasPrefix(head.Get("WWW-Authenticate"), "Bearer ") {
							t.Errorf("%s, %s %s with %s: HTTP %d %s", method, verb, p, name, status, body)
						}
					}
				}
				if n := r.count(); n != before {
					t.Errorf("%s: %d messages with wrong tokens reached a session", method, n-before)
				}
				at := session
				if method == "initialize" {
					at = ""
				}
				if status, body, _ := r.do("POST", "/notes/mcp", mode.right, at, call(method)); status != 200 || !strings.Contains(body, `"result":{}`) {
					t.Errorf("%s with the right token: HTTP %d %s", method, status, body)
				}
				if status, body, _ := r.do("POST", endpoint, mode.right, "", call(method)); status != 202 {
					t.Errorf("%s with the right token at %s: HTTP %d %s", method, endpoint, status, body)
				}
			}
		})
	}
}

var calls int

func call(method string) string {
	calls++
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":{"name":"x","uri":"file:///x"}}`, calls, method)
}

type issuerKnows struct{ answers map[string]jwt.MapClaims }

func (i *issuerKnows) Introspect(_ context.Context, token secret.String) ([]byte, error) {
	c, ok := i.answers[token.Reveal()]
	if !ok {
		return []byte(`{"active":false}`), nil
	}
	c["active"] = true
	return json.Marshal(c)
}

// openSSE opens the stream of 2024 and returns the address for messages.
func openSSE(t *testing.T, r *running, token string) (io.Closer, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/notes/sse", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			go func() { _, _ = io.Copy(io.Discard, resp.Body) }() // what comes down it is another test's
			return resp.Body, address
		}
	}
	t.Fatalf("no endpoint event: HTTP %d", resp.StatusCode)
	return nil, ""
}

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

// slow connections hold up nobody: heads that never end and bodies that dawdle.
func TestConnectionsThatNeverFinish(t *testing.T) {
	k, key := guard.NewAPIKey(guard.APIKey{Client: "ada"}, time.Now())
	keys := guard.NewFileKeys(t.TempDir()+"/keys.json", nil, nil)
	if err := keys.Add(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	r := run(t, func(c *serve.Config) {
		c.Guard = guard.New(guard.Config{Modes: []guard.Mode{guard.NewAPIKeys(keys, nil)}})
	})
	address := strings.TrimPrefix(r.url, "http://")
	for i := range 400 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		text := "POST /notes/mcp HTTP/1.1\r\nHost: localhost\r\nX-A: "
		if i%2 == 0 {
			text = "POST /notes/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer " + key + "\r\nContent-Length: 1000\r\n\r\n{"
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	if status, body, _ := r.do("POST", "/notes/mcp", key, "", call("initialize")); status != 200 {
		t.Errorf("HTTP %d %s", status, body)
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
