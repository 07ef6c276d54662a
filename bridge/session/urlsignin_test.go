package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/session"
)

const helloURL = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{"url":{}}},"clientInfo":{"name":"c","version":"1"}}}`

// shower is a client that shows addresses, before a server that wants a sign-in.
func shower(t *testing.T, hello string) (c *client, a *account, calls *atomic.Int32, started *atomic.Int32) {
	t.Helper()
	u := newPiped(t)
	calls, started = new(atomic.Int32), new(atomic.Int32)
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if m.Method == "tools/call" {
			calls.Add(1)
			writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"ran":1}}`, m.ID))
			return
		}
		u.answer(w, r, m)
	}
	a = &account{needed: true}
	c = connect(t, u, a, func(c *session.Config) {
		c.SignIn = func(_ context.Context, open bool) (session.SignInStarted, error) {
			started.Add(1)
			if open {
				t.Error("a browser was asked for")
			}
			return session.SignInStarted{URL: "https://as.example/authorize?state=1&x=<y>"}, nil
		}
	})
	c.send(hello)
	c.line() // a minimal description
	c.send(greet)
	return c, a, calls, started
}

// next is the next line that is not about lists.
func (c *client) next() string {
	c.t.Helper()
	for {
		if l := c.line(); !strings.Contains(l, "list_changed") {
			return l
		}
	}
}

// elicitation is the request to show an address.
type elicitation struct {
	ID     json.RawMessage
	Method string
	Params struct{ Mode, URL, Message, ElicitationID string }
}

func (c *client) elicited() elicitation {
	c.t.Helper()
	var e elicitation
	l := c.next()
	if json.Unmarshal([]byte(l), &e) != nil || e.Method != "elicitation/create" || e.Params.Mode != "url" ||
		e.Params.URL != "https://as.example/authorize?state=1&x=<y>" || e.Params.ElicitationID == "" || !strings.Contains(e.Params.Message, "demo") {
		c.t.Fatalf("not a request to show the address: %s", l)
	}
	return e
}

const (
	callSeven = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"act"}}`
	callEight = `{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"act"}}`
)

// A call that needs a sign-in goes on after it; the client was asked once to show
// the address, however many calls there are.
func TestSignInByAnAddressThatTheClientShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, calls, started := shower(t, helloURL)
		c.send(callSeven)
		e := c.elicited()
		c.send(callEight)
		time.Sleep(50 * time.Millisecond)
		c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"accept"}}`, e.ID))
		time.Sleep(50 * time.Millisecond)
		if calls.Load() != 0 {
			t.Error("the server was called before the sign-in")
		}
		a.set(false)
		if l := c.next(); !strings.Contains(l, `"notifications/elicitation/complete"`) || !strings.Contains(l, e.Params.ElicitationID) {
			t.Errorf("after the sign-in the client hears %s", l)
		}
		both := c.next() + c.next()
		for _, id := range []string{`"id":7,"result":{"ran":1}`, `"id":8,"result":{"ran":1}`} {
			if !strings.Contains(both, id) {
				t.Errorf("no %s in %s", id, both)
			}
		}
		if calls.Load() != 2 || started.Load() != 1 || len(c.needs) > 0 {
			t.Errorf("%d calls, %d sign-ins, others were asked %d times", calls.Load(), started.Load(), len(c.needs))
		}
	})
}

// What the person or the client does not want ends the call, once.
func TestSignInByAnAddressIsNotWanted(t *testing.T) {
	for answer, want := range map[string]string{
		`"result":{"action":"decline"}`:         "not wanted",
		`"result":{"action":"cancel"}`:          "not wanted",
		`"error":{"code":-32601,"message":"?"}`: "sign in",
	} {
		t.Run(answer, bubbled(func(t *testing.T) {
			c, _, calls, _ := shower(t, helloURL)
			c.send(callSeven)
			e := c.elicited()
			c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,%s}`, e.ID, answer))
			if l := c.next(); !strings.Contains(l, `"id":7,"error"`) || !strings.Contains(l, want) || calls.Load() != 0 {
				t.Errorf("the client hears %s after %d calls", l, calls.Load())
			}
			// Who does not want to is left alone; a client that does not show the address
			// is none that helps.
			if strings.Contains(answer, "error") {
				waitFor(t, "another way to a person", func() bool { return len(c.needs) == 1 })
			} else if len(c.needs) > 0 {
				t.Error("others were asked")
			}
			c.send(callEight) // it is asked again for another call
			c.elicited()
		}))
	}
}

// A call that was tried before a sign-in ended, and finds only afterwards that it
// needs one, does not have the person asked again.
func TestSignInByAnAddressIsNotAskedForAgainByACallThatWasSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, calls, started := shower(t, helloURL)
		c.send(callSeven)
		e := c.elicited()
		gate := make(chan struct{})
		a.mu.Lock()
		a.gate = gate
		a.mu.Unlock()
		c.send(callEight)
		waitFor(t, "the second call to look for a token", func() bool { return !a.quiet() })
		c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"decline"}}`, e.ID))
		if l := c.next(); !strings.Contains(l, `"id":7,"error"`) {
			t.Fatalf("the client hears %s", l)
		}
		close(gate)
		if l := c.next(); !strings.Contains(l, `"id":8,"error"`) || !strings.Contains(l, "not wanted") {
			t.Errorf("the client hears %s", l)
		}
		if calls.Load() != 0 || started.Load() != 1 {
			t.Errorf("%d calls, %d sign-ins", calls.Load(), started.Load())
		}
	})
}

