package session_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/session"
)

// Hidden tools are taken out of lists, whatever their form, and calls of them
// never reach the server. All else passes as it was spelt.
func TestHiddenToolsAreNotThere(t *testing.T) {
	u := newUpstream(t)
	list := `{"jsonrpc":"2.0","id":%s,"more":1.0,"result":{ "tools" : [{"name":"a","x":1e2},{"name":"d\u0065lete"}, {"name":"b"}],"nextCursor":"\u0061"}}`
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		switch {
		case m.Method == "tools/list" && strings.Contains(string(m.Params), "stream"):
			writeEvents(w, `data: {"jsonrpc":"2.0","method":"n"}`, "data: "+fmt.Sprintf(list, m.ID))
		case m.Method == "tools/list":
			writeJSON(w, fmt.Sprintf(list, m.ID))
		default:
			u.answer(w, r, m)
		}
	}
	c := connect(t, u, &account{}, func(c *session.Config) {
		c.Hide = func(tool string) bool { return tool == "delete" }
	})
	c.open()
	const want = `{"jsonrpc":"2.0","id":1,"more":1.0,"result":{ "tools" : [{"name":"a","x":1e2},{"name":"b"}],"nextCursor":"\u0061"}}`
	c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	c.want(want)
	c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"stream"}}`)
	c.want(`{"jsonrpc":"2.0","method":"n"}`)
	c.want(want)
	c.send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"\u0064elete"}}`)
	c.want(`{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"Unknown tool: delete"}}`)
	c.send(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"a"}}`)
	c.want(`{"jsonrpc":"2.0","id":3,"result":{"echo":{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"a"}}}}`)
	for _, seen := range u.methods() {
		if strings.Contains(seen, "elete") {
			t.Errorf("the server got %s", seen)
		}
	}
	if n := strings.Count(strings.Join(u.methods(), " "), "tools/call"); n != 1 {
		t.Errorf("the server got %d calls", n)
	}
}

// A request that is not answered in time is answered with an error, and the
// server is told that nobody waits. Progress gives it more time, but not for ever.
func TestCallLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
			switch m.Method {
			case "quiet":
				<-r.Context().Done()
			case "busy", "endless":
				w.Header().Set("Content-Type", "text/event-stream")
				for i := 0; (i < 5 || m.Method == "endless") && r.Context().Err() == nil; i++ {
					_, _ = fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1,\"progress\":%d}}\n\n", i)
					w.(http.Flusher).Flush()
					time.Sleep(100 * time.Millisecond)
				}
				_, _ = fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}\n\n", m.ID)
			default:
				u.answer(w, r, m)
			}
		}
		c := connect(t, u, &account{}, func(c *session.Config) { c.CallLimit = 250 * time.Millisecond })
		c.open()
		answer := func() string {
			for {
				if l := c.line(); !strings.Contains(l, "progress") {
					return l
				}
			}
		}
		c.send(`{"jsonrpc":"2.0","id":1,"method":"busy"}`) // twice the limit
		if l := answer(); l != `{"jsonrpc":"2.0","id":1,"result":{}}` {
			t.Errorf("with progress: %s", l)
		}
		for _, method := range []string{"quiet", "endless"} {
			c.send(`{"jsonrpc":"2.0","id":"x","method":"` + method + `"}`)
			if l := answer(); !strings.Contains(l, `"id":"x","error"`) || !strings.Contains(l, "may have run") {
				t.Errorf("%s: %s", method, l)
			}
		}
		waitFor(t, "the server is told", func() bool {
			u.mu.Lock()
			defer u.mu.Unlock()
			return strings.Count(strings.Join(u.seen, " "), `"requestId":"x"`) == 2
		})
		c.none(50 * time.Millisecond)
	})
}
