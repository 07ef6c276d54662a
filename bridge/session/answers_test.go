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
	"drawbridge/bridge/remote"
	"drawbridge/bridge/session"
)

// none fails when a line comes within a moment.
func (c *client) none(within time.Duration) {
	c.t.Helper()
	select {
	case l := <-c.lines:
		c.t.Errorf("client got %s", l)
	case <-time.After(within):
	}
}

func TestAnswersOfOthersAreNotTheAnswer(t *testing.T) {
	const id = `12345678901234567890`
	for _, tt := range []struct{ name, body, want string }{
		{"another id", `{"jsonrpc":"2.0","id":99,"result":{"whose":"?"}}`, "may have run"},
		{"no id", `{"jsonrpc":"2.0","id":null,"result":{}}`, "may have run"},
		{"a string in the place of a number", `{"jsonrpc":"2.0","id":"12345678901234567890","result":{}}`, "may have run"},
		{"other spelling", `{"jsonrpc":"2.0","id":1234567890123456789e1,"result":{"n":1}}`, `{"jsonrpc":"2.0","id":` + id + `,"result":{"n":1}}`},
		{"twice", `[{"jsonrpc":"2.0","id":` + id + `,"result":{"n":1}},{"jsonrpc":"2.0","id":` + id + `,"result":{"n":2}}]`, `"result":{"n":1}`},
	} {
		t.Run(tt.name, bubbled(func(t *testing.T) {
			u := newPiped(t)
			u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
				if m.Method == "x" {
					writeJSON(w, tt.body)
					return
				}
				u.answer(w, r, m)
			}
			c := connect(t, u, &account{})
			c.open()
			c.send(`{"jsonrpc":"2.0","id":` + id + `,"method":"x"}`)
			if l := c.line(); !strings.Contains(l, tt.want) || !strings.Contains(l, `"id":`+id) {
				t.Errorf("got %s, want it to hold %s", l, tt.want)
			}
			c.none(50 * time.Millisecond)
		}))
	}
}

// A response on the stream of nobody's request would be a second answer.
func TestResponseOnTheStandaloneStreamIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		u.get = func(w http.ResponseWriter, r *http.Request) {
			writeEvents(w, `data: {"jsonrpc":"2.0","id":1,"result":{}}`, `data: {"jsonrpc":"2.0","method":"notifications/x"}`)
			<-r.Context().Done()
		}
		c := connect(t, u, &account{})
		c.open()
		c.want(`{"jsonrpc":"2.0","method":"notifications/x"}`)
	})
}

// A client may ping before it has the answer to initialize, and some say all at
// once: there is one session all the same, and the order is kept.
func TestClientThatDoesNotWaitForInitialize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
			if m.Method == "initialize" {
				time.Sleep(100 * time.Millisecond)
			}
			u.answer(w, r, m)
		}
		c := connect(t, u, &account{})
		c.send(hello)
		c.send(`{"jsonrpc":"2.0","id":"early","method":"ping"}`)
		c.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
		c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
		for range 3 {
			if l := c.line(); !strings.Contains(l, `"result"`) {
				t.Errorf("got %s", l)
			}
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		order := ""
		for _, raw := range u.seen {
			if m, _ := jsonrpc.Parse([]byte(raw)); m.Method != "ping" {
				order += m.Method + " "
			}
		}
		if order != "initialize notifications/initialized tools/list " {
			t.Errorf("the server saw: %s", order)
		}
	})
}

func TestPingWhileTheServerThinksAboutInitialize(t *testing.T) {
	u := newUpstream(t)
	release := make(chan struct{})
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if m.Method == "initialize" {
			<-release
		}
		u.answer(w, r, m)
	}
	c := connect(t, u, &account{})
	c.send(hello)
	c.send(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	c.want(`{"jsonrpc":"2.0","id":1,"result":{}}`)
	close(release)
	c.want(fmt.Sprintf(opened, "0"))
	if n := u.opens(); n != 1 {
		t.Errorf("initialize was said %d times", n)
	}
}

func TestInitializedTwiceLosesNoRequest(t *testing.T) {
	u := newUpstream(t)
	release := make(chan struct{})
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if m.Method == "notifications/initialized" {
			<-release
		}
		u.answer(w, r, m)
	}
	c := connect(t, u, &account{})
	c.open()
	c.send(`{"jsonrpc":"2.0","id":1,"method":"a"}`)
	c.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	close(release)
	if l := c.line(); !strings.Contains(l, `"id":1,"result"`) {
		t.Errorf("got %s", l)
	}
}

// Servers of the TypeScript SDK neither answer a cancelled request nor end its
// stream: it must not stay open for good.
func TestCancelledCallIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		var open atomic.Int32
		u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
			if m.Method == "tools/call" {
				open.Add(1)
				defer open.Add(-1)
				writeEvents(w, "id: c1\ndata:")
				<-r.Context().Done()
				return
			}
			u.answer(w, r, m)
		}
		c := connect(t, u, &account{})
		c.s.SetCancelGrace(100 * time.Millisecond)
		c.open()
		for i := range 5 {
			c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":"c%d","method":"tools/call"}`, i))
		}
		waitFor(t, "five calls", func() bool { return open.Load() == 5 })
		for i := range 4 {
			c.send(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"\u0063%d"}}`, i))
		}
		waitFor(t, "four calls let go", func() bool { return open.Load() == 1 })
		c.none(50 * time.Millisecond) // nobody waits for an answer to what was cancelled
		waitFor(t, "four cancellations at the server", func() bool {
			u.mu.Lock()
			defer u.mu.Unlock()
			return strings.Count(strings.Join(u.seen, " "), "notifications/cancelled") == 4
		})
	})
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// An answer that comes shortly after the cancellation is passed on.
func TestCancelledCallMayStillBeAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		cancelled := make(chan struct{})
		u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
			switch m.Method {
			case "tools/call":
				<-cancelled
			case "notifications/cancelled":
				close(cancelled)
			}
			u.answer(w, r, m)
		}
		c := connect(t, u, &account{})
		c.open()
		c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call"}`)
		waitFor(t, "the call", func() bool {
			u.mu.Lock()
			defer u.mu.Unlock()
			return strings.Contains(strings.Join(u.seen, " "), "tools/call")
		})
		c.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
		if l := c.line(); !strings.Contains(l, `"id":1,"result"`) {
			t.Errorf("got %s", l)
		}
	})
}

