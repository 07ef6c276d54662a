package session_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/session"
)

// methods is what the server saw, in order.
func (u *upstream) methods() (all []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, raw := range u.seen {
		m, _ := jsonrpc.Parse([]byte(raw))
		all = append(all, m.Method)
	}
	return all
}

// Requests wait until the server has taken `initialized`; some refuse them before.
func TestNoRequestOvertakesInitialized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		var taken atomic.Bool
		u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
			switch {
			case m.Method == "notifications/initialized":
				time.Sleep(100 * time.Millisecond)
				taken.Store(true)
			case m.Method == "a" && !taken.Load():
				t.Error("a request came before the server had taken initialized")
			}
			u.answer(w, r, m)
		}
		c := connect(t, u, &account{})
		c.open()
		for i := range 5 {
			c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"a"}`, i))
		}
		for range 5 {
			c.line()
		}
	})
}

// Notifications and responses arrive in the client's order.
func TestNotificationsKeepTheirOrder(t *testing.T) {
	u := newUpstream(t)
	n := 0
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if strings.HasPrefix(m.Method, "notifications/n") {
			if n++; n%2 == 1 {
				time.Sleep(10 * time.Millisecond)
			}
		}
		u.answer(w, r, m)
	}
	c := connect(t, u, &account{})
	c.open()
	want := "initialize notifications/initialized"
	for i := range 10 {
		c.send(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/n%d"}`, i))
		want += fmt.Sprintf(" notifications/n%d", i)
	}
	waitFor(t, "all notifications", func() bool { return len(u.methods()) == 12 })
	if got := strings.Join(u.methods(), " "); got != want {
		t.Errorf("the server saw\n  %s\nwant\n  %s", got, want)
	}
}

// A request that still waits for its token is cancelled: the server hears of
// the request first, for it would ignore the cancellation of an unknown one.
func TestNoCancellationOvertakesItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		a := &account{}
		c := connect(t, u, a)
		c.open()
		c.send(`{"jsonrpc":"2.0","id":"first","method":"a"}`)
		c.line()
		release := a.block()
		c.send(`{"jsonrpc":"2.0","id":"slow","method":"tools/call"}`)
		waitFor(t, "the call at its token", func() bool { return !a.quiet() })
		a.unblockNext()
		c.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"slow"}}`)
		c.send(`{"jsonrpc":"2.0","id":"beside","method":"a"}`) // others are not held up
		if l := c.line(); !strings.Contains(l, `"id":"beside"`) {
			t.Errorf("got %s", l)
		}
		release()
		seen := func(what string) int {
			u.mu.Lock()
			defer u.mu.Unlock()
			return slices.IndexFunc(u.seen, func(raw string) bool { return strings.Contains(raw, what) })
		}
		waitFor(t, "the cancellation", func() bool { return seen("notifications/cancelled") >= 0 })
		if call := seen("tools/call"); call < 0 || call > seen("notifications/cancelled") {
			t.Errorf("the server saw the call as number %d, its cancellation as number %d", call, seen("notifications/cancelled"))
		}
	})
}

// A refusal that comes when the new session is open already opens no other one.
func TestLateRefusalOpensNoThirdSession(t *testing.T) {
	u := newUpstream(t)
	restart := restarting(u, func(w http.ResponseWriter) { w.WriteHeader(404) })
	ordinary := u.post
	late := make(chan struct{})
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if m.Method == "late" && r.Header.Get("Mcp-Session-Id") == "s1" {
			<-late
			w.WriteHeader(404)
			return
		}
		ordinary(w, r, m)
	}
	c := connect(t, u, &account{})
	c.open()
	c.send(`{"jsonrpc":"2.0","id":1,"method":"late"}`)
	waitFor(t, "the call", func() bool { return len(u.methods()) == 3 })
	restart()
	c.send(`{"jsonrpc":"2.0","id":2,"method":"a"}`)
	c.line()
	close(late)
	if l := c.line(); !strings.Contains(l, `"id":1,"result"`) || u.opens() != 2 {
		t.Errorf("got %s after %d initializes", l, u.opens())
	}
}

// The bound is on what is under way, not on what was ever asked.
func TestRequestsOneAfterAnotherHaveNoBound(t *testing.T) {
	u := newUpstream(t)
	c := connect(t, u, &account{})
	c.open()
	for i := range session.MaxInFlight + 10 {
		c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"a"}`, i))
		if l := c.line(); !strings.Contains(l, `"result"`) {
			t.Fatalf("request %d: %s", i, l)
		}
	}
}

// The client is told to look again when a minimal description is made good, and
// not with each later session.
func TestClientIsToldOnceToLookAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		restart := restarting(u, func(w http.ResponseWriter) { w.WriteHeader(404) })
		a := &account{needed: true}
		c := connect(t, u, a)
		c.send(hello)
		c.line()
		c.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
		a.set(false)
		for range 3 {
			if l := c.line(); !strings.Contains(l, "list_changed") {
				t.Fatalf("got %s", l)
			}
		}
		restart()
		c.send(`{"jsonrpc":"2.0","id":1,"method":"a"}`)
		if l := c.line(); !strings.Contains(l, `"id":1,"result"`) {
			t.Errorf("got %s", l)
		}
		c.none(100 * time.Millisecond)
	})
}

// A session that is lost at the very moment in which it was opened, while the
// client is still being told of it, is opened again.
func TestSessionLostAsItOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		restart := restarting(u, func(w http.ResponseWriter) { w.WriteHeader(404) })
		a := &account{needed: true}
		c := connect(t, u, a)
		answered := make(chan struct{}) // closed when answer is set
		answer, changes := "", 0
		described := make(chan struct{})
		c.onSend(func(line string) {
			switch {
			case strings.Contains(line, `"id":0,`):
				close(described)
			case strings.Contains(line, `"id":1,`):
				answer = line
				close(answered)
			case strings.Contains(line, "list_changed"):
				if changes++; changes == 3 { // the opening waits for this line to be taken
					restart()
					c.send(`{"jsonrpc":"2.0","id":1,"method":"a"}`)
					select {
					case <-answered:
					case <-time.After(5 * time.Second):
					}
				}
			}
		})
		c.send(hello)
		<-described
		c.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
		a.set(false)
		select {
		case <-answered:
			if !strings.Contains(answer, `"id":1,"result"`) {
				t.Errorf("got %s", answer)
			}
		case <-time.After(10 * time.Second):
			t.Error("no answer")
		}
	})
}
