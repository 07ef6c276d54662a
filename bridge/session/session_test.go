package session_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// account is a credential whose tokens are t0, t1, ... or that needs a sign-in.
type account struct {
	mu      sync.Mutex
	n       int
	needed  bool
	refused bool // no other token is to be had after a refusal
	rejects int
	gate    chan struct{} // holds Bearer up while it is there
	waited  int           // calls of Bearer that were held up
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
	defer a.mu.Unlock()
	if a.needed {
		return secret.String{}, fault.New(fault.SignInNeeded, "demo needs you to sign in.", "Run: drawbridge login demo")
	}
	return secret.New(fmt.Sprintf("t%d", a.n)), nil
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
	u.Start()
	t.Cleanup(func() {
		u.CloseClientConnections()
		u.Close()
	})
	return u
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
	case <-time.After(10 * time.Second):
		c.t.Fatal("no line within 10 s")
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

func TestMessagesPassUntouched(t *testing.T) {
	u := newUpstream(t)
	c := connect(t, u, &account{})
	c.open()
	for _, raw := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"n":12345678901234567890,"f":1.0,"e":1E5}}`,
		`{"jsonrpc":"2.0","id":"\u0061\ud800","method":"x/unknown","extra":{"z":1,"a":2},"params":[1,2]}`,
		`{"id":1.5,"jsonrpc":"2.0","method":"a","params":{"html":"<&>\u2028"}}`,
		`{"id":9007199254740993,"jsonrpc":"2.0","method":"a"}`,
	} {
		c.send(raw)
		m, _ := jsonrpc.Parse([]byte(raw))
		c.want(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"echo":%s}}`, m.ID, raw))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen[0] != hello {
		t.Errorf("initialize arrived as %s", u.seen[0])
	}
}

func TestStreamedAnswerWithProgressAndServerRequest(t *testing.T) {
	u := newUpstream(t)
	answered := make(chan string, 1)
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		switch {
		case m.Method == "tools/call":
			writeEvents(w,
				`data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1.50}}`,
				"event: message\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"id\":77,\"method\":\"sampling/createMessage\",\"params\":{}}")
			select {
			case <-answered:
			case <-time.After(5 * time.Second):
				t.Error("the client's response did not arrive while the call is open")
			}
			writeEvents(w, fmt.Sprintf(`data: {"jsonrpc":"2.0","id":%s,"result":{"ok":true}}`, m.ID))
		case m.IsResponse():
			answered <- string(m.Raw)
			w.WriteHeader(http.StatusAccepted)
		default:
			u.answer(w, r, m)
		}
	}
	c := connect(t, u, &account{})
	c.open()
	c.send(`{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{}}`)
	c.want(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1.50}}`)
	c.want(`{"jsonrpc":"2.0","id":77,"method":"sampling/createMessage","params":{}}`)
	c.send(`{"jsonrpc":"2.0","id":77,"result":{"role":"assistant","n":1e400}}`)
	c.want(`{"jsonrpc":"2.0","id":5,"result":{"ok":true}}`)
}

func TestSlowCallHoldsNobodyUp(t *testing.T) {
	u := newUpstream(t)
	release := make(chan struct{})
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if m.Method == "slow" {
			<-release
		}
		u.answer(w, r, m)
	}
	c := connect(t, u, &account{})
	c.open()
	c.send(`{"jsonrpc":"2.0","id":"slow","method":"slow"}`)
	for i := range 40 {
		c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"fast"}`, i))
	}
	for range 40 {
		if l := c.line(); !strings.Contains(l, `"method":"fast"`) {
			t.Fatalf("got %s", l)
		}
	}
	close(release)
	if l := c.line(); !strings.Contains(l, `"id":"slow"`) {
		t.Fatalf("got %s", l)
	}
}

func TestRefusedTokenIsReplacedAndTheRequestReplayedOnce(t *testing.T) {
	u := newUpstream(t)
	calls := 0
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if m.Method == "tools/call" {
			if calls++; r.Header.Get("Authorization") == "Bearer t0" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
		}
		u.answer(w, r, m)
	}
	a := &account{}
	c := connect(t, u, a)
	c.open()
	c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call"}`)
	if l := c.line(); !strings.Contains(l, `"result"`) || calls != 2 || a.rejects != 1 {
		t.Errorf("got %s after %d calls and %d rejections", l, calls, a.rejects)
	}
}

