package session_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/session"
)

func TestEachCallIsToldAfterItsAnswer(t *testing.T) {
	u, a := newUpstream(t), &account{}
	u.post = func(w http.ResponseWriter, _ *http.Request, m jsonrpc.Message) {
		switch {
		case m.Method == "initialize":
			writeJSON(w, fmt.Sprintf(opened, m.ID))
		case strings.Contains(string(m.Params), `"sad"`):
			writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"content":[],"isError":true}}`, m.ID))
		case m.Method == "no/such":
			writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"secret words"}}`, m.ID))
		case m.Method == "away":
			w.WriteHeader(http.StatusBadGateway)
		case m.ID == nil:
			w.WriteHeader(http.StatusAccepted)
		default:
			writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID))
		}
	}
	var mu sync.Mutex
	var told []string
	c := connect(t, u, a, func(cfg *session.Config) {
		cfg.Called = func(call session.Call) {
			mu.Lock()
			defer mu.Unlock()
			if call.Took <= 0 || time.Since(call.At) > time.Minute {
				t.Errorf("%+v", call)
			}
			told = append(told, fmt.Sprintf("%s %q %s %d %q", call.Method, call.Tool, call.Outcome, call.Code, call.Fault))
		}
	})
	c.open()
	for i, call := range []string{
		`"tools/call","params":{"name":"echo","arguments":{"password":"x"}}`, `"tools/call","params":{"name":"sad"}`,
		`"resources/read","params":{"name":"not a tool","uri":"file:///private"}`, `"no/such"`, `"away"`,
	} {
		c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%s}`, 10+i, call))
		c.line()
	}
	want := []string{
		`tools/call "echo" ok 0 ""`, `tools/call "sad" tool_error 0 ""`, `resources/read "" ok 0 ""`, `no/such "" error -32601 ""`, `away "" failed 0 "unreachable"`,
	}
	slices.Sort(want)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		mu.Lock()
		slices.Sort(told) // two calls may be told in either order
		same := slices.Equal(told, want)
		got := fmt.Sprintf("%q", told)
		mu.Unlock()
		if same {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("told %s\nwant %q", got, want)
		}
	}
}
