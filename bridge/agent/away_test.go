package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/desktop"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/session"
	"drawbridge/bridge/vault"
)

// internet is a server and its authorization server without a network, so that
// the clock may be the test's.
type internet struct {
	life time.Duration // of access tokens

	mu        sync.Mutex
	provider  func(*http.Request) (*http.Response, error) // what the token endpoint does instead, or nil
	server    func(*http.Request) (*http.Response, error) // and what the server does
	n         int
	ends      map[string]time.Time // of access tokens
	refreshes int                  // asked for
	revoked   bool
}

func (n *internet) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := n.answer(r)
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

func (n *internet) answer(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(raw)
	}
	n.mu.Lock()
	provider, server := n.provider, n.server
	n.mu.Unlock()
	switch r.URL.Host + r.URL.Path {
	case "mcp.example/mcp":
		if server != nil {
			return server(r)
		}
		return n.serve(r, body), nil
	case "mcp.example/.well-known/oauth-protected-resource/mcp":
		return says(200, `{"resource":"https://mcp.example/mcp","authorization_servers":["https://as.example"]}`), nil
	case "as.example/.well-known/oauth-authorization-server":
		if provider != nil {
			return provider(r)
		}
		return says(200, `{"issuer":"https://as.example","authorization_endpoint":"https://as.example/authorize",
			"token_endpoint":"https://as.example/token","code_challenge_methods_supported":["S256"]}`), nil
	case "as.example/token":
		n.mu.Lock()
		n.refreshes++
		n.mu.Unlock()
		if provider != nil {
			return provider(r)
		}
		return n.refresh(body), nil
	}
	return says(404, ""), nil
}

// serve is the MCP server.
func (n *internet) serve(r *http.Request, body string) *http.Response {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	n.mu.Lock()
	good := time.Now().Before(n.ends[token])
	n.mu.Unlock()
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
	}
	_ = json.Unmarshal([]byte(body), &m)
	switch {
	case !good:
		resp := says(401, "")
		resp.Header.Set("WWW-Authenticate", `Bearer error="invalid_token", resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp"`)
		return resp
	case r.Method != http.MethodPost:
		return says(405, "")
	case len(m.ID) == 0:
		return says(202, "")
	case m.Method == "initialize":
		resp := says(200, `{"jsonrpc":"2.0","id":`+string(m.ID)+`,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}`)
		resp.Header.Set("Mcp-Session-Id", "s1")
		return resp
	}
	return says(200, `{"jsonrpc":"2.0","id":`+string(m.ID)+`,"result":{"tools":[]}}`)
}

// refresh rotates, and ends everything when a refresh token comes twice.
func (n *internet) refresh(body string) *http.Response {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !strings.Contains(body, fmt.Sprintf("refresh_token=r%d&", n.n)) || n.revoked {
		n.revoked = true
		return says(400, `{"error":"invalid_grant"}`)
	}
	n.n++
	n.ends[fmt.Sprintf("a%d", n.n)] = time.Now().Add(n.life)
	return says(200, fmt.Sprintf(`{"access_token":"a%d","refresh_token":"r%d","token_type":"Bearer","expires_in":%d}`, n.n, n.n, int(n.life.Seconds())))
}

// trickle is an answer that comes byte by byte and never ends.
type trickle struct{ ctx context.Context }

func (b trickle) Read(p []byte) (int, error) {
	select {
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	case <-time.After(time.Second):
		return copy(p, " "), nil
	}
}

