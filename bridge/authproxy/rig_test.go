package authproxy_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/authproxy"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
)

const (
	base     = "https://bridge.example"
	loop     = "http://127.0.0.1:9999/callback"
	verifier = "a-verifier-of-the-client-with-43-characters"
	// allowButton is on the page that asks, and on no other.
	allowButton = `name="answer" value="allow"`
	theirs      = "a-secret-of-the-bridge"
)

// provider plays the identity provider: one client, PKCE, codes by the challenge
// that they were asked for with.
type provider struct {
	*httptest.Server

	mu         sync.Mutex
	challenges map[string]string // by code
	forms      []url.Values
	revoked    []string
	audience   string
	status     int // of the token endpoint, 0: it works
	says       string
	noRefresh  bool
	issParam   bool
}

func newProvider(t testing.TB) *provider {
	p := &provider{challenges: map[string]string{}, audience: "bridge"}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "code_challenge_methods_supported": []string{"S256"},
			"revocation_endpoint": p.URL + "/revoke", "authorization_response_iss_parameter_supported": p.issParam,
		})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = r.ParseForm()
		p.forms = append(p.forms, r.PostForm)
		w.Header().Set("Content-Type", "application/json")
		id, given, _ := r.BasicAuth()
		code := r.PostForm.Get("code")
		challenge, known := p.challenges[code]
		delete(p.challenges, code)
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
		switch {
		case p.status != 0:
			w.WriteHeader(p.status)
			_, _ = io.WriteString(w, p.says)
		case id != "the-bridge" || given != theirs:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
		case r.PostForm.Get("grant_type") == "authorization_code" && (!known || challenge != base64.RawURLEncoding.EncodeToString(sum[:]) || r.PostForm.Get("redirect_uri") != base+"/oauth/callback"),
			r.PostForm.Get("grant_type") == "refresh_token" && r.PostForm.Get("refresh_token") != "refresh-of-the-provider":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"a text of the provider"}`)
		case p.noRefresh:
			_, _ = io.WriteString(w, `{"access_token":"token-for-`+p.audience+`","token_type":"Bearer","expires_in":300}`)
		default:
			_, _ = io.WriteString(w, `{"access_token":"token-for-`+p.audience+`","token_type":"Bearer","expires_in":300,"refresh_token":"refresh-of-the-provider","id_token":"id-token"}`)
		}
	})
	mux.HandleFunc("/revoke", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = r.ParseForm()
		p.revoked = append(p.revoked, r.PostForm.Get("token"))
		w.WriteHeader(max(p.status, http.StatusOK))
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// rig is a proxy before a provider, with a clock of its own.
type rig struct {
	t     testing.TB
	idp   *provider
	proxy *authproxy.Proxy
	cfg   authproxy.Config

	mu     sync.Mutex
	now    time.Time
	events []authproxy.Event
	log    bytes.Buffer
	failed int
	wait   time.Duration
}

func newRig(t testing.TB, change func(*authproxy.Config, *authproxy.UpstreamConfig)) *rig {
	t.Helper()
	r := &rig{t: t, idp: newProvider(t), now: time.Unix(1_800_000_000, 0)}
	up := authproxy.UpstreamConfig{Client: oauth.NewClient(oauth.Config{}), Issuer: r.idp.URL, ClientID: "the-bridge", Secret: secret.New(theirs)}
	r.cfg = authproxy.Config{
		Base: base, Key: secret.New("a key of the bridge that has 32 bytes and more"), Offered: []string{"mcp", "openid", "offline_access"}, Asked: []string{"mcp"},
		Knows: func(name string) bool { return name == "notes" },
		Accept: func(_ context.Context, token secret.String) (authproxy.Who, error) {
			switch token.Reveal() {
			case "token-for-bridge":
				return authproxy.Who{Subject: "ada", Email: "ada@example.com"}, nil
			case "token-for-revoked":
				return authproxy.Who{Subject: "eve"}, authproxy.ErrRevoked
			}
			return authproxy.Who{}, errors.New("token is for another audience")
		},
		Limits: limits{r},
		Heard: func(e authproxy.Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		},
		Log: slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: r.clock,
	}
	r.cfg.Store = authproxy.NewMemory(r.clock)
	if change != nil {
		change(&r.cfg, &up)
	}
	r.cfg.Upstream = authproxy.NewUpstream(up)
	var err error
	if r.proxy, err = authproxy.New(r.cfg); err != nil {
		t.Fatal(err)
	}
	return r
}

type limits struct{ r *rig }

func (l limits) Wait(context.Context, string) time.Duration { return l.r.wait }
func (l limits) Failed(context.Context, string) {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	l.r.failed++
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) later(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *rig) serve(req *http.Request) *http.Response {
	w := httptest.NewRecorder()
	switch req.URL.Path {
	case authproxy.RegisterPath:
		r.proxy.Register(w, req)
	case authproxy.AuthorizePath:
		r.proxy.Authorize(w, req)
	case authproxy.CallbackPath:
		r.proxy.Callback(w, req)
	case authproxy.TokenPath:
		r.proxy.Token(w, req)
	case authproxy.RevokePath:
		r.proxy.Revoke(w, req)
	default:
		r.proxy.Metadata(w, req)
	}
	return w.Result()
}

func (r *rig) post(path, kind, body string) (int, map[string]any) {
	req := httptest.NewRequest(http.MethodPost, base+path, strings.NewReader(body))
	req.Header.Set("Content-Type", kind)
	resp := r.serve(req)
	var said map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		r.t.Fatalf("%s: HTTP %d, no JSON: %v", path, resp.StatusCode, err)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		r.t.Errorf("%s may be cached", path)
	}
	return resp.StatusCode, said
}

func (r *rig) token(form url.Values) (int, map[string]any) {
	return r.post(authproxy.TokenPath, "application/x-www-form-urlencoded", form.Encode())
}

// register registers a client and returns its id.
func (r *rig) register(name string, redirects ...string) string {
	r.t.Helper()
	raw, _ := json.Marshal(map[string]any{"client_name": name, "redirect_uris": redirects})
	status, said := r.post(authproxy.RegisterPath, "application/json", string(raw))
	id, ok := said["client_id"].(string)
	if status != http.StatusCreated || !ok {
		r.t.Fatalf("HTTP %d %v", status, said)
	}
	return id
}

// browser is one with its own cookies.
type browser struct {
	r       *rig
	cookies map[string]string
}

func (r *rig) browser() *browser { return &browser{r, map[string]string{}} }

func (b *browser) do(req *http.Request) (*http.Response, string) {
	b.r.t.Helper()
	for name, value := range b.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp := b.r.serve(req)
	for _, c := range resp.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
			b.r.t.Errorf("a cookie without its bounds: %v", c)
		}
		b.cookies[c.Name] = c.Value
	}
	body, _ := io.ReadAll(resp.Body)
	return resp, string(body)
}

// forms are the values of its cookies of forms; form is one of them.
func (b *browser) forms() (all []string) {
	for name, value := range b.cookies {
		if strings.HasPrefix(name, "__Host-drawbridge-form-") {
			all = append(all, value)
		}
	}
	return all
}

func (b *browser) form() string {
	b.r.t.Helper()
	if all := b.forms(); len(all) > 0 {
		return all[0]
	}
	b.r.t.Fatal("no cookie of a form")
	return ""
}

func (b *browser) get(address string) (*http.Response, string) {
	b.r.t.Helper()
	return b.do(httptest.NewRequest(http.MethodGet, address, nil))
}

// asks is an authorization request of a client, with changes; "" leaves one out.
func asks(id string, changes ...string) string {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {id}, "redirect_uri": {loop}, "state": {"state-of-the-client"}, "resource": {base + "/notes/mcp"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(changes); i += 2 {
		if q.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			q.Del(changes[i])
		}
	}
	return base + authproxy.AuthorizePath + "?" + q.Encode()
}

var (
	hidden  = regexp.MustCompile(`name="request" value="([^"]+)"`)
	onwards = regexp.MustCompile(`http-equiv="refresh" content="0; url=([^"]+)"`)
)