// A client that shows no addresses is told at once, and one whose own tool was
// called that it is signed in.
func TestSignInByAnAddressOnlyWhereItHelps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, capabilities := range []string{`{}`, `{"elicitation":{}}`, `{"elicitation":{"form":{}}}`} {
			c, _, _, started := shower(t, strings.Replace(helloURL, `{"elicitation":{"url":{}}}`, capabilities, 1))
			c.send(callSeven)
			if l := c.next(); !strings.Contains(l, `"id":7,"error"`) || started.Load() != 0 {
				t.Errorf("%s: the client hears %s", capabilities, l)
			}
		}
		c, a, calls, _ := shower(t, helloURL)
		c.send(strings.Replace(callSeven, `"act"`, `"sign_in"`, 1))
		e := c.elicited()
		c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"accept"}}`, e.ID))
		a.set(false)
		c.next() // it is complete
		if l := c.next(); !strings.Contains(l, `"id":7,"result"`) || !strings.Contains(l, "signed in to demo") || calls.Load() != 0 {
			t.Errorf("the client hears %s after %d calls", l, calls.Load())
		}
	})
}

// modernCall is a call of MCP 2026-07-28, with more members of its params.
func modernCall(id int, capabilities, more string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"act","arguments":{"n":1.50},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":%s}%s}}`, id, capabilities, more)
}

const shows = `{"elicitation":{"url":{}}}`

// signedOut is a client of MCP 2026-07-28 before a server that wants a sign-in;
// got has the calls that reached it.
func signedOut(t *testing.T) (c *client, a *account, got chan string) {
	t.Helper()
	u := newPiped(t)
	got = make(chan string, 8)
	u.post = func(w http.ResponseWriter, _ *http.Request, m jsonrpc.Message) {
		got <- string(m.Raw)
		writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"ran":1}}`, m.ID))
	}
	a = &account{needed: true}
	return connect(t, u, a, func(c *session.Config) {
		c.SignIn = func(context.Context, bool) (session.SignInStarted, error) {
			return session.SignInStarted{URL: "https://as.example/authorize"}, nil
		}
	}), a, got
}

// A modern client is asked by a result, comes back before the sign-in is over,
// and gets the answer of the server to what it asked at first.
func TestSignInByAnAddressOfAModernClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, got := signedOut(t)
		c.send(modernCall(1, shows, ""))
		var asked struct {
			Result struct {
				ResultType, RequestState string
				InputRequests            map[string]elicitation
			}
		}
		l := c.line()
		if err := json.Unmarshal([]byte(l), &asked); err != nil || asked.Result.ResultType != "input_required" || len(asked.Result.InputRequests) != 1 {
			t.Fatalf("the client hears %s", l)
		}
		for key, e := range asked.Result.InputRequests {
			if e.Method != "elicitation/create" || e.Params.Mode != "url" || e.Params.URL != "https://as.example/authorize" || e.Params.ElicitationID != "" {
				t.Errorf("asked: %s", l)
			}
			c.send(modernCall(2, shows, fmt.Sprintf(`,"requestState":%q,"inputResponses":{%q:{"action":"accept"}}`, asked.Result.RequestState, key)))
		}
		time.Sleep(50 * time.Millisecond)
		if len(got) > 0 {
			t.Errorf("the server got %s before the sign-in", <-got)
		}
		a.set(false)
		if l := c.line(); l != `{"jsonrpc":"2.0","id":2,"result":{"ran":1}}` {
			t.Errorf("the client hears %s", l)
		}
		if call := <-got; call != modernCall(2, shows, "") {
			t.Errorf("the server got %s", call)
		}
	})
}

// Who shows no addresses, does not want to, or is in the middle of a server's own
// questions, gets an error.
func TestSignInOfAModernClientThatIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, got := signedOut(t)
		for id, call := range []string{
			modernCall(0, `{"elicitation":{"form":{}}}`, ""),
			modernCall(1, shows, `,"requestState":"of the server"`),
			modernCall(2, shows, `,"requestState":"drawbridge-sign-in","inputResponses":{"sign_in":{"action":"decline"}}`),
			strings.Replace(modernCall(3, shows, ""), "tools/call", "tools/list", 1),
		} {
			c.send(call)
			if l := c.line(); !strings.Contains(l, fmt.Sprintf(`"id":%d,"error"`, id)) && !strings.Contains(l, `"sign_in"`) || strings.Contains(l, "input_required") {
				t.Errorf("%s: the client hears %s", call, l)
			}
		}
		if len(got) > 0 {
			t.Errorf("the server got %s", <-got)
		}

		tool := func(more string) string { return strings.Replace(modernCall(9, shows, more), `"act"`, `"sign_in"`, 1) }
		c, a, got := signedOut(t)
		c.send(tool(""))
		if l := c.line(); !strings.Contains(l, "input_required") {
			t.Errorf("the client hears %s", l)
		}
		a.set(false)
		c.send(tool(`,"requestState":"drawbridge-sign-in","inputResponses":{"sign_in":{"action":"accept"}}`))
		if l := c.line(); !strings.Contains(l, "signed in to demo") || !strings.Contains(l, `"resultType":"complete"`) || len(got) > 0 {
			t.Errorf("the client hears %s", l)
		}
	})
}
