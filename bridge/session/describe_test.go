package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/session"
)

// memory is what an earlier session left.
type memory struct {
	mu    sync.Mutex
	known string
	kept  chan string
}

func (m *memory) Describe(json.RawMessage) json.RawMessage {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == "" {
		return nil
	}
	return json.RawMessage(m.known)
}

func (m *memory) Keep(_ context.Context, _, result json.RawMessage) { m.kept <- string(result) }

func remembering(known string) (*memory, func(*session.Config)) {
	m := &memory{known: known, kept: make(chan string, 10)}
	return m, func(c *session.Config) { c.Memory = m }
}

// result is an initialize result with these capabilities.
func result(capabilities string) string {
	return `{"protocolVersion":"2025-06-18","capabilities":` + capabilities + `,"serverInfo":{"name":"up","version":"1"}}`
}

const greet = `{"jsonrpc":"2.0","method":"notifications/initialized"}`

// serving is a server that answers initialize with these capabilities when gate
// is closed.
func serving(u *upstream, capabilities string, gate chan struct{}) {
	u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if m.Method != "initialize" {
			u.answer(w, r, m)
			return
		}
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Mcp-Session-Id", "s1")
		writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result(capabilities)))
	}
}

// What is known is told before the server was asked for anything, not even for
// a token; what the client asks next waits for the server, in order.
func TestKnownServerIsDescribedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		gate := make(chan struct{})
		serving(u, `{"tools":{}}`, gate)
		m, with := remembering(result(`{"tools":{}}`))
		a := &account{}
		release := a.block()
		c := connect(t, u, a, with)
		c.send(hello)
		c.want(`{"jsonrpc":"2.0","id":0,"result":` + result(`{"tools":{}}`) + `}`)
		c.send(greet)
		c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
		c.send(`{"jsonrpc":"2.0","id":2,"method":"ping"}`)
		c.want(`{"jsonrpc":"2.0","id":2,"result":{}}`)
		if all := u.methods(); len(all) > 0 {
			t.Fatalf("the server was asked: %v", all)
		}
		a.unblockNext()
		release()
		close(gate)
		c.want(`{"jsonrpc":"2.0","id":1,"result":{"echo":{"jsonrpc":"2.0","id":1,"method":"tools/list"}}}`)
		if got, want := u.methods(), []string{"initialize", "notifications/initialized", "tools/list"}; !slices.Equal(got, want) {
			t.Errorf("the server got %v, want %v", got, want)
		}
		if kept := <-m.kept; kept != result(`{"tools":{}}`) {
			t.Errorf("kept %s", kept)
		}
		c.none(50 * time.Millisecond) // nothing has changed
	})
}

// What has changed since is told, once, and what the server lost is empty.
func TestChangeSinceTheLastTimeIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		gate := make(chan struct{})
		close(gate)
		serving(u, `{"tools":{"listChanged":true},"resources":{}}`, gate)
		m, with := remembering(result(`{"tools":{},"prompts":{},"logging":{},"resources":{}}`))
		c := connect(t, u, &account{}, with)
		c.send(hello)
		c.line()
		if kept := <-m.kept; !strings.Contains(kept, `"listChanged":true`) {
			t.Errorf("kept %s", kept)
		}
		c.none(50 * time.Millisecond) // before the client is ready for it
		c.send(greet)
		c.want(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
		c.want(`{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}`)
		for _, tt := range []struct{ method, want string }{
			{"prompts/list", `{"prompts":[]}`},
			{"logging/setLevel", `{}`},
			{"resources/list", `{"echo":{"jsonrpc":"2.0","id":7,"method":"resources/list"}}`},
			{"prompts/get", `{"echo":{"jsonrpc":"2.0","id":7,"method":"prompts/get"}}`},
		} {
			c.send(`{"jsonrpc":"2.0","id":7,"method":"` + tt.method + `"}`)
			c.want(`{"jsonrpc":"2.0","id":7,"result":` + tt.want + `}`)
		}
		c.none(50 * time.Millisecond)
	})
}

// A server that is known and away: the client has its answer, calls say what is
// wrong, and when the server is back the client is told to look again.
func TestKnownServerIsAway(t *testing.T) {
	for name, status := range map[string]int{"for now": 503, "for good": 404} {
		t.Run(name, bubbled(func(t *testing.T) {
			u := newPiped(t)
			away := make(chan struct{})
			u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
				select {
				case <-away:
					u.answer(w, r, m)
				default:
					w.WriteHeader(status)
				}
			}
			_, with := remembering(result(`{"tools":{},"x":{}}`))
			c := connect(t, u, &account{}, with)
			c.send(hello)
			c.want(`{"jsonrpc":"2.0","id":0,"result":` + result(`{"tools":{},"x":{}}`) + `}`)
			c.send(greet)
			c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
			if l := c.line(); !strings.Contains(l, `"id":1,"error"`) {
				t.Fatalf("got %s", l)
			}
			close(away)
			c.send(`{"jsonrpc":"2.0","id":2,"method":"x"}`)
			c.want(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
			if l := c.line(); !strings.Contains(l, `"id":2,"result"`) {
				t.Errorf("got %s", l)
			}
		}))
	}
}

// A server that is not known and slow: a minimal description in time, then the
// real one.
func TestSlowServerIsDescribedMinimally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		gate := make(chan struct{})
		serving(u, `{"tools":{}}`, gate)
		m, with := remembering("")
		c := connect(t, u, &account{}, with)
		c.s.SetDescribeAfter(50 * time.Millisecond)
		c.send(hello)
		if l := c.line(); !strings.Contains(l, `"id":0,"result"`) || !strings.Contains(l, "demo has not answered yet") {
			t.Fatalf("got %s", l)
		}
		c.send(greet)
		c.send(`{"jsonrpc":"2.0","id":1,"method":"prompts/list"}`)
		c.none(50 * time.Millisecond)
		close(gate)
		seen := map[string]bool{}
		for range 4 {
			seen[c.line()] = true
		}
		if !seen[`{"jsonrpc":"2.0","id":1,"result":{"prompts":[]}}`] {
			t.Errorf("what the server does not have is not empty: %v", seen)
		}
		if kept := <-m.kept; kept != result(`{"tools":{}}`) {
			t.Errorf("kept %s", kept)
		}
		if all := u.methods(); slices.Index(all, "initialize") != 0 || len(all) != 2 {
			t.Errorf("the server got %v", all)
		}
	})
}

// Only what the server said of itself is kept.
func TestMinimalDescriptionIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		m, with := remembering("")
		c := connect(t, u, &account{needed: true}, with)
		c.send(hello)
		c.line()
		c.none(50 * time.Millisecond)
		select {
		case kept := <-m.kept:
			t.Errorf("kept %s", kept)
		default:
		}
	})
}
