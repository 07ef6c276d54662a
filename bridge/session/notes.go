package session

import (
	"context"
	"sync"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
)

// note is a notification or response of the client, or the question whether
// those before it are sent.
type note struct {
	m    jsonrpc.Message
	said chan struct{} // closed when it is its turn; nil: m is there
}

// queueMost is how many notes may wait.
const queueMost = 256

// queue is the notes that wait. There is a goroutine that sends them only while
// there are any: most sessions have none for most of their life.
type queue struct {
	mu      sync.Mutex
	waiting []*note
	sending bool
	room    chan struct{} // closed when there is room again; nil: nobody waits for that
}

// takeNote puts a note at the end of the queue. While the queue is full it waits,
// at most until ctx ends, and then reports false.
func (s *Session) takeNote(ctx context.Context, n *note) bool {
	q := &s.notes
	for {
		q.mu.Lock()
		if len(q.waiting) < queueMost {
			q.waiting = append(q.waiting, n)
			if !q.sending && s.ctx.Err() == nil {
				q.sending = true
				s.work.Go(s.sendNotes)
			}
			q.mu.Unlock()
			return true
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
	}
}

// next takes the first note off; nil ends the sending.
func (q *queue) next() *note {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.waiting, q.sending = nil, false
		return nil
	}
	n := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	return n
}

// sendNotes posts notifications and responses one after another, in the
// client's order.
func (s *Session) sendNotes() {
	for s.ctx.Err() == nil {
		n := s.notes.next()
		switch {
		case n == nil:
			return
		case n.said != nil:
			close(n.said)
			continue
		case n.m.Method == mcp.NotificationCancelled:
			s.afterRequest(jsonrpc.Member(n.m.Params, "requestId"))
		}
		s.sendNote(n.m)
	}
}

func (s *Session) sendNote(m jsonrpc.Message) {
	if m.Method == initialized {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.opening != nil {
				close(s.opening)
				s.opening = nil
			}
		}()
		defer s.greet()
		s.mu.Lock()
		a := s.connecting
		s.mu.Unlock()
		if a != nil { // a client that does not wait for the answer to initialize
			select {
			case <-a.done:
			case <-s.ctx.Done():
				return
			}
		}
	}
	s.mu.Lock()
	known := (s.ready || s.initialize == nil) && (m.Method != initialized || !s.told) // without initialize: of MCP 2026-07-28
	s.mu.Unlock()
	if !known {
		return // the server knows nothing that it could be about, or knows it already
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.noteLimit)
	defer cancel()
	if err := s.exchange(ctx, s.remote.Post, m.Raw, nil); err != nil {
		if s.ctx.Err() == nil {
			s.log.Warn("message of the client not delivered", "method", m.Method, "error", err)
		}
		return
	}
	if m.Method == initialized {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = true
		s.listen()
	}
}