// Another process renews while the message is on its way, and at this server that
// ends the token before: the message is sent once more, but not for ever.
func TestTokenReplacedOnTheWayIsReplacedAgain(t *testing.T) {
	for dies, answered := range map[int]bool{1: true, 3: true, 100: false} {
		u, a := newUpstream(t), &account{}
		calls := 0
		u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
			if m.Method == "tools/call" {
				if calls++; calls <= dies {
					a.mu.Lock()
					a.n++
					a.mu.Unlock()
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
			}
			u.answer(w, r, m)
		}
		c := connect(t, u, a)
		c.open()
		c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call"}`)
		if l := c.line(); strings.Contains(l, `"result"`) != answered || calls > 10 { // five, and as many in a new session
			t.Errorf("%d tokens died: %s after %d calls", dies, l, calls)
		}
	}
}

func TestTokenRefusedTwiceIsAnError(t *testing.T) {
	u := newUpstream(t)
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if m.Method == "tools/call" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		u.answer(w, r, m)
	}
	a := &account{}
	c := connect(t, u, a)
	c.open()
	c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call"}`)
	if l := c.line(); !strings.Contains(l, `"id":1,"error"`) || !strings.Contains(l, "Sign in again") || a.rejects != 1 {
		t.Errorf("got %s after %d rejections", l, a.rejects)
	}
}