// set has provider and server behave otherwise; nil is well again.
func (n *internet) set(provider, server func(*http.Request) (*http.Response, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.provider, n.server = provider, server
}

func says(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// caller is an MCP client at a session of its own: it lists the tools every five
// seconds, as one that nobody restarts does.
type caller struct {
	session *session.Session
	answers chan jsonrpc.Message
	good    atomic.Int32
	bad     atomic.Int32
}

func (c *caller) ask(id int, method, params string) (jsonrpc.Message, bool) {
	m, err := jsonrpc.Parse([]byte(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, id, method, params)))
	if err != nil {
		panic(err)
	}
	c.session.Receive(m)
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for {
		select {
		case a := <-c.answers:
			if string(a.ID) == fmt.Sprint(id) {
				return a, a.Error == nil
			}
		case <-limit.C:
			return jsonrpc.Message{}, false
		}
	}
}

func (c *caller) run(until time.Time) {
	for id := 10; time.Now().Before(until); id++ {
		if _, ok := c.ask(id, "tools/list", "{}"); ok {
			c.good.Add(1)
		} else {
			c.bad.Add(1)
		}
		time.Sleep(5 * time.Second)
	}
}

// TestNoBrowserForAFailureOfTheNetwork: for five minutes the provider, or all of
// the network, is off, slow or broken, while tokens of a minute end and three
// clients call on. Nobody is asked to sign in: no browser opens, no notification
// comes. Afterwards all goes on without a person. The agent, its renewals, the
// clients' sessions and the credential are the real ones; only time and the
// network are not.
func TestNoBrowserForAFailureOfTheNetwork(t *testing.T) {
	status := func(code int, body string, header ...string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) {
			r := says(code, body)
			if len(header) == 2 {
				r.Header.Set(header[0], header[1])
			}
			return r, nil
		}
	}
	off := func(*http.Request) (*http.Response, error) { return nil, errors.New("connect: connection refused") }
	slow := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done() // longer than anybody waits
		return nil, r.Context().Err()
	}
	trickling := func(r *http.Request) (*http.Response, error) {
		resp := says(200, "")
		resp.ContentLength, resp.Body = -1, io.NopCloser(trickle{r.Context()})
		return resp, nil
	}
	for name, c := range map[string]struct {
		provider, server func(*http.Request) (*http.Response, error)
	}{
		"provider off":                 {off, nil},
		"provider slow":                {slow, nil},
		"provider trickles":            {trickling, nil},
		"provider 500":                 {status(500, `{"error":"server_error"}`), nil},
		"provider 500, no OAuth":       {status(500, "<html>"), nil},
		"provider 502 of a gateway":    {status(502, "<html>bad gateway"), nil},
		"provider 503":                 {status(503, "", "Retry-After", "20"), nil},
		"provider 429":                 {status(429, `{"error":"slow_down"}`, "Retry-After", "45"), nil},
		"provider 429, invalid_grant":  {status(429, `{"error":"too_many_requests"}`), nil},
		"provider 200 of a hotel":      {status(200, "<html>Welcome to the hotel", "Content-Type", "text/html"), nil},
		"provider 403 of a firewall":   {status(403, "<html>blocked", "Content-Type", "text/html"), nil},
		"provider redirects":           {status(302, "", "Location", "https://hotel.example/"), nil},
		"temporarily_unavailable, 400": {status(400, `{"error":"temporarily_unavailable"}`), nil},
		"network off":                  {off, off},
		"network slow":                 {slow, slow},
		"server 503":                   {nil, status(503, "")},
		"server off, provider 500":     {status(500, ""), off},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &internet{life: time.Minute, ends: map[string]time.Time{}}
				a, manager, bothered := awayAgent(t, n)
				account := manager.Account(awayServer, "")
				end := time.Now().Add(n.life)
				n.ends["a0"] = end
				if err := account.Adopt(t.Context(), credential.Adopted{
					Tokens:    oauth.Tokens{Access: secret.New("a0"), Refresh: secret.New("r0")},
					ExpiresAt: end, Client: oauth.ClientCredentials{ClientID: "c1"}, Issuers: []string{"https://as.example"},
				}); err != nil {
					t.Fatal(err)
				}
				r := newRenewals(a.cfg.Accounts, a.log)
				a.tasks.Go(func() { r.run(a.life) })
				callers := []*caller{client(t, n, a, account, bothered), client(t, n, a, account, bothered), client(t, n, a, account, bothered)}
				n.set(c.provider, c.server)
				var calls sync.WaitGroup
				until := time.Now().Add(5 * time.Minute)
				for _, c := range callers {
					calls.Go(func() { c.run(until) })
				}
				calls.Wait()
				failed := int32(0)
				for _, c := range callers {
					failed += c.bad.Load()
				}
				if failed == 0 {
					t.Error("no call failed in five minutes: nothing was away")
				}
				if f, err := account.Facts(); err != nil || f.State != credential.SignedIn || !f.Renewable {
					t.Errorf("while it is away: %+v, %v", f, err)
				}

				n.set(nil, nil)
				time.Sleep(time.Minute) // the longest that somebody was asked to wait
				for i, c := range callers {
					if a, ok := c.ask(5000+i, "tools/list", "{}"); !ok {
						t.Errorf("client %d afterwards: %s", i, a.Error)
					}
				}
				if f, err := account.Facts(); err != nil || f.State != credential.SignedIn || f.Problem != nil {
					t.Errorf("afterwards: %+v, %v", f, err)
				}
				n.mu.Lock()
				defer n.mu.Unlock()
				if n.revoked {
					t.Error("a refresh token was sent twice")
				}
				if got := bothered.Load(); got != 0 {
					t.Errorf("the person was bothered %d times", got)
				}
				t.Logf("%d calls failed, the token endpoint was asked %d times", failed, n.refreshes)
			})
		})
	}
}

