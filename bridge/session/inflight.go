package session

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
)

// request is one request of the client under way.
type request struct {
	id     json.RawMessage
	ctx    context.Context // ends with the session, and some time after a cancellation
	cancel context.CancelCauseFunc
	grace  *time.Timer // nil: not cancelled; guarded by the session's mu
	clock  *clock      // nil: no limit

	// For Config.Called; answer and failure are guarded by the session's mu.
	at      time.Time
	method  string
	params  json.RawMessage
	answer  jsonrpc.Message
	failure error
	sent    mark // all of it is written to the server, or it is done
	taken   mark // the server has begun to answer, or it is done
}

// Written and Answered implement remote.Course.
func (r *request) Written()  { r.sent.make() }
func (r *request) Answered() { r.taken.make() }

// mark is something that happens once and can be waited for, which is seldom
// done: the channel is made for who waits.
type mark struct {
	mu      sync.Mutex
	is      bool
	waiting chan struct{}
}

func (m *mark) make() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.is && m.waiting != nil {
		close(m.waiting)
	}
	m.is = true
}

// made is closed once it has happened.
func (m *mark) made() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting == nil {
		m.waiting = make(chan struct{})
		if m.is {
			close(m.waiting)
		}
	}
	return m.waiting
}

// accept notes a request as under way; false means that there are too many.
func (s *Session) accept(m jsonrpc.Message) (*request, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.inFlight) >= maxInFlight {
		return nil, false
	}
	r := &request{id: m.ID, at: time.Now(), method: m.Method, params: m.Params}
	r.ctx, r.cancel = context.WithCancelCause(s.ctx)
	r.ctx = remote.WithCourse(r.ctx, r)
	s.watch(r, m)
	s.inFlight[r] = struct{}{}
	s.byID[string(r.id)] = r
	return r, true
}

func (s *Session) done(r *request) {
	defer s.tell(r)
	r.sent.make()
	r.taken.make()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inFlight, r)
	if s.byID[string(r.id)] == r { // else the client has used the id again
		delete(s.byID, string(r.id))
	}
	if r.grace != nil {
		r.grace.Stop()
	}
	if r.clock != nil {
		r.clock.timer.Stop()
	}
	r.cancel(nil)
}

// letGo gives up the request with the id, which the client cancelled, after a
// while in which an answer is still passed on. The server is told by the
// notification; the end of the connection means nothing to it (MCP 2025-03-26,
// cancellation).
func (s *Session) letGo(id json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.inFlight {
		if r.grace == nil && jsonrpc.SameID(r.id, id) {
			r.grace = time.AfterFunc(s.cancelGrace, func() { r.cancel(nil) })
			return
		}
	}
}

// find is the request with the id under way, or nil.
func (s *Session) find(id json.RawMessage) *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.inFlight {
		if jsonrpc.SameID(r.id, id) {
			return r
		}
	}
	return nil
}

// arrival is how long a request may need, after it was written, to be in front
// of one that is written now: they take different connections.
const arrival = 50 * time.Millisecond

// afterRequest waits until the request with the id, if it is under way, has
// reached the server: a cancellation that overtakes it would be ignored.
func (s *Session) afterRequest(id json.RawMessage) {
	r := s.find(id)
	if r == nil {
		return
	}
	select {
	case <-r.sent.made():
	case <-s.ctx.Done():
	}
	t := time.NewTimer(arrival)
	defer t.Stop()
	select {
	case <-r.taken.made():
	case <-t.C:
	case <-s.ctx.Done():
	}
}

// drain waits, at most limit, until what the client has said before it closed
// its end has been written to the server.
func (s *Session) drain(limit time.Duration) {
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	s.mu.Lock()
	waiting := make([]*request, 0, len(s.inFlight))
	for r := range s.inFlight {
		waiting = append(waiting, r)
	}
	s.mu.Unlock()
	for _, r := range waiting {
		select {
		case <-r.sent.made():
		case <-ctx.Done():
			return
		}
	}
	said := make(chan struct{})
	if !s.takeNote(ctx, &note{said: said}) {
		return
	}
	select {
	case <-said:
	case <-ctx.Done():
	}
}
