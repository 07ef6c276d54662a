package session_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/jsonrpc"
)

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

func TestSignedOutClientStaysConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
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
	})
}