var awayServer = config.Server{Name: "notes", URL: "https://mcp.example/mcp"}

// awayAgent is an agent without its socket and its tray, as on a desktop without
// a tray, where a need opens the browser at once. bothered counts those, and what
// else asks for a person.
func awayAgent(t *testing.T, n *internet) (a *Agent, m *credential.Manager, bothered *atomic.Int32) {
	t.Helper()
	dir := t.TempDir()
	paths := config.Paths{Config: dir + "/config", State: dir + "/state"}
	if err := config.Update(t.Context(), paths, func(s *config.Settings) error { return s.Add(awayServer) }); err != nil {
		t.Fatal(err)
	}
	m = credential.NewManager(credential.Config{Paths: paths, Vault: vault.NewMemory(), HTTP: &http.Client{Transport: n}})
	bothered = &atomic.Int32{}
	a = withoutSocket(t, Config{
		Paths: paths, Accounts: Credentials(m),
		Browser: func(context.Context, string) error { bothered.Add(1); return nil },
		Notify:  func(context.Context, desktop.Notification) (bool, error) { bothered.Add(1); return false, nil },
	})
	t.Cleanup(func() { m.Close(context.Background()) })
	return a, m, bothered
}

// withoutSocket is an agent without its socket and its tray.
func withoutSocket(t *testing.T, cfg Config) *Agent {
	life, stop := context.WithCancel(context.Background())
	a := newAgent(life, stop, cfg.complete())
	t.Cleanup(func() {
		stop()
		a.tasks.Wait()
	})
	return a
}

// client is one that has opened its session.
func client(t *testing.T, n *internet, a *Agent, account *credential.Account, bothered *atomic.Int32) *caller {
	t.Helper()
	c := &caller{answers: make(chan jsonrpc.Message, 16)}
	c.session = session.New(session.Config{
		Remote:     remote.NewConn(remote.Config{URL: awayServer.URL, Bearer: account, HTTP: &http.Client{Transport: n}, UserAgent: "test"}),
		Credential: account, Log: slog.New(slog.DiscardHandler),
		Send: func(raw []byte) error {
			if m, err := jsonrpc.Parse(raw); err == nil && m.Method == "" {
				c.answers <- m
			}
			return nil
		},
		NeedSignIn: func(ctx context.Context) {
			bothered.Add(1)
			if _, err := a.Need(ctx, control.Named("notes")); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		},
	})
	t.Cleanup(func() { c.session.Close(10 * time.Second) })
	if _, ok := c.ask(1, "initialize", `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}`); !ok {
		t.Fatal("no session")
	}
	m, err := jsonrpc.Parse([]byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`))
	if err != nil {
		t.Fatal(err)
	}
	c.session.Receive(m)
	if _, ok := c.ask(2, "tools/list", "{}"); !ok {
		t.Fatal("no tools")
	}
	return c
}
