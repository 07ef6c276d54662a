package credential_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/vault"
)

type object = map[string]any

// script is an MCP server and its authorization server at one address: honest
// and quick, until a test has it answer something otherwise.
type script struct {
	*httptest.Server
	t    *testing.T
	base string            // scheme and host by which the world knows it
	last credential.Config // of the process that was made last

	mu      sync.Mutex
	changed map[string]http.HandlerFunc // by "GET /path"
	asked   []asked
}

// asked is a request that came.
type asked struct {
	what, host string // "GET /path"
	header     http.Header
	form       url.Values
	body       string
}

func newScript(t *testing.T) *script {
	t.Helper()
	s := &script{t: t, changed: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	s.base = s.URL
	t.Cleanup(s.Close)
	return s
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	form, _ := url.ParseQuery(string(body))
	what := r.Method + " " + r.URL.Path
	s.mu.Lock()
	s.asked = append(s.asked, asked{what: what, host: r.Host, header: r.Header.Clone(), form: form, body: string(body)})
	answer := s.changed[what]
	s.mu.Unlock()
	if answer == nil {
		answer = s.honest()[what]
	}
	if answer == nil {
		http.NotFound(w, r)
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	answer(w, r)
}

// Where things are.
const (
	atMCP      = "POST /mcp"
	atResource = "GET /.well-known/oauth-protected-resource/mcp"
	atIssuer   = "GET /.well-known/oauth-authorization-server"
	atRegister = "POST /register"
	atBrowser  = "GET /authorize"
	atToken    = "POST /token"
	atKeys     = "GET /jwks"
	atUserinfo = "GET /userinfo"
	atRevoke   = "POST /revoke"
)

func (s *script) honest() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		atMCP: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+s.base+`/.well-known/oauth-protected-resource/mcp"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
		atResource: sends(http.StatusOK, s.resource(nil)),
		atIssuer:   sends(http.StatusOK, s.metadata(nil)),
		atRegister: sends(http.StatusCreated, object{"client_id": "c1", "token_endpoint_auth_method": "none"}),
		atBrowser:  s.goesBack(nil),
		atToken:    sends(http.StatusOK, s.tokens(nil)),
		atRevoke:   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) },
	}
}

func (s *script) resource(changes object) object {
	return with(object{"resource": s.base + "/mcp", "authorization_servers": []string{s.base}}, changes)
}

func (s *script) metadata(changes object) object {
	return with(object{
		"issuer": s.base, "authorization_endpoint": s.base + "/authorize", "token_endpoint": s.base + "/token",
		"registration_endpoint": s.base + "/register", "code_challenge_methods_supported": []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}, changes)
}

func (s *script) tokens(changes object) object {
	return with(object{"access_token": "a1", "refresh_token": "r1", "token_type": "Bearer", "expires_in": 600}, changes)
}

// goesBack is an authorization endpoint that sends the browser back with a code,
// or with what changes says of the answer.
func (s *script) goesBack(changes object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		back := url.Values{}
		for name, value := range with(object{"code": "code1", "state": q.Get("state"), "iss": s.base}, changes) {
			back.Set(name, value.(string))
		}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	}
}

// with is a document with members changed, or left out for nil.
func with(doc, changes object) object {
	for name, value := range changes {
		if value == nil {
			delete(doc, name)
		} else {
			doc[name] = value
		}
	}
	return doc
}

func sends(status int, doc object) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(doc)
	}
}

func redirects(status int, to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	}
}

// on has it answer what otherwise; nil is honest again.
func (s *script) on(what string, answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed[what] = answer
}

func (s *script) honestAgain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.changed)
}

// requests are those that came for what; "" for all.
func (s *script) requests(what string) []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []asked
	for _, a := range s.asked {
		if what == "" || a.what == what {
			all = append(all, a)
		}
	}
	return all
}

// account is a new user's account at it; change may alter the settings.
func (s *script) account(change func(*config.Server)) *credential.Account {
	s.t.Helper()
	server := config.Server{Name: "notes", URL: s.base + "/mcp"}
	if change != nil {
		change(&server)
	}
	return s.process(nil).Account(server, "")
}

// accountAt is account with another clock.
func (s *script) accountAt(now func() time.Time) *credential.Account {
	s.t.Helper()
	return s.process(func(c *credential.Config) { c.Now = now }).Account(config.Server{Name: "notes", URL: s.base + "/mcp"}, "")
}

// again is the same account in another process.
func (s *script) again(a *credential.Account) *credential.Account {
	s.t.Helper()
	last := s.last
	return s.process(func(c *credential.Config) { c.Paths, c.Vault = last.Paths, last.Vault }).Account(a.Server(), "")
}

// process is a new user's; change may make it another one's.
func (s *script) process(change func(*credential.Config)) *credential.Manager {
	s.t.Helper()
	transport := &http.Transport{}
	if s.base != s.URL { // known by another name: by way of a proxy
		proxy, err := url.Parse(s.URL)
		if err != nil {
			s.t.Fatal(err)
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	dir := s.t.TempDir()
	c := credential.Config{
		Paths: config.Paths{Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state")}, Vault: vault.NewMemory(),
		HTTP: &http.Client{Transport: transport},
	}
	if change != nil {
		change(&c)
	}
	s.last = c
	m := credential.NewManager(c)
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), longEnough)
		defer cancel()
		m.Close(ctx)
		transport.CloseIdleConnections()
	})
	return m
}

// passer is a person at a browser who allows what is asked.
type passer struct {
	t      *testing.T
	opened []string
	last   string // the page that the browser ended on
	before func(address string)
	over   sync.WaitGroup
}

func (p *passer) ui() credential.UI {
	return credential.UI{Open: func(_ context.Context, address string) error {
		p.opened = append(p.opened, address)
		p.over.Go(func() {
			if p.before != nil {
				p.before(address)
			}
			p.last = visit(p.t, address)
		})
		return nil
	}}
}

// visit opens an address as a browser does and returns the page's text.
func visit(t *testing.T, address string) string {
	ctx, cancel := context.WithTimeout(context.Background(), longEnough)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err.Error()
	}
	b := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := b.Do(req)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Logf("browser: %v", err)
	}
	return string(body)
}

// signIn signs in and returns when the browser has its last page, too.
func (p *passer) signIn(a *credential.Account) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), longEnough)
	defer cancel()
	err := a.SignIn(ctx, p.ui())
	p.over.Wait()
	return err
}
