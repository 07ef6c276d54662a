package session

import (
	"context"
	"encoding/json"
	"net/http/httptrace"
	"sync"
	"time"

	"drawbridge/bridge/jsonrpc"
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

// mark is something that happens once and can be waited for.
type mark struct {
	made chan struct{}
	once sync.Once
}

func (m *mark) make() { m.once.Do(func() { close(m.made) }) }

// accept notes a request as under way; false means that there are too many.
func (s *Session) accept(m jsonrpc.Message) (*request, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.inFlight) >= maxInFlight {
		return nil, false
	}
	r := &request{id: m.ID, at: time.Now(), method: m.Method, params: m.Params}
	r.ctx, r.cancel = context.WithCancelCause(s.ctx)
	r.sent.made, r.taken.made = make(chan struct{}), make(chan struct{})
	r.ctx = httptrace.WithClientTrace(r.ctx, &httptrace.ClientTrace{
		WroteRequest:         func(httptrace.WroteRequestInfo) { r.sent.make() },
		GotFirstResponseByte: r.taken.make,
	})
	s.watch(r, m)
	s.inFlight[r] = struct{}{}
	return r, true
}

func (s *Session) done(r *request) {
	defer s.tell(r)
	r.sent.make()
	r.taken.make()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inFlight, r)
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
	case <-r.sent.made:
	case <-s.ctx.Done():
	}
	t := time.NewTimer(arrival)
	defer t.Stop()
	select {
	case <-r.taken.made:
	case <-t.C:
	case <-s.ctx.Done():
	}
}

// drain waits, at most limit, until what the client has said before it closed
// its end has been written to the server.
func (s *Session) drain(limit time.Duration) {
	t := time.NewTimer(limit)
	defer t.Stop()
	s.mu.Lock()
	waiting := make([]*request, 0, len(s.inFlight))
	for r := range s.inFlight {
		waiting = append(waiting, r)
	}
	s.mu.Unlock()
	for _, r := range waiting {
		select {
		case <-r.sent.made:
		case <-t.C:
			return
		}
	}
	said := make(chan struct{})
	select {
	case s.notes <- &note{said: said}:
	case <-t.C:
		return
	}
	select {
	case <-said:
	case <-t.C:
	}
}
