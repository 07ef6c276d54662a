package session

import (
	"context"
	"encoding/json"
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
	s.watch(r, m)
	s.inFlight[r] = struct{}{}
	return r, true
}

func (s *Session) done(r *request) {
	defer s.tell(r)
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
