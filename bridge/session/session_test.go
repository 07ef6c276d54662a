package session_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/jsonrpc"
)

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
			case <-time.After(30 * time.Second):
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

func TestSessionGoneIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
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
	})
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
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
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
	})
}

func TestServerAwayAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
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
	})
}
