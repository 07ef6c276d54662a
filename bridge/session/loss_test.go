package session_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// opens counts how often initialize was said.
func (u *upstream) opens() (n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, raw := range u.seen {
		if strings.Contains(raw, `"method":"initialize"`) {
			n++
		}
	}
	return n
}

// restarting is a server whose session ids are s1, s2, ... It answers another
// one as gone says.
func restarting(u *upstream, gone func(w http.ResponseWriter)) (restart func()) {
	var session atomic.Int32
	session.Store(1)
	id := func() string { return fmt.Sprintf("s%d", session.Load()) }
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		switch {
		case m.Method == "initialize":
			w.Header().Set("Mcp-Session-Id", id())
			writeJSON(w, fmt.Sprintf(opened, m.ID))
		case r.Header.Get("Mcp-Session-Id") != id():
			gone(w)
		default:
			u.answer(w, r, m)
		}
	}
	return func() { session.Add(1) }
}

// Servers say in several ways that they do not know a session.
func TestWaysToSayThatTheSessionIsGone(t *testing.T) {
	for name, gone := range map[string]func(w http.ResponseWriter){
		"404":             func(w http.ResponseWriter) { w.WriteHeader(404) },
		"404 with a word": func(w http.ResponseWriter) { http.Error(w, "Session terminated", 404) },
		"404 with -32001": func(w http.ResponseWriter) { refuseJSON(w, 404, -32001, "Session not found") },
		"server-everything": func(w http.ResponseWriter) {
			refuseJSON(w, 400, -32000, "Bad Request: No valid session ID provided")
		},
		"one transport":                  func(w http.ResponseWriter) { refuseJSON(w, 400, -32000, "Bad Request: Server not initialized") },
		"401 although the token is good": func(w http.ResponseWriter) { w.WriteHeader(401) },
		"400 in plain words":             func(w http.ResponseWriter) { http.Error(w, "Invalid session ID", 400) },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t)
			restart := restarting(u, gone)
			c := connect(t, u, &account{})
			c.open()
			c.send(`{"jsonrpc":"2.0","id":1,"method":"a"}`)
			c.line()
			restart()
			c.send(`{"jsonrpc":"2.0","id":2,"method":"a"}`)
			if l := c.line(); !strings.Contains(l, `"id":2,"result"`) || u.opens() != 2 {
				t.Errorf("got %s after %d initializes", l, u.opens())
			}
		})
	}
}

func refuseJSON(w http.ResponseWriter, status, code int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":null,"error":{"code":%d,"message":%q}}`, code, message)
}

// An error that is about the request costs nobody the session.
func TestRefusalsThatAreNotAboutTheSession(t *testing.T) {
	for name, refuse := range map[string]func(w http.ResponseWriter){
		"404 method unknown":   func(w http.ResponseWriter) { refuseJSON(w, 404, -32601, "Method not found") },
		"400 invalid params":   func(w http.ResponseWriter) { refuseJSON(w, 400, -32602, "Unknown session type") },
		"400 without a reason": func(w http.ResponseWriter) { w.WriteHeader(400) },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t)
			calls := 0
			u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
				if m.Method == "x" {
					calls++
					refuse(w)
					return
				}
				u.answer(w, r, m)
			}
			c := connect(t, u, &account{})
			c.open()
			c.send(`{"jsonrpc":"2.0","id":1,"method":"x"}`)
			if l := c.line(); !strings.Contains(l, `"id":1,"error"`) || calls != 1 || u.opens() != 1 {
				t.Errorf("got %s after %d calls and %d initializes", l, calls, u.opens())
			}
		})
	}
}

// The server dies while a call's stream is open. Whether the call ran nobody
// knows, so it must not run again.
func TestCallThatMayHaveRunIsNotRunAgain(t *testing.T) {
	for name, resume := range map[string]func(w http.ResponseWriter){
		"session gone":        func(w http.ResponseWriter) { refuseJSON(w, 404, -32001, "Session not found") },
		"token refused":       func(w http.ResponseWriter) { w.WriteHeader(401) },
		"no stream to be had": func(w http.ResponseWriter) { w.WriteHeader(405) },
		"not a stream":        func(w http.ResponseWriter) { writeJSON(w, `{}`) },
	} {
		t.Run(name, bubbled(func(t *testing.T) {
			u := newPiped(t)
			calls := 0
			u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
				if m.Method == "tools/call" {
					if calls++; calls > 1 {
						writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID))
						return
					}
					writeEvents(w, "id: c1\ndata:")
					return
				}
				u.answer(w, r, m)
			}
			u.get = func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Last-Event-ID") == "" {
					w.WriteHeader(405)
					return
				}
				resume(w)
			}
			c := connect(t, u, &account{})
			c.open()
			begun := time.Now()
			c.send(`{"jsonrpc":"2.0","id":4,"method":"tools/call"}`)
			if l := c.line(); !strings.Contains(l, `"id":4,"error"`) || !strings.Contains(l, "may have run") {
				t.Errorf("got %s", l)
			}
			if calls != 1 {
				t.Errorf("the call was sent %d times", calls)
			}
			if took := time.Since(begun); took > 2*time.Second { // one try, after the usual second
				t.Errorf("the error took %v", took)
			}
		}))
	}
}

