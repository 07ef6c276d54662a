package session_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/session"
)

// open counts the connections that a server has.
type open struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func (o *open) note(c net.Conn, s http.ConnState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s == http.StateClosed || s == http.StateHijacked {
		delete(o.conns, c)
		return
	}
	o.conns[c] = struct{}{}
}

func (o *open) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.conns)
}

// After many calls, and many sessions that the server has forgotten, there are as
// many goroutines and connections as after the first call. DRAWBRIDGE_LONG=1 makes
// 10,000 calls and 100 new sessions.
func TestNothingPilesUp(t *testing.T) {
	calls, restarts := 500, 10
	if os.Getenv("DRAWBRIDGE_LONG") != "" {
		calls, restarts = 10_000, 100
	}
	o := &open{conns: map[net.Conn]struct{}{}}
	u := newUpstream(t, func(s *http.Server) { s.ConnState = o.note })
	restart := restarting(u, func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) })
	ordinary := u.post
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		u.mu.Lock()
		u.seen = nil // nothing piles up here either
		u.mu.Unlock()
		if m.Method == "streamed" {
			writeEvents(w, fmt.Sprintf(`data: {"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID))
			return
		}
		ordinary(w, r, m)
	}
	streams := make(chan struct{}, 1)
	u.get = func(w http.ResponseWriter, r *http.Request) {
		writeEvents(w, ": open")
		streams <- struct{}{}
		<-r.Context().Done()
	}
	a := &account{}
	h := remote.NewHTTP()
	c := connect(t, u, a, func(c *session.Config) { c.Remote = remote.NewConn(remote.Config{URL: u.URL, Bearer: a, HTTP: h}) })
	t.Cleanup(h.CloseIdleConnections)
	c.open()
	<-streams
	n := 0
	call := func(method string) {
		t.Helper()
		n++
		c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q}`, n, method))
		if l := c.line(); !strings.Contains(l, `"result"`) {
			t.Fatalf("call %d: %s", n, l)
		}
	}
	call("first")
	call("streamed")
	// Connections that wait for the next call end by themselves: a call that comes
	// while the last one's is read to its end may have opened another.
	settle := func() (goroutines, conns int) {
		h.CloseIdleConnections()
		time.Sleep(300 * time.Millisecond)
		return runtime.NumGoroutine(), o.count()
	}
	goroutines, conns := settle()
	for i := range restarts {
		for j := range calls / restarts {
			call([]string{"plain", "streamed"}[j%2])
		}
		if i < restarts-1 {
			restart()
			call("notices")
			<-streams
		}
	}
	for end := time.Now().Add(time.Minute); ; {
		g, k := settle()
		t.Logf("after %d calls and %d sessions: %d goroutines and %d connections, after the first call %d and %d", n, restarts, g, k, goroutines, conns)
		if g <= goroutines && k <= conns {
			return
		}
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("they do not end:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
	}
}
