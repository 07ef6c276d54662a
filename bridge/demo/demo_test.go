package demo_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/demo"
	"drawbridge/test/leaks"
	"drawbridge/test/ports"
)

func TestMain(m *testing.M) { leaks.Main(m) }

const (
	ada   = "ada@example.com"
	grace = "grace@example.com"
	// verifier has the form of a code verifier; that it is a constant is for tests.
	verifier = "a-verifier-of-at-least-forty-three-characters-1234"
)

// clock is a clock that tests turn.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func start(t *testing.T, cfg demo.Config) *demo.Demo {
	t.Helper()
	// Not t.Context itself: it ends before the clean-ups of clients run.
	d, err := demo.Start(context.WithoutCancel(t.Context()), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

// program is an OAuth client as a real one is: it has a callback listener and
// talks to the demo over HTTP.
type program struct {
	t      *testing.T
	demo   *demo.Demo
	http   *http.Client
	id     string
	secret string

	callback *httptest.Server
	answers  chan url.Values
}

// newProgram registers a client; change alters its metadata first.
func newProgram(t *testing.T, d *demo.Demo, change func(map[string]any)) *program {
	t.Helper()
	transport := &http.Transport{}
	p := &program{
		t: t, demo: d, answers: make(chan url.Values, 1),
		http: &http.Client{
			Transport: transport, Timeout: time.Minute,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	p.callback = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.answers <- r.URL.Query()
		_, _ = io.WriteString(w, "<h1>You are signed in</h1>")
	}))
	t.Cleanup(func() { p.callback.Close(); transport.CloseIdleConnections() })
	metadata := map[string]any{
		"client_name": "Test program", "application_type": "native",
		// No port: the callback's is another one, as RFC 8252 §7.3 allows.
		"redirect_uris":              []string{"http://127.0.0.1/callback"},
		"token_endpoint_auth_method": "none",
		"grant_types":                []string{"authorization_code", "refresh_token"},
	}
	if change != nil {
		change(metadata)
	}
	status, got := p.postJSON("/register", metadata)
	if status != http.StatusCreated {
		t.Fatalf("register: status %d, %v", status, got)
	}
	p.id, _ = got["client_id"].(string)
	p.secret, _ = got["client_secret"].(string)
	return p
}

func (p *program) redirectURI() string { return p.callback.URL + "/callback" }

// authorizeURL is a good authorization request, changed by change.
func (p *program) authorizeURL(change func(url.Values)) string {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {p.id}, "redirect_uri": {p.redirectURI()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"state": {"the-state"}, "resource": {p.demo.URL()}, "scope": {"mcp offline_access"},
	}
	if change != nil {
		change(q)
	}
	return p.demo.Issuer() + "/authorize?" + q.Encode()
}

// signIn has a person sign in and gives the code.
func (p *program) signIn(email string, change func(url.Values)) string {
	p.t.Helper()
	page, err := demo.SignInAsPerson(p.t.Context(), p.authorizeURL(change), email)
	if err != nil {
		p.t.Fatalf("sign in: %v", err)
	}
	if !strings.Contains(page, "You are signed in") {
		p.t.Fatalf("the browser ended on %q, not on the callback's page", page)
	}
	answer := <-p.answers
	if got := answer.Get("state"); got != "the-state" {
		p.t.Errorf("state = %q, want the-state", got)
	}
	if got := answer.Get("iss"); got != p.demo.Issuer() {
		p.t.Errorf("iss = %q, want %q", got, p.demo.Issuer())
	}
	return answer.Get("code")
}

// exchangeForm is a good token request for code.
func (p *program) exchangeForm(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {p.id}, "code": {code},
		"redirect_uri": {p.redirectURI()}, "code_verifier": {verifier}, "resource": {p.demo.URL()},
	}
}

func (p *program) refreshForm(token string) url.Values {
	return url.Values{
		"grant_type": {"refresh_token"}, "client_id": {p.id},
		"refresh_token": {token}, "resource": {p.demo.URL()},
	}
}

type tokens struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	ID        string `json:"id_token"`
	Type      string `json:"token_type"`
	Scope     string `json:"scope"`
	ExpiresIn int    `json:"expires_in"`
	Error     string `json:"error"`
}

// tokens sends a form to the token endpoint.
func (p *program) tokens(form url.Values) (int, tokens) {
	p.t.Helper()
	r := p.request(http.MethodPost, p.demo.Issuer()+"/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, body := p.do(r)
	var got tokens
	if err := json.Unmarshal(body, &got); err != nil {
		p.t.Fatalf("the token endpoint answered %q: %v", body, err)
	}
	if cc := resp.Header.Get("Cache-Control"); cc != "no-store" {
		p.t.Errorf("Cache-Control = %q, want no-store", cc)
	}
	return resp.StatusCode, got
}

// mustTokens signs somebody in and exchanges the code.
func (p *program) mustTokens(email string, change func(url.Values)) tokens {
	p.t.Helper()
	status, got := p.tokens(p.exchangeForm(p.signIn(email, change)))
	if status != http.StatusOK || got.Access == "" {
		p.t.Fatalf("exchange: status %d, error %q", status, got.Error)
	}
	return got
}

func (p *program) request(method, address string, body io.Reader) *http.Request {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, address, body)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *program) do(r *http.Request) (*http.Response, []byte) {
	p.t.Helper()
	resp, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, body
}

