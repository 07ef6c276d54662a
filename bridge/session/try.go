package session

import (
	"context"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
)

// Try does something at the server as a request is sent there: once more with
// another token when the first one is refused. When it goes well, that ends the
// need for which a person was asked before, as an answered request does.
func (s *Session) Try(ctx context.Context, do func(ctx context.Context) error) error {
	asked := s.isAsked()
	err := s.exchange(ctx, func(ctx context.Context, _ []byte, _ remote.Deliver) error { return do(ctx) }, nil, nil)
	if err == nil && asked {
		s.needMet()
	}
	return err
}

// Fail answers a request with an error that says what to do, and asks for a
// person when that is what helps; a client that shows addresses is asked to.
func (s *Session) Fail(m jsonrpc.Message, err error) {
	met := s.needsMet()
	if !s.askedModern(m, met, err) {
		s.fail(m, met, err)
	}
}

// Excuse says what went wrong with a request in a line, and whether it may go well later; when
// that takes a person, one is asked.
func (s *Session) Excuse(m jsonrpc.Message, err error) (why string, later bool) {
	s.noteNeed(m, s.needsMet(), err)
	return explain(s.credential.Name(), err), recoverable(err)
}
