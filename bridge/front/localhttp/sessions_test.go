package localhttp_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/front/localhttp"
)

// store is what bridges share, in memory.
type store struct {
	mu sync.Mutex
	by map[string]localhttp.Stored
}

func (s *store) Put(_ context.Context, id string, what localhttp.Stored, _ time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by[id] = what
	return nil
}

func (s *store) Get(_ context.Context, id string) (localhttp.Stored, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what, ok := s.by[id]
	return what, ok, nil
}

func (s *store) Touch(context.Context, string, time.Duration) error { return nil }

func (s *store) Delete(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, id)
	return nil
}

// lingering is a session that is long in ending.
type lingering struct {
	localhttp.Session
	ending, end chan struct{}
}

func (l lingering) Close(limit time.Duration) {
	close(l.ending)
	<-l.end
	l.Session.Close(limit)
}

// A session that is being ended is not opened again from what bridges share.
func TestASessionThatEndsIsNotRevived(t *testing.T) {
	ending, end := make(chan struct{}), make(chan struct{})
	opened := 0
	r := newRig(t, func(c *localhttp.Config) {
		c.Sessions = &store{by: map[string]localhttp.Stored{}}
		open := c.Open
		c.Open = func(ctx context.Context, at localhttp.Target, who localhttp.Caller, modern bool, send localhttp.Send) (localhttp.Session, error) {
			s, err := open(ctx, at, who, modern, send)
			if opened++; opened == 1 {
				s = lingering{s, ending, end}
			}
			return s, err
		}
	})
	id := r.open()
	deleted := make(chan int, 1)
	go func() { deleted <- r.do("DELETE", "/notes/mcp", "", header{"Mcp-Session-Id": id}).StatusCode }()
	<-ending
	resp := r.do("GET", "/notes/mcp", "", header{"Mcp-Session-Id": id})
	if resp.StatusCode != http.StatusNotFound || opened != 1 {
		t.Errorf("GET beside the end: HTTP %d, %d sessions were opened", resp.StatusCode, opened)
	}
	close(end)
	if status := <-deleted; status != http.StatusOK {
		t.Errorf("DELETE: HTTP %d", status)
	}
}
