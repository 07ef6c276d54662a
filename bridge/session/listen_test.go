package session_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/session"
)

// A client that begins anew over HTTP+SSE hears what the server says then.
func TestTheStreamOfASecondInitializeIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newWire(trouble{}, httpSSE)
		defer l.close()
		h := remote.NewHTTPOver(&http.Transport{DialContext: l.dial})
		defer h.CloseIdleConnections()
		a := &account{}
		got := make(chan string, 100)
		s := session.New(session.Config{
			Remote: remote.NewLegacy(remote.Config{URL: "http://mcp.test/mcp", Bearer: a, HTTP: h}), Credential: a,
			Send: func(raw []byte) error {
				got <- string(raw)
				return nil
			},
		})
		defer s.Close(2 * time.Second)
		for range 2 {
			for _, raw := range []string{hello, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, `{"jsonrpc":"2.0","id":1,"method":"ping"}`} {
				m, err := jsonrpc.Parse([]byte(raw))
				if err != nil {
					t.Fatal(err)
				}
				s.Receive(m)
				if m.IsRequest() {
					<-got
				}
			}
			synctest.Wait()
		}
		l.mu.Lock()
		stream := l.stream
		l.mu.Unlock()
		stream.say(`data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}` + "\n\n")
		select {
		case <-got:
		case <-time.After(time.Hour):
			t.Error("nobody listens to the stream")
		}
	})
}
