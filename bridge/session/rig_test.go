package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/session"
	"drawbridge/test/leaks"
	"drawbridge/test/pipes"
)

func TestMain(m *testing.M) { leaks.Main(m) }

// account is a credential whose tokens are t0, t1, ... or that needs a sign-in.
type account struct {
	mu      sync.Mutex
	n       int
	needed  bool
	refused bool // no other token is to be had after a refusal
	rejects int
	gate    chan struct{} // holds Bearer up while it is there
	waited  int           // calls of Bearer that were held up
	late    chan struct{} // holds the next one up that finds the need
}

// quiet reports whether nobody asked for a token while it was held up.
func (a *account) quiet() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waited == 0
}

func (a *account) Name() string { return "demo" }

func (a *account) Bearer(ctx context.Context) (secret.String, error) {
	a.mu.Lock()
	gate := a.gate
	if gate != nil {
		a.waited++
	}
	a.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return secret.String{}, ctx.Err()
		}
	}
	a.mu.Lock()
	needed, token, late := a.needed, secret.New(fmt.Sprintf("t%d", a.n)), a.late
	if needed {
		a.late = nil
	}
	a.mu.Unlock()
	if needed {
		if late != nil {
			<-late
		}
		return secret.String{}, fault.New(fault.SignInNeeded, "demo needs you to sign in.", "Run: drawbridge login demo")
	}
	return token, nil
}

// StepUp is for tests of credential; here a 403 is final.
func (a *account) StepUp(_ context.Context, r credential.Rejection) error {
	return fault.New(fault.Refused, fmt.Sprintf("notes refuses this (HTTP %d): %v", r.Status, r.Challenge), "")
}

func (a *account) Reject(_ context.Context, r credential.Rejection) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if newest := secret.New(fmt.Sprintf("t%d", a.n)); r.Again && newest.Equal(r.Token) {
		return errors.New("no newer token")
	}
	a.rejects++
	if a.refused {
		return fault.New(fault.SignInNeeded, "demo needs you to sign in again.", "Run: drawbridge login demo")
	}
	a.n++
	return nil
}

// block makes those wait who ask for a token from now on, until release; after
// unblockNext others get theirs at once again.
func (a *account) block() (release func()) {
	gate := make(chan struct{})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gate = gate
	return func() { close(gate) }
}

func (a *account) unblockNext() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gate = nil
}

func (a *account) refuse(refused bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused = refused
}

func (a *account) set(needed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.needed = needed
}

// upstream is a scripted MCP server. Its handler sees each request after the
// checks that every request must pass.
type upstream struct {
	*httptest.Server
	pipes   *pipes.Net // its network; nil: that of the machine
	t       *testing.T
	mu      sync.Mutex
	seen    []string // METHOD body
	deletes int
	// slowDelete makes the server think long about the end of a session.
	slowDelete bool
	post       func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message)
	get        func(w http.ResponseWriter, r *http.Request)
}

const opened = `{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"x":{}},"serverInfo":{"name":"up","version":"1"}}}`

func newUpstream(t *testing.T, with ...func(*http.Server)) *upstream {
	u := &upstream{t: t}
	u.Server = httptest.NewUnstartedServer(http.HandlerFunc(u.serve))
	for _, change := range with {
		change(u.Config)
	}
	u.start()
	return u
}

// newPiped is newUpstream for a test in a bubble of synctest, whose time is its
// own: how slow the machine is does not matter.
func newPiped(t *testing.T) *upstream {
	u := &upstream{t: t, pipes: pipes.New()}
	u.Server = &httptest.Server{Listener: u.pipes, Config: &http.Server{Handler: http.HandlerFunc(u.serve)}}
	u.start()
	return u
}

// bubbled makes a subtest run in a bubble of synctest.
func bubbled(f func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) { synctest.Test(t, f) }
}

func (u *upstream) start() {
	u.Start()
	u.t.Cleanup(func() {
		u.CloseClientConnections()
		u.Close()
	})
}