// A call that is still waiting for its token when the session is lost must not
// go out without one.
func TestCallBesideANewSessionIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		restart := restarting(u, func(w http.ResponseWriter) { w.WriteHeader(404) })
		ordinary := u.post
		hold, held := make(chan struct{}), make(chan struct{}, 1)
		u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
			if m.Method == "initialize" && strings.Contains(string(m.ID), "drawbridge") {
				held <- struct{}{}
				<-hold
			}
			if m.IsRequest() && m.Method != "initialize" && r.Header.Get("Mcp-Session-Id") == "" {
				refuseJSON(w, 400, -32000, "Bad Request: Mcp-Session-Id header is required")
				return
			}
			ordinary(w, r, m)
		}
		a := &account{}
		c := connect(t, u, a)
		c.open()
		c.send(`{"jsonrpc":"2.0","id":0,"method":"a"}`)
		c.line()

		restart()
		release := a.block()
		c.send(`{"jsonrpc":"2.0","id":1,"method":"a"}`) // waits for its token
		time.Sleep(50 * time.Millisecond)
		a.unblockNext()
		c.send(`{"jsonrpc":"2.0","id":2,"method":"a"}`) // finds the session gone
		<-held
		release()
		time.Sleep(50 * time.Millisecond)
		close(hold)
		for range 2 {
			if l := c.line(); !strings.Contains(l, `"result"`) {
				t.Errorf("got %s", l)
			}
		}
	})
}

// The answer of a slow call of the old session does not bring that one back.
func TestLateAnswerKeepsTheNewSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		restart := restarting(u, func(w http.ResponseWriter) { w.WriteHeader(404) })
		ordinary := u.post
		slow := make(chan struct{})
		u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
			if m.Method == "slow" {
				<-slow
				w.Header().Set("Mcp-Session-Id", "s1") // many servers send it with every answer
				writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID))
				return
			}
			ordinary(w, r, m)
		}
		c := connect(t, u, &account{})
		c.open()
		c.send(`{"jsonrpc":"2.0","id":1,"method":"slow"}`)
		time.Sleep(50 * time.Millisecond)
		restart()
		c.send(`{"jsonrpc":"2.0","id":2,"method":"a"}`)
		c.line()
		close(slow)
		c.line()
		c.send(`{"jsonrpc":"2.0","id":3,"method":"a"}`)
		c.line()
		if n := u.opens(); n != 2 {
			t.Errorf("initialize was said %d times, want 2", n)
		}
	})
}

// A server that gives a session id to a client that never said initialize.
func TestSessionOfAClientWithoutInitialize(t *testing.T) {
	u := newUpstream(t)
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if r.Header.Get("Mcp-Session-Id") != "" {
			w.WriteHeader(404)
			return
		}
		w.Header().Set("Mcp-Session-Id", "s1")
		writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID))
	}
	c := connect(t, u, &account{})
	for i := range 3 {
		c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"a"}`, i))
		if l := c.line(); !strings.Contains(l, `"result"`) {
			t.Errorf("got %s", l)
		}
	}
}

// A client that says no initialize, as from MCP 2026-07-28 on, cancels a call: the
// server hears of it at once, not when the bridge gives the call up.
func TestCancellationWithoutInitialize(t *testing.T) {
	u := newUpstream(t)
	began, cancelled := make(chan struct{}), make(chan string, 1)
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if m.Method == "notifications/cancelled" {
			cancelled <- string(m.Params)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		close(began)
		<-r.Context().Done()
	}
	c := connect(t, u, &account{})
	c.s.SetCancelGrace(time.Minute)
	c.send(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"wait"}}`)
	<-began
	c.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`)
	select {
	case got := <-cancelled:
		if got != `{"requestId":7}` {
			t.Errorf("the server heard %s", got)
		}
	case <-time.After(30 * time.Second):
		t.Error("the server did not hear of it")
	}
}

// Some servers have no route for GET: 404 then means no stream, not that the
// session is gone.
func TestNoRouteForTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		gets := make(chan struct{}, 10)
		u.get = func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			gets <- struct{}{}
		}
		c := connect(t, u, &account{})
		c.open()
		<-gets
		time.Sleep(200 * time.Millisecond)
		if n := u.opens(); n != 1 {
			t.Errorf("initialize was said %d times, want 1", n)
		}
	})
}

// The stream of a session that is gone may hang open; the new session gets its
// own.
func TestStreamFollowsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		restart := restarting(u, func(w http.ResponseWriter) { w.WriteHeader(404) })
		streams := make(chan string, 10)
		u.get = func(w http.ResponseWriter, r *http.Request) {
			streams <- r.Header.Get("Mcp-Session-Id") + " after " + r.Header.Get("Last-Event-ID")
			writeEvents(w, "id: "+r.Header.Get("Mcp-Session-Id")+"-1\ndata:")
			<-r.Context().Done()
		}
		c := connect(t, u, &account{})
		c.open()
		if got := <-streams; got != "s1 after " {
			t.Fatalf("first stream: %s", got)
		}
		restart()
		c.send(`{"jsonrpc":"2.0","id":1,"method":"a"}`)
		c.line()
		select {
		case got := <-streams:
			if got != "s2 after " {
				t.Errorf("second stream: %s", got)
			}
		case <-time.After(3 * time.Second):
			t.Error("the new session has no stream")
		}
	})
}

// A stream that was refused for want of a sign-in comes back after one.
func TestStreamComesBackAfterASignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		a := &account{}
		var signedIn atomic.Bool
		streams := make(chan struct{}, 10)
		u.get = func(w http.ResponseWriter, r *http.Request) {
			if !signedIn.Load() {
				w.WriteHeader(401)
				return
			}
			streams <- struct{}{}
			writeEvents(w, "data:")
			<-r.Context().Done()
		}
		c := connect(t, u, a)
		a.refuse(true)
		c.open()
		time.Sleep(100 * time.Millisecond)
		signedIn.Store(true)
		a.refuse(false)
		select {
		case <-streams:
		case <-time.After(5 * time.Second):
			t.Error("the stream was given up")
		}
	})
}