// answer posts the page that asks.
func (b *browser) answer(page, answer string) (*http.Response, string) {
	b.r.t.Helper()
	found := hidden.FindStringSubmatch(page)
	if found == nil {
		b.r.t.Fatalf("this page does not ask:\n%s", page)
	}
	return b.submit(url.Values{"request": {html.UnescapeString(found[1])}, "answer": {answer}}, base)
}

func (b *browser) submit(form url.Values, origin string) (*http.Response, string) {
	req := httptest.NewRequest(http.MethodPost, base+authproxy.AuthorizePath, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	return b.do(req)
}

// leads is where a page leads on by itself.
func leads(t testing.TB, page string) *url.URL {
	t.Helper()
	found := onwards.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("this page leads nowhere:\n%s", page)
	}
	u, err := url.Parse(html.UnescapeString(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// signsIn is what the provider sends the browser back with.
func (r *rig) signsIn(at *url.URL) string {
	q := at.Query()
	code := "code-of-the-provider-" + q.Get("code_challenge")
	r.idp.mu.Lock()
	r.idp.challenges[code] = q.Get("code_challenge")
	r.idp.mu.Unlock()
	return base + authproxy.CallbackPath + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
}

// allows goes the whole way to a code for the client; the address is that of the
// callback that was used.
func (b *browser) allows(request string) (code, callback string) {
	b.r.t.Helper()
	_, page := b.get(request)
	_, page = b.answer(page, "allow")
	callback = b.r.signsIn(leads(b.r.t, page))
	resp, page := b.get(callback)
	back, err := resp.Location()
	if err != nil || !strings.HasPrefix(back.String(), "http://127.0.0.1:") || back.Query().Get("code") == "" || back.Query().Get("state") != "state-of-the-client" || back.Query().Get("iss") != base {
		b.r.t.Fatalf("HTTP %d, to %v: %v\n%s", resp.StatusCode, back, err, page)
	}
	return back.Query().Get("code"), callback
}

func redeems(id, code string, changes ...string) url.Values {
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {id}, "code": {code}, "redirect_uri": {loop}, "code_verifier": {verifier}, "resource": {base + "/notes/mcp"}}
	for i := 0; i < len(changes); i += 2 {
		if form.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			form.Del(changes[i])
		}
	}
	return form
}

func (r *rig) kinds() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		all = append(all, e.Kind)
	}
	return all
}

// quiet fails the test when a secret is in the log.
func (r *rig) quiet(secrets ...string) {
	r.t.Helper()
	for _, s := range append(secrets, theirs, "token-for-bridge", "refresh-of-the-provider", verifier) {
		if s != "" && strings.Contains(r.log.String(), s) {
			r.t.Errorf("the log has %q:\n%s", s, r.log.String())
		}
	}
}

// has reports whether the provider's token endpoint was asked so.
func (p *provider) asked(grant string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.forms {
		if slices.Contains(f["grant_type"], grant) {
			n++
		}
	}
	return n
}
