package localhttp

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"drawbridge/bridge/jsonrpc"
)

type one struct{ Caller }

func (one) Key() string { return "one" }

type quiet struct{}

func (quiet) Receive(jsonrpc.Message) {}
func (quiet) Close(time.Duration)     {}

// clocked is a server whose time is *now.
func clocked(t *testing.T, now *time.Time) *Server {
	s := New(Config{
		Now: func() time.Time { return *now },
		Open: func(context.Context, Target, Caller, bool, Send) (Session, error) {
			return quiet{}, nil
		},
	})
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// A request that has found its session keeps it, however long nobody used it.
func TestASessionThatWasFoundIsInUse(t *testing.T) {
	now := time.Now()
	s := clocked(t, &now)
	h := s.newHub(Target{}, one{}, false)
	h.session = quiet{}
	if !s.add(h) {
		t.Fatal("not added")
	}
	now = now.Add(DefaultIdleLimit + time.Second)
	found, done := s.hub(h.id, one{}, Target{})
	s.tidy()
	if found != h || s.Sessions() != 1 || h.ctx.Err() != nil {
		t.Error("ended between being found and being used")
	}
	done()
	s.tidy()
	if s.Sessions() != 1 {
		t.Error("ended just after it was used")
	}
	now = now.Add(DefaultIdleLimit + time.Second)
	s.tidy()
	if s.Sessions() != 0 || h.ctx.Err() == nil {
		t.Error("kept although nobody uses it")
	}
}

// So does one of the era without sessions.
func TestWhatRequestsShareIsInUse(t *testing.T) {
	now := time.Now()
	s := clocked(t, &now)
	c := &call{s: s, r: httptest.NewRequest("POST", "/", nil), caller: one{}}
	for range 2 { // opened, and found
		m, err := s.sharedFor(c)
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(DefaultIdleLimit + time.Second)
		s.tidy()
		if s.Sessions() != 1 || m.ctx.Err() != nil {
			t.Error("ended between being found and being used")
		}
		m.leave(now)
	}
	now = now.Add(DefaultIdleLimit + time.Second)
	s.tidy()
	if s.Sessions() != 0 {
		t.Error("kept although nobody uses it")
	}
}

// An answer that somebody has come back for is not forgotten before they have it.
func TestAnAnswerThatWasFoundIsKept(t *testing.T) {
	now := time.Now()
	s := clocked(t, &now)
	h := s.newHub(Target{}, one{}, false)
	defer h.stop()
	to, _ := h.ask([]jsonrpc.Message{{ID: json.RawMessage("1"), Method: "x"}})
	h.keep(to, now)
	found, _, ok := h.find(to.id + "-0")
	h.tidy(now.Add(time.Second))
	if !ok || found != to || h.streams[to.id] != to || len(h.requests) != 1 {
		t.Error("forgotten between being found and being served")
	}
	h.keep(found, now) // the connection has gone
	h.tidy(now.Add(time.Second))
	if len(h.streams) != 0 || len(h.requests) != 0 {
		t.Error("kept although nobody has come back")
	}
}
