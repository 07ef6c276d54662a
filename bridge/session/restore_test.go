package session_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/jsonrpc"
)

// A server that restarted is told again what the client wishes to hear, before
// the request that found out goes on.
func TestWishesAreRestored(t *testing.T) {
	u := newUpstream(t)
	restart := restarting(u, func(w http.ResponseWriter) { w.WriteHeader(404) })
	known := u.post
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if strings.Contains(string(m.Params), "refused") {
			writeJSON(w, `{"jsonrpc":"2.0","id":`+string(m.ID)+`,"error":{"code":-32602,"message":"no such resource"}}`)
			return
		}
		known(w, r, m)
	}
	c := connect(t, u, &account{})
	c.open()
	for _, raw := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}`,
		`{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"file:///a","_meta":{"x":1e0}}}`,
		`{"jsonrpc":"2.0","id":3,"method":"resources/subscribe","params":{"uri":"file:///b"}}`,
		`{"jsonrpc":"2.0","id":4,"method":"resources/subscribe","params":{"uri":"file:///refused"}}`,
		`{"jsonrpc":"2.0","id":5,"method":"resources/unsubscribe","params":{"uri":"file:///b"}}`,
		`{"jsonrpc":"2.0","id":6,"method":"logging/setLevel","params":{"level":"debug"}}`,
	} {
		c.send(raw)
		c.line()
	}
	restart()
	u.mu.Lock()
	before := len(u.seen)
	u.mu.Unlock()
	c.send(`{"jsonrpc":"2.0","id":7,"method":"a"}`)
	if l := c.line(); !strings.Contains(l, `"id":7,"result"`) {
		t.Fatalf("got %s", l)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	var got []string
	for _, raw := range u.seen[before:] {
		m, err := jsonrpc.Parse([]byte(raw))
		if err == nil && m.Method != "" {
			got = append(got, m.Method+" "+string(m.Params))
		}
	}
	want := []string{
		"a ", `initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}`, "notifications/initialized ",
		`logging/setLevel {"level":"debug"}`, `resources/subscribe {"uri":"file:///a","_meta":{"x":1e0}}`, "a ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the server heard (-want +got):\n%s", diff)
	}
}