func (u *upstream) serve(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer t") {
		u.t.Errorf("%s without a token", r.Method)
	}
	switch r.Method {
	case http.MethodDelete:
		u.mu.Lock()
		u.deletes++
		slow := u.slowDelete
		u.mu.Unlock()
		if slow {
			<-r.Context().Done()
		}
	case http.MethodGet:
		if u.get == nil {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		u.get(w, r)
	case http.MethodPost:
		raw, _ := io.ReadAll(r.Body)
		m, err := jsonrpc.Parse(raw)
		if err != nil {
			u.t.Errorf("upstream got %q: %v", raw, err)
		}
		u.mu.Lock()
		u.seen = append(u.seen, string(raw))
		u.mu.Unlock()
		if accept := r.Header.Get("Accept"); !strings.Contains(accept, "application/json") || !strings.Contains(accept, "text/event-stream") {
			u.t.Errorf("Accept: %q", accept)
		}
		switch {
		case u.post != nil:
			u.post(w, r, m)
		default:
			u.answer(w, r, m)
		}
	}
}

// answer plays an ordinary server.
func (u *upstream) answer(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
	switch {
	case m.Method == "initialize":
		if r.Header.Get("Mcp-Session-Id") != "" {
			u.t.Error("initialize with a session id")
		}
		w.Header().Set("Mcp-Session-Id", "s1")
		writeJSON(w, fmt.Sprintf(opened, m.ID))
	case r.Header.Get("Mcp-Session-Id") == "" || r.Header.Get("Mcp-Protocol-Version") != "2025-06-18":
		u.t.Errorf("%s: session %q, version %q", m.Method, r.Header.Get("Mcp-Session-Id"), r.Header.Get("Mcp-Protocol-Version"))
	case m.IsRequest():
		writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"echo":%s}}`, m.ID, m.Raw))
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

func writeJSON(w http.ResponseWriter, s string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, s)
}

func writeEvents(w http.ResponseWriter, events ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, e := range events {
		_, _ = io.WriteString(w, e+"\n\n")
		w.(http.Flusher).Flush()
	}
}

// client is the local side: it sends lines and waits for lines.
type client struct {
	t     *testing.T
	s     *session.Session
	lines chan string
	needs chan struct{}
	heard atomic.Pointer[func(line string)] // takes the lines instead, if set
}

// onSend lets hear take the lines from now on, in the goroutine that sends them.
func (c *client) onSend(hear func(line string)) { c.heard.Store(&hear) }

func connect(t *testing.T, u *upstream, a *account, with ...func(*session.Config)) *client {
	h := remote.NewHTTP()
	if u.pipes != nil {
		h = remote.NewHTTPOver(u.pipes.Transport())
	}
	c := &client{t: t, lines: make(chan string, 100), needs: make(chan struct{}, 10)}
	config := session.Config{
		Remote:     remote.NewConn(remote.Config{URL: u.URL, Bearer: a, HTTP: h}),
		Credential: a,
		Send: func(b []byte) error {
			if bytes.ContainsAny(b, "\r\n") {
				t.Errorf("line break in %q", b)
			}
			if hear := c.heard.Load(); hear != nil {
				(*hear)(string(b))
				return nil
			}
			c.lines <- string(b)
			return nil
		},
		NeedSignIn: func(context.Context) { c.needs <- struct{}{} },
	}
	for _, change := range with {
		change(&config)
	}
	c.s = session.New(config)
	if u.pipes == nil {
		c.s.SetDescribeAfter(time.Minute) // a busy machine is no slow server
	}
	t.Cleanup(func() {
		c.s.Close(2 * time.Second)
		h.CloseIdleConnections()
	})
	return c
}

func (c *client) send(raw string) {
	c.t.Helper()
	m, err := jsonrpc.Parse([]byte(raw))
	if err != nil {
		c.t.Fatalf("test sends %q: %v", raw, err)
	}
	c.s.Receive(m)
}

func (c *client) line() string {
	c.t.Helper()
	select {
	case l := <-c.lines:
		return l
	case <-time.After(time.Minute):
		c.t.Fatal("no line within a minute")
		return ""
	}
}

func (c *client) want(line string) {
	c.t.Helper()
	if got := c.line(); got != line {
		c.t.Errorf("client got\n  %s\nwant\n  %s", got, line)
	}
}

const hello = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`

func (c *client) open() {
	c.t.Helper()
	c.send(hello)
	c.want(fmt.Sprintf(opened, "0"))
	c.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
}