func TestSessionGoneIsOpenedAgain(t *testing.T) {
	u := newUpstream(t)
	session := "s1"
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		u.mu.Lock()
		defer u.mu.Unlock()
		if id := r.Header.Get("Mcp-Session-Id"); m.Method != "initialize" && id != session {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if m.Method == "initialize" {
			w.Header().Set("Mcp-Session-Id", session)
			writeJSON(w, fmt.Sprintf(opened, m.ID))
			return
		}
		u.answer(w, r, m)
	}
	c := connect(t, u, &account{})
	c.open()
	c.send(`{"jsonrpc":"2.0","id":1,"method":"a"}`)
	c.line()
	u.mu.Lock()
	session = "s2" // the server restarts
	u.mu.Unlock()
	for i := range 10 {
		c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":"again%d","method":"a"}`, i))
	}
	for range 10 {
		if l := c.line(); !strings.Contains(l, `"result"`) {
			t.Errorf("got %s", l)
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	opens := 0
	for _, raw := range u.seen {
		if strings.Contains(raw, `"method":"initialize"`) {
			opens++
		}
	}
	if opens != 2 {
		t.Errorf("initialize was said %d times, want 2", opens)
	}
}

func TestSignedOutClientStaysConnected(t *testing.T) {
	u := newUpstream(t)
	a := &account{needed: true}
	c := connect(t, u, a)
	begun := time.Now()
	c.send(hello)
	first := c.line()
	var answer struct {
		ID     json.RawMessage
		Result struct {
			ProtocolVersion string
			Instructions    string
			Capabilities    map[string]struct{ ListChanged bool }
		}
	}
	if err := json.Unmarshal([]byte(first), &answer); err != nil || answer.Result.ProtocolVersion != "2025-06-18" ||
		!answer.Result.Capabilities["tools"].ListChanged || !strings.Contains(answer.Result.Instructions, "drawbridge login demo") {
		t.Errorf("initialize gave %s (%v)", first, err)
	}
	c.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	if l := c.line(); !strings.Contains(l, "drawbridge login demo") || !strings.Contains(l, `"id":1,"error"`) {
		t.Errorf("tools/list gave %s", l)
	}
	c.send(`{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	c.want(`{"jsonrpc":"2.0","id":2,"result":{}}`)
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("all that took %v", took)
	}
	<-c.needs

	a.set(false) // somebody signs in
	got := map[string]bool{}
	for range 3 {
		got[c.line()] = true
	}
	for _, list := range []string{"tools", "prompts", "resources"} {
		if n := `{"jsonrpc":"2.0","method":"notifications/` + list + `/list_changed"}`; !got[n] {
			t.Errorf("the client was not told %s", n)
		}
	}
	c.send(`{"jsonrpc":"2.0","id":3,"method":"tools/list"}`)
	if l := c.line(); !strings.Contains(l, `"id":3,"result"`) {
		t.Errorf("tools/list gave %s", l)
	}
	select {
	case <-c.needs:
		t.Error("a person was asked twice for one need")
	default:
	}
}

func TestStandaloneStream(t *testing.T) {
	u := newUpstream(t)
	gets := 0
	u.get = func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		gets++
		n := gets
		u.mu.Unlock()
		if r.Header.Get("Mcp-Session-Id") != "s1" || r.Header.Get("Mcp-Protocol-Version") != "2025-06-18" {
			t.Errorf("GET with session %q, version %q", r.Header.Get("Mcp-Session-Id"), r.Header.Get("Mcp-Protocol-Version"))
		}
		switch n {
		case 1:
			writeEvents(w, "id: e1\nretry: 10\ndata:", "id: e2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}")
		case 2:
			if id := r.Header.Get("Last-Event-ID"); id != "e2" {
				t.Errorf("came back with Last-Event-ID %q", id)
			}
			writeEvents(w, `data: {"jsonrpc":"2.0","id":1,"method":"roots/list"}`)
			<-r.Context().Done()
		default:
			t.Errorf("GET number %d", n)
		}
	}
	c := connect(t, u, &account{})
	c.open()
	c.want(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
	c.want(`{"jsonrpc":"2.0","id":1,"method":"roots/list"}`)
}

func TestBrokenStreamIsResumed(t *testing.T) {
	u := newUpstream(t)
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if m.Method == "tools/call" {
			writeEvents(w, "id: c1\nretry: 10\ndata:")
			return // the server hangs up before the response
		}
		u.answer(w, r, m)
	}
	u.get = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Last-Event-ID") != "c1" {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		writeEvents(w, `data: {"jsonrpc":"2.0","id":4,"result":{"late":true}}`)
	}
	c := connect(t, u, &account{})
	c.open()
	c.send(`{"jsonrpc":"2.0","id":4,"method":"tools/call"}`)
	c.want(`{"jsonrpc":"2.0","id":4,"result":{"late":true}}`)
}

// Whatever the server does, the request gets exactly one answer, with its id
// and with words for a person.
func TestEveryFailureIsAnAnswer(t *testing.T) {
	hang := func(w http.ResponseWriter) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	for _, tt := range []struct {
		name string
		do   func(w http.ResponseWriter)
		want string
	}{
		{"502 with a page", func(w http.ResponseWriter) { w.WriteHeader(502) }, "has trouble (HTTP 502)"},
		{"404 without session meaning", func(w http.ResponseWriter) { w.WriteHeader(410) }, "no MCP endpoint"},
		{"403", func(w http.ResponseWriter) { w.WriteHeader(403) }, "HTTP 403"},
		{"403 scope", func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="a b"`)
			w.WriteHeader(403)
		}, `scope=\"a b\"`},
		{"400 with an error of its own", func(w http.ResponseWriter) {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"no","data":[1.0]}}`)
		}, `{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no","data":[1.0]}}`},
		{"202 for a request", func(w http.ResponseWriter) { w.WriteHeader(202) }, "may have run"},
		{"a web page", func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html"); w.WriteHeader(200) }, "not MCP"},
		{"stream ends without response", func(w http.ResponseWriter) { writeEvents(w, ": hi") }, "may have run"},
		{"answer for nobody", func(w http.ResponseWriter) {
			writeJSON(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"m"}}`)
		}, `"id":7,"error":{"code":-1`},
		{"redirect elsewhere", func(w http.ResponseWriter) { w.Header().Set("Location", "https://other.example/"); w.WriteHeader(307) }, "has moved"},
		{"connection cut", hang, "may have run"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := newUpstream(t)
			u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
				if m.Method == "x" {
					tt.do(w)
					return
				}
				u.answer(w, r, m)
			}
			c := connect(t, u, &account{})
			c.open()
			c.send(`{"jsonrpc":"2.0","id":7,"method":"x"}`)
			if l := c.line(); !strings.Contains(l, tt.want) || !strings.Contains(l, `"id":7`) {
				t.Errorf("got %s, want it to hold %s", l, tt.want)
			}
			c.send(`{"jsonrpc":"2.0","id":8,"method":"fine"}`)
			if l := c.line(); !strings.Contains(l, `"id":8,"result"`) {
				t.Errorf("then got %s", l)
			}
		})
	}
}

func TestCloseDeletesTheSession(t *testing.T) {
	u := newUpstream(t)
	c := connect(t, u, &account{})
	c.open()
	c.send(`{"jsonrpc":"2.0","id":1,"method":"a"}`)
	c.line()
	c.s.Close(time.Second)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.deletes != 1 {
		t.Errorf("%d DELETEs", u.deletes)
	}
}

func TestServerAwayAtStart(t *testing.T) {
	u := newUpstream(t)
	away := true
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		u.mu.Lock()
		is := away
		u.mu.Unlock()
		if is {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		u.answer(w, r, m)
	}
	c := connect(t, u, &account{})
	c.send(hello)
	if l := c.line(); !strings.Contains(l, `"id":0,"result"`) {
		t.Fatalf("initialize gave %s", l)
	}
	u.mu.Lock()
	away = false
	u.mu.Unlock()
	c.send(`{"jsonrpc":"2.0","id":1,"method":"a"}`) // a call tries at once
	seen := map[bool]int{}
	for range 4 {
		seen[strings.Contains(c.line(), "list_changed")]++
	}
	if seen[true] != 3 || seen[false] != 1 {
		t.Errorf("got %d list_changed and %d answers", seen[true], seen[false])
	}
	select {
	case <-c.needs:
		t.Error("a person was asked to sign in because the server was away")
	default:
	}
}
