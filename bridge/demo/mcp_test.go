package demo_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"drawbridge/bridge/demo"
)

func publicKey(t *testing.T, jwk map[string]string) *ecdsa.PublicKey {
	t.Helper()
	point := []byte{4}
	for _, name := range []string{"x", "y"} {
		b, err := base64.RawURLEncoding.DecodeString(jwk[name])
		if err != nil || len(b) != 32 {
			t.Fatalf("%s of the key is %q: %v", name, jwk[name], err)
		}
		point = append(point, b...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestDiscovery(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	resp, _ := p.initialize("")
	if resp.StatusCode != http.StatusUnauthorized {
		t.Fatalf("status %d without a token, want 401", resp.StatusCode)
	}
	metadata := d.Issuer() + "/.well-known/oauth-protected-resource/mcp"
	if got, want := resp.Header.Get("WWW-Authenticate"), `Bearer scope="mcp", resource_metadata="`+metadata+`"`; got != want {
		t.Errorf("challenge %q, want %q", got, want)
	}
	get := func(address string) map[string]any {
		t.Helper()
		resp, body := p.do(p.request(http.MethodGet, address, nil))
		got := map[string]any{}
		if err := json.Unmarshal(body, &got); err != nil || resp.Header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %q, %v", address, body, err)
		}
		return got
	}
	wantResource := map[string]any{
		"resource": d.URL(), "authorization_servers": []any{d.Issuer()}, "scopes_supported": []any{"mcp"},
		"bearer_methods_supported": []any{"header"}, "resource_name": "Drawbridge demo",
	}
	if diff := cmp.Diff(wantResource, get(metadata)); diff != "" {
		t.Errorf("RFC 9728 metadata (-want +got):\n%s", diff)
	}
	got := get(d.Issuer() + "/.well-known/oauth-authorization-server")
	for name, want := range map[string]any{
		"issuer":                           d.Issuer(),
		"authorization_endpoint":           d.Issuer() + "/authorize",
		"token_endpoint":                   d.Issuer() + "/token",
		"registration_endpoint":            d.Issuer() + "/register",
		"revocation_endpoint":              d.Issuer() + "/revoke",
		"jwks_uri":                         d.Issuer() + "/jwks",
		"code_challenge_methods_supported": []any{"S256"},
		"grant_types_supported":            []any{"authorization_code", "refresh_token"},
		"scopes_supported":                 []any{"mcp", "openid", "profile", "email", "offline_access"},
		"authorization_response_iss_parameter_supported": true,
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("RFC 8414 metadata, %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestBadTokensAreChallenged(t *testing.T) {
	c := newClock()
	d := start(t, demo.Config{Now: c.Now})
	p := newProgram(t, d, nil)
	good := p.mustTokens(ada, set("scope", "mcp openid"))
	token, _ := p.parse(good.Access)
	forge := func(method jwt.SigningMethod, key any) string {
		forged := jwt.NewWithClaims(method, token.Claims)
		forged.Header["kid"], forged.Header["typ"] = token.Header["kid"], "at+jwt"
		raw, err := forged.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	thief, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	header, rest, _ := strings.Cut(good.Access, ".")
	tests := map[string]string{
		"not a token":             "nonsense",
		"signed by somebody else": forge(jwt.SigningMethodES256, thief),
		"not signed":              forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"signed with HMAC":        forge(jwt.SigningMethodHS256, []byte("key")),
		"an ID token":             good.ID,
		"of another demo":         newProgram(t, start(t, demo.Config{}), nil).mustTokens(ada, nil).Access,
		"altered":                 header + "." + "A" + rest,
		"a refresh token":         good.Refresh,
	}
	for name, raw := range tests {
		t.Run(name, func(t *testing.T) { p.mustChallenge(raw, "not valid", "malformed", "another server") })
	}
	p.mustAccess(good.Access, http.StatusOK)
	c.turn(demo.DefaultTokenLifetime + time.Second)
	t.Run("expired", func(t *testing.T) { p.mustChallenge(good.Access, "has expired") })
}

// mustChallenge wants a 401 with invalid_token and one of the reasons.
func (p *program) mustChallenge(access string, reasons ...string) {
	p.t.Helper()
	resp, _ := p.initialize(access)
	challenge := resp.Header.Get("WWW-Authenticate")
	if resp.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(challenge, `Bearer error="invalid_token", `) ||
		!strings.Contains(challenge, `resource_metadata="http://`) || !strings.Contains(challenge, `scope="mcp"`) {
		p.t.Errorf("status %d, challenge %q; want 401 with invalid_token, scope and resource_metadata", resp.StatusCode, challenge)
	}
	for _, reason := range reasons {
		if strings.Contains(challenge, reason) {
			return
		}
	}
	p.t.Errorf("challenge %q gives none of the reasons %q", challenge, reasons)
}

func TestATokenLivesAsLongAsPromised(t *testing.T) {
	c := newClock()
	p := newProgram(t, start(t, demo.Config{Now: c.Now, TokenLifetime: 5 * time.Second}), nil)
	access := p.mustTokens(ada, nil).Access
	c.turn(5*time.Second - time.Millisecond)
	p.mustAccess(access, http.StatusOK)
	c.turn(time.Second + time.Millisecond)
	p.mustAccess(access, http.StatusUnauthorized)
}

func TestATokenWithoutTheScopeIsNotEnough(t *testing.T) {
	p := newProgram(t, start(t, demo.Config{}), nil)
	resp, _ := p.initialize(p.mustTokens(ada, set("scope", "openid")).Access)
	if got := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != http.StatusForbidden ||
		!strings.Contains(got, `error="insufficient_scope"`) || !strings.Contains(got, `scope="mcp"`) {
		t.Errorf("status %d, challenge %q; want 403 with insufficient_scope", resp.StatusCode, got)
	}
}

func TestTokensAreTakenFromTheHeaderOnly(t *testing.T) {
	p := newProgram(t, start(t, demo.Config{}), nil)
	access := p.mustTokens(ada, nil).Access
	for name, change := range map[string]func(*http.Request){
		"in the query": func(r *http.Request) { r.URL.RawQuery = url.Values{"access_token": {access}}.Encode() },
		"as Basic":     func(r *http.Request) { r.Header.Set("Authorization", "Basic "+access) },
		"twice": func(r *http.Request) {
			r.Header.Add("Authorization", "Bearer "+access)
			r.Header.Add("Authorization", "Bearer "+access)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := p.request(http.MethodPost, p.demo.URL(), strings.NewReader(initializeMessage))
			r.Header.Set("Content-Type", "application/json")
			change(r)
			if resp, _ := p.do(r); resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("status %d, want 401", resp.StatusCode)
			}
		})
	}
}

// connect is a real MCP client that sends what access gives as its token.
func (p *program) connect(access func() string, notified func(mcp.JSONRPCNotification)) *client.Client {
	p.t.Helper()
	ctx := p.t.Context()
	tr, err := transport.NewStreamableHTTP(p.demo.URL(), transport.WithHTTPBasicClient(&http.Client{
		Transport: bearerTransport{p.http.Transport, access},
	}))
	if err != nil {
		p.t.Fatal(err)
	}
	c := client.NewClient(tr)
	c.OnNotification(notified)
	if err := c.Start(ctx); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	init := mcp.InitializeRequest{}
	init.Params.ProtocolVersion = "2025-11-25"
	init.Params.ClientInfo = mcp.Implementation{Name: "test", Version: "1"}
	if _, err := c.Initialize(ctx, init); err != nil {
		p.t.Fatalf("initialize: %v", err)
	}
	return c
}

type bearerTransport struct {
	next   http.RoundTripper
	access func() string
}

func (b bearerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.access())
	return b.next.RoundTrip(r)
}

// call calls a tool and gives the text of its result.
func call(t *testing.T, c *client.Client, name string, args map[string]any, meta *mcp.Meta) string {
	t.Helper()
	req := mcp.CallToolRequest{}
	req.Params.Name, req.Params.Arguments, req.Params.Meta = name, args, meta
	result, err := c.CallTool(t.Context(), req)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text, ok := result.Content[0].(mcp.TextContent)
	if !ok {
		t.Fatalf("%s: the result is %T", name, result.Content[0])
	}
	if result.IsError {
		return "error: " + text.Text
	}
	return text.Text
}

func TestTheToolsWork(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	token := p.mustTokens(ada, nil)
	var mu sync.Mutex
	current := token.Access
	c := p.connect(func() string { mu.Lock(); defer mu.Unlock(); return current }, func(mcp.JSONRPCNotification) {})

	list, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	if diff := cmp.Diff([]string{"add", "echo", "slow", "whoami"}, names); diff != "" {
		t.Errorf("tools (-want +got):\n%s", diff)
	}
	if got := call(t, c, "echo", map[string]any{"text": "hé\u2028llo"}, nil); got != "hé\u2028llo" {
		t.Errorf("echo = %q", got)
	}
	if got := call(t, c, "add", map[string]any{"a": 2, "b": 0.5}, nil); got != "2.5" {
		t.Errorf("add = %q", got)
	}
	if got := call(t, c, "add", map[string]any{"a": "two"}, nil); !strings.HasPrefix(got, "error: ") {
		t.Errorf("add of a text = %q, want an error", got)
	}

	whoami := func() map[string]any {
		t.Helper()
		got := map[string]any{}
		if err := json.Unmarshal([]byte(call(t, c, "whoami", nil, nil)), &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	before := whoami()
	_, claims := p.parse(token.Access)
	for name, want := range map[string]any{
		"subject": "person-ada", "name": "Ada Lovelace", "email": ada, "clientId": p.id,
		"scopes": []any{"mcp", "offline_access"}, "tokenId": claims["jti"],
	} {
		if diff := cmp.Diff(want, before[name]); diff != "" {
			t.Errorf("whoami, %s (-want +got):\n%s", name, diff)
		}
	}
	_, next := p.tokens(p.refreshForm(token.Refresh))
	mu.Lock()
	current = next.Access
	mu.Unlock()
	if after := whoami(); after["tokenId"] == before["tokenId"] {
		t.Error("whoami tells the same token after a refresh")
	}

	prompt, err := c.GetPrompt(t.Context(), mcp.GetPromptRequest{Params: mcp.GetPromptParams{Name: "introduce"}})
	if err != nil || len(prompt.Messages) != 1 || !strings.Contains(prompt.Messages[0].Content.(mcp.TextContent).Text, "Ada Lovelace") {
		t.Errorf("prompt %+v, %v", prompt, err)
	}
	resource, err := c.ReadResource(t.Context(), mcp.ReadResourceRequest{Params: mcp.ReadResourceParams{URI: "demo://about"}})
	if err != nil || len(resource.Contents) != 1 || !strings.Contains(resource.Contents[0].(mcp.TextResourceContents).Text, "whoami") {
		t.Errorf("resource %+v, %v", resource, err)
	}
	if n := d.Counts().MCPCalls; n != 4 {
		t.Errorf("%d calls counted, want 4: one with bad arguments never ran", n)
	}
}

func TestProgressComesOnTheStreamOfItsCall(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	access := p.mustTokens(ada, nil).Access
	resp, _ := p.initialize(access)
	session := resp.Header.Get("Mcp-Session-Id")
	// A standalone stream is open meanwhile: mcp-go alone would send some of
	// the progress there.
	stream := p.request(http.MethodGet, d.URL(), nil)
	p.inSession(stream, access, session)
	open, err := p.http.Do(stream)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Body.Close() }()

	var wg sync.WaitGroup
	for _, token := range []string{"one", "two", "three"} {
		wg.Go(func() {
			body := `{"jsonrpc":"2.0","id":"` + token + `","method":"tools/call","params":{"name":"slow",` +
				`"arguments":{"seconds":0.2,"steps":5},"_meta":{"progressToken":"` + token + `"}}}`
			r := p.request(http.MethodPost, d.URL(), strings.NewReader(body))
			p.inSession(r, access, session)
			resp, got := p.do(r)
			if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
				t.Errorf("%s: status %d, %q", token, resp.StatusCode, got)
			}
			var steps []float64
			answered := false
			for line := range strings.Lines(string(got)) {
				data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: ")
				if !ok {
					continue
				}
				var m struct {
					ID     string
					Method string
					Params struct {
						ProgressToken string
						Progress      float64
					}
				}
				if err := json.Unmarshal([]byte(data), &m); err != nil {
					t.Errorf("%s: %q: %v", token, data, err)
				}
				switch {
				case m.ID == token:
					answered = true
				case m.Method == "notifications/progress" && m.Params.ProgressToken == token:
					steps = append(steps, m.Params.Progress)
				default:
					t.Errorf("%s: a message of another call: %s", token, data)
				}
			}
			if diff := cmp.Diff([]float64{1, 2, 3, 4, 5}, steps); diff != "" || !answered {
				t.Errorf("%s: answered %v, progress (-want +got):\n%s", token, answered, diff)
			}
		})
	}
	wg.Wait()
}

func (p *program) inSession(r *http.Request, access, session string) {
	r.Header.Set("Authorization", "Bearer "+access)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("MCP-Protocol-Version", "2025-11-25")
	if session != "" {
		r.Header.Set("Mcp-Session-Id", session)
	}
}
