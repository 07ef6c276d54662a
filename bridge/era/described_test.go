package era_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/era"
	"drawbridge/bridge/jsonrpc"
)

// shelf is what is known of a server.
type shelf struct {
	mu   sync.Mutex
	kept map[string]string
	news chan string
}

func newShelf() *shelf { return &shelf{kept: map[string]string{}, news: make(chan string, 8)} }

func (s *shelf) Describe(params json.RawMessage) json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.RawMessage(s.kept[string(params)])
}

func (s *shelf) Keep(_ context.Context, params, result json.RawMessage) {
	s.mu.Lock()
	s.kept[string(params)] = string(result)
	s.mu.Unlock()
	s.news <- string(result)
}

// through is a session that passes a client's requests on, as all do for both ends
// of 2026-07-28.
type through struct {
	*upstream
	remote *era.Remote
}

func (s through) Receive(m jsonrpc.Message) {
	go func() {
		err := s.remote.Post(context.Background(), m.Raw, func(raw []byte) bool { return s.send(m.ID, raw) == nil })
		if err != nil {
			s.Fail(m, err)
		}
	}()
}

const discover = `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{` + meta + `}}`

// A modern server that is known is described at once, without it, and looked at
// behind the client's back; who asks again is told by the server itself.
func TestKnownServerIsDescribedAtOnce(t *testing.T) {
	now := modern
	hold := make(chan struct{})
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request, m jsonrpc.Message) {
		<-hold
		respond(w, m, now)
	})
	known, dir := newShelf(), t.TempDir()
	connect := func() *rig {
		u := &upstream{t: t, got: make(chan jsonrpc.Message, 64)}
		r := &rig{upstream: u, said: make(chan string, 64)}
		r.client = era.NewClient(era.ClientConfig{
			Connect: func(send era.Send) (era.Session, *era.Remote) {
				u.send = send
				remote := s.remote(dir, era.Auto)
				return through{u, remote}, remote
			},
			Send:         func(_ json.RawMessage, raw []byte) error { r.said <- string(raw); return nil },
			Descriptions: known,
		})
		t.Cleanup(func() { r.client.Close(5 * time.Second) })
		return r
	}
	kept := func(want string) {
		t.Helper()
		select {
		case got := <-known.news:
			if got != want {
				t.Errorf("kept: %s", got)
			}
		case <-time.After(time.Minute):
			t.Error("nothing was kept")
		}
	}

	first := connect()
	first.say(discover)
	close(hold)
	first.wantHears(`{"jsonrpc":"2.0","id":1,"result":` + modern + `}`)
	kept(modern)

	hold, now = make(chan struct{}), strings.Replace(modern, `"x":1.50`, `"x":2`, 1)
	second := connect()
	second.say(discover)
	if got := second.hears(); !strings.Contains(got, `"x":1.50`) || !strings.Contains(got, `"ttlMs":0`) {
		t.Errorf("the client hears %s", got)
	}
	close(hold)
	kept(now)
	second.say(discover)
	second.wantHears(`{"jsonrpc":"2.0","id":1,"result":` + now + `}`)
	kept(now)
}