func (p *program) postJSON(path string, v any) (int, map[string]any) {
	p.t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		p.t.Fatal(err)
	}
	r := p.request(http.MethodPost, p.demo.Issuer()+path, strings.NewReader(string(raw)))
	r.Header.Set("Content-Type", "application/json")
	resp, body := p.do(r)
	got := map[string]any{}
	if err := json.Unmarshal(body, &got); err != nil {
		p.t.Fatalf("%s answered %q: %v", path, body, err)
	}
	return resp.StatusCode, got
}

// initialize sends MCP's initialize with an access token.
func (p *program) initialize(access string) (*http.Response, []byte) {
	p.t.Helper()
	r := p.request(http.MethodPost, p.demo.URL(), strings.NewReader(initializeMessage))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if access != "" {
		r.Header.Set("Authorization", "Bearer "+access)
	}
	return p.do(r)
}

const initializeMessage = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":` +
	`{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`

// mustAccess says whether the MCP server takes an access token, by the status.
func (p *program) mustAccess(access string, want int) {
	p.t.Helper()
	if resp, body := p.initialize(access); resp.StatusCode != want {
		p.t.Errorf("the MCP server answered %d %q, want %d", resp.StatusCode, body, want)
	}
}

func TestStartRefusesWhatIsNotLoopback(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0", "localhost:0", "example.com:80", "127.0.0.1"} {
		if d, err := demo.Start(t.Context(), demo.Config{Addr: addr}); err == nil {
			_ = d.Close()
			t.Errorf("%s: started", addr)
		}
	}
}

func TestStartRefusesAShortLifetime(t *testing.T) {
	for _, cfg := range []demo.Config{{TokenLifetime: time.Millisecond}, {RefreshLifetime: -time.Second}} {
		if d, err := demo.Start(t.Context(), cfg); err == nil {
			_ = d.Close()
			t.Errorf("%+v: started", cfg)
		}
	}
}

func TestCloseEndsOpenStreams(t *testing.T) {
	d := start(t, demo.Config{Addr: ports.FreeAddress(t)}) // nobody else is handed it
	p := newProgram(t, d, nil)
	access := p.mustTokens(ada, nil).Access
	resp, _ := p.initialize(access)
	r := p.request(http.MethodGet, d.URL(), nil)
	r.Header.Set("Authorization", "Bearer "+access)
	r.Header.Set("Mcp-Session-Id", resp.Header.Get("Mcp-Session-Id"))
	stream, err := p.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Body.Close() }()
	if stream.StatusCode != http.StatusOK {
		t.Fatalf("the stream did not open: %d", stream.StatusCode)
	}
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := io.ReadAll(stream.Body); err != nil {
		t.Errorf("the open stream was waited for, and cut off: %v", err)
	}
	if _, err := p.http.Get(d.Issuer() + "/jwks"); err == nil {
		t.Error("the demo still answers after Close")
	}
}

func TestTheContextEndsTheDemo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d, err := demo.Start(ctx, demo.Config{Addr: ports.FreeAddress(t)}) // nobody else is handed it
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := d.Close(); err != nil {
		t.Errorf("close after the context's end: %v", err)
	}
	if resp, err := http.Get(d.Issuer() + "/jwks"); err == nil {
		_ = resp.Body.Close()
		t.Error("the demo still answers after its context's end")
	}
}

func TestOnlyItsOwnPagesAndNameAreServed(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	port := strings.TrimPrefix(d.Issuer(), "http://127.0.0.1")
	tests := map[string]struct {
		host, origin string
		want         int
	}{
		"its address":             {"127.0.0.1" + port, "", http.StatusOK},
		"localhost":               {"localhost" + port, "http://localhost" + port, http.StatusOK},
		"its own page":            {"127.0.0.1" + port, "http://127.0.0.1" + port, http.StatusOK},
		"a rebound name":          {"evil.example" + port, "", http.StatusForbidden},
		"a rebound name, no port": {"evil.example", "", http.StatusForbidden},
		"another site's page":     {"127.0.0.1" + port, "https://evil.example", http.StatusForbidden},
		"another port's page":     {"127.0.0.1" + port, "http://127.0.0.1:1", http.StatusForbidden},
		"a sandboxed page":        {"127.0.0.1" + port, "null", http.StatusForbidden},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := p.request(http.MethodGet, d.Issuer()+"/jwks", nil)
			r.Host = tt.host
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			if resp, _ := p.do(r); resp.StatusCode != tt.want {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.want)
			}
		})
	}
}