// A client that asks and asks but does not read: what waits for it is bounded.
func TestClientThatDoesNotReadIsHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		read := make(chan struct{})
		var answered atomic.Int32
		h := remote.NewHTTPOver(u.pipes.Transport())
		s := session.New(session.Config{
			Remote: remote.NewConn(remote.Config{URL: u.URL, Bearer: &account{}, HTTP: h}), Credential: &account{},
			Send: func([]byte) error {
				<-read
				answered.Add(1)
				return nil
			},
		})
		defer h.CloseIdleConnections()
		defer s.Close(2 * time.Second)
		m, err := jsonrpc.Parse([]byte(`{"jsonrpc":"2.0","id":1,"method":"a"}`))
		if err != nil {
			t.Fatal(err)
		}
		u.post = func(w http.ResponseWriter, _ *http.Request, m jsonrpc.Message) { // no session: the client said no initialize
			writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID))
		}
		const asked = session.MaxInFlight + 100
		var taken atomic.Int32
		go func() {
			for range asked {
				s.Receive(m)
				taken.Add(1)
			}
		}()
		synctest.Wait() // all that can go on has
		if n := taken.Load(); n != session.MaxInFlight {
			t.Errorf("%d requests were taken from a client that reads none of the answers, want %d", n, session.MaxInFlight)
		}
		close(read)
		waitFor(t, "an answer to each request", func() bool { return answered.Load() == asked })
	})
}

// Each need is told to a person, not only the first one of a session.
func TestSecondNeedOfASessionIsToldToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		a := &account{}
		c := connect(t, u, a)
		c.open()
		for i := range 2 {
			a.set(true)
			for range 3 { // one need, however many calls find out
				c.send(`{"jsonrpc":"2.0","id":"needed","method":"a"}`)
				c.line()
			}
			select {
			case <-c.needs:
			case <-time.After(10 * time.Second):
				t.Fatalf("need %d: nobody was asked", i+1)
			}
			a.set(false)
			c.send(`{"jsonrpc":"2.0","id":"fine","method":"a"}`)
			if l := c.line(); !strings.Contains(l, `"result"`) {
				t.Fatalf("got %s", l)
			}
		}
		select {
		case <-c.needs:
			t.Error("a person was asked twice for one need")
		case <-time.After(50 * time.Millisecond):
		}
	})
}

// A server that never answers a notification holds up neither requests nor, for
// good, the notifications behind it.
func TestNotificationThatIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
			if m.Method == "notifications/stuck" {
				<-r.Context().Done()
				return
			}
			u.answer(w, r, m)
		}
		c := connect(t, u, &account{})
		c.s.SetNoteLimit(200 * time.Millisecond)
		c.open()
		c.send(`{"jsonrpc":"2.0","method":"notifications/stuck"}`)
		c.send(`{"jsonrpc":"2.0","method":"notifications/next"}`)
		c.send(`{"jsonrpc":"2.0","id":1,"method":"a"}`)
		if l := c.line(); !strings.Contains(l, `"id":1,"result"`) {
			t.Errorf("got %s", l)
		}
		waitFor(t, "the next notification", func() bool {
			u.mu.Lock()
			defer u.mu.Unlock()
			return strings.Contains(strings.Join(u.seen, " "), "notifications/next")
		})
	})
}

// The end takes no longer than it may, whatever the server and the token do.
func TestCloseInTime(t *testing.T) {
	const limit = 60 * time.Millisecond // of the bubble's time
	for name, slow := range map[string]func(u *upstream, a *account){
		"slow DELETE":      func(u *upstream, _ *account) { u.slowDelete = true },
		"calls in flight":  func(u *upstream, _ *account) {},
		"no token at hand": func(_ *upstream, a *account) { a.block() },
	} {
		t.Run(name, bubbled(func(t *testing.T) {
			u := newPiped(t)
			u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
				if m.Method == "hang" {
					<-r.Context().Done()
					return
				}
				u.answer(w, r, m)
			}
			a := &account{}
			c := connect(t, u, a)
			c.open()
			for i := range 20 {
				c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"hang"}`, i))
			}
			waitFor(t, "20 calls at the server", func() bool {
				u.mu.Lock()
				defer u.mu.Unlock()
				return strings.Count(strings.Join(u.seen, " "), `"hang"`) == 20
			})
			slow(u, a)
			begun := time.Now()
			c.s.Close(limit)
			if took := time.Since(begun); took > limit {
				t.Errorf("Close took %v", took)
			}
			if name == "no token at hand" && !a.quiet() {
				t.Error("Close asked for a token")
			}
		}))
	}
}

// What the client said last is sent although it has gone and there is no stream
// yet, for which a call waits otherwise.
func TestTheLastCallDoesNotWaitForTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		u.get = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() } // long in opening
		c := connect(t, u, &account{})
		c.open()
		c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"last"}}`)
		c.s.Close(300 * time.Millisecond)
		waitFor(t, "the last call at the server", func() bool {
			u.mu.Lock()
			defer u.mu.Unlock()
			return strings.Contains(strings.Join(u.seen, " "), `"last"`)
		})
	})
}
