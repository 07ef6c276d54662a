package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
	"drawbridge/bridge/remote"
)

// call passes a request on and sees to it that it is answered exactly once,
// unless ctx ends: then it reports false.
func (s *Session) call(ctx context.Context, m jsonrpc.Message) (answered bool) {
	if ctx.Err() != nil {
		return false
	}
	s.greet()
	if s.hiddenCall(m) {
		return true
	}
	m, err := s.Await(ctx, m)
	shown, met := s.before()
	switch {
	case err == nil && cameBack(m):
		s.answerTool(m, s.signedIn())
		return true
	case err == nil:
		err = s.try(ctx, m)
	}
	if fault.Is(err, fault.SignInNeeded) && s.elicits(m) {
		err = s.afterSignIn(ctx, m, shown, met, err)
		met = s.needsMet() // what came of that is another need
	}
	if err != nil && ctx.Err() != nil {
		return false
	}
	if err != nil && !s.askedModern(m, met, err) && !s.offer(m, met, err) {
		s.fail(m, met, err)
	}
	return true
}

// afterSignIn has the client lead its person to the sign-in that a request needs,
// and goes on with the request after it. shown is the last such sign-in from before
// the request was tried, met the number of needs that were over then.
func (s *Session) afterSignIn(ctx context.Context, m jsonrpc.Message, shown *elicitation, met int, needed error) error {
	switch err := s.signedInThrough(ctx, m, shown); {
	case errors.Is(err, errNotShown):
		s.askPerson(met, needed)
		return needed
	case err != nil:
		return err
	case isSignIn(m): // it was our own tool
		s.answerTool(m, s.signedIn())
		return nil
	}
	return s.try(ctx, m)
}

// try passes a request on. A nil error means that it is answered.
func (s *Session) try(ctx context.Context, m jsonrpc.Message) error {
	asked := s.isAsked()
	if err := s.connected(m); err != nil {
		return err
	}
	if empty := s.without(m.Method); empty != nil {
		s.answered(m.ID, func(r *request) { r.answer.Result = empty })
		s.reply(jsonrpc.NewResult(m.ID, empty))
		return nil
	}
	if m.Method == mcp.MethodToolsCall {
		s.awaitStream(ctx)
	}
	epoch := s.currentEpoch()
	err := s.pass(ctx, m, asked)
	switch {
	case sessionGone(err):
		// The server did not act: it does not know the session. Say initialize
		// again and repeat the request (MCP 2025-03-26, session management).
		if err = s.reconnect(epoch); err == nil {
			err = s.pass(ctx, m, asked)
		}
	case refusedInSession(err):
		if s.reconnect(epoch) == nil { // else what the server said stands
			// Not as pass does: a token that was refused twice is not renewed again.
			err = s.remote.Post(ctx, m.Raw, func(raw []byte) bool { return s.relay(raw, m.ID) })
		}
	}
	return err
}

// pass posts a request and sends what comes back to the client. A nil error
// means that the response was among it. With asked, that ends the need for which a
// person was asked, before the client hears of it: what it asks next may be
// another.
func (s *Session) pass(ctx context.Context, m jsonrpc.Message, asked bool) error {
	relay := func(raw []byte) bool { return s.relay(raw, m.ID) }
	if asked {
		relay = func(raw []byte) bool {
			if r, err := jsonrpc.Parse(raw); err == nil && r.IsResponse() && isAnswer(r, m.ID) {
				s.needMet()
			}
			return s.relay(raw, m.ID)
		}
	}
	if isWish(m.Method) {
		return s.exchange(ctx, s.remote.Post, m.Raw, func(raw []byte) bool {
			if r, err := jsonrpc.Parse(raw); err == nil && r.Result != nil {
				s.granted(m) // before the client hears it and asks for the next
			}
			return relay(raw)
		})
	}
	if s.hide == nil || m.Method != mcp.MethodToolsList {
		return s.exchange(ctx, s.remote.Post, m.Raw, relay)
	}
	return s.exchange(ctx, s.remote.Post, m.Raw, func(raw []byte) bool {
		batch, err := jsonrpc.Split(raw)
		if err != nil {
			return relay(raw)
		}
		responded := false
		for _, one := range batch {
			responded = relay(s.withoutHidden(one)) || responded
		}
		return responded
	})
}

// relay sends the server's message, or each message of its batch, to the
// client. It reports whether the response to id was among them; other responses
// are dropped, for nobody waits for them here.
func (s *Session) relay(raw []byte, id json.RawMessage) (responded bool) {
	batch, err := jsonrpc.Split(raw)
	if err != nil {
		s.log.Warn("unreadable message of the server dropped", "error", err, "bytes", len(raw))
		return false
	}
	for _, one := range batch {
		m, err := jsonrpc.Parse(one)
		if err != nil {
			s.log.Warn("unreadable message of the server dropped", "error", err, "bytes", len(one))
			continue
		}
		if !m.IsResponse() {
			s.progressed(id, m)
		}
		switch {
		case !m.IsResponse() && id != nil:
			if err := s.sendFor(id, m.Raw); err != nil && s.ctx.Err() == nil {
				s.log.Warn("client does not read", "error", err)
			}
		case !m.IsResponse():
			s.reply(m.Raw)
		case responded || !isAnswer(m, id):
			s.log.Warn("response to nobody dropped", "bytes", len(one))
		case bytes.Equal(m.ID, id):
			responded = true
			s.answered(id, func(r *request) { r.answer = m })
			s.reply(m.Raw)
		default: // the id in another spelling, or an error that did not say whose it is
			responded = true
			s.answered(id, func(r *request) { r.answer = m })
			s.reply(jsonrpc.Answer(id, m))
		}
	}
	return responded
}

func isAnswer(m jsonrpc.Message, id json.RawMessage) bool {
	return id != nil && (jsonrpc.SameID(m.ID, id) || m.ID == nil && m.Error != nil)
}

func (s *Session) reply(raw []byte) {
	if err := s.send(raw); err != nil && s.ctx.Err() == nil {
		s.log.Warn("client does not read", "error", err)
	}
}

// maxReplays bounds how often a message is sent with another token. More than
// one is for tokens that are replaced while the message is under way: at some
// servers one dies with the next renewal, and a busy machine takes longer than
// that.
const maxReplays = 4

// exchange posts a message, and again with another token when the server
// refuses the one it got. A 401 says that the message was not processed. One that
// is about the rest of a stream that broke says nothing of the message: the stream
// is taken up again, and the message is not sent again.
func (s *Session) exchange(ctx context.Context, post postFunc, raw []byte, deliver remote.Deliver) error {
	met := s.needsMet()
	for try := 0; ; try++ {
		err := post(ctx, raw, deliver)
		var broken *remote.Interrupted
		if errors.As(err, &broken) && try < maxReplays {
			if rejectErr := s.credential.Reject(ctx, rejection(broken.Challenge, try)); rejectErr != nil {
				s.askPerson(met, rejectErr)
				return err // the message may have been acted on: that is what has to be said
			}
			post = func(ctx context.Context, _ []byte, _ remote.Deliver) error { return broken.Resume(ctx) }
			continue
		}
		var refused *remote.Challenge
		if errors.Is(err, remote.ErrNoAnswer) || !errors.As(err, &refused) || try == maxReplays {
			return err
		}
		if refused.Status == 403 {
			if stepErr := s.stepUp(ctx, refused); stepErr != nil {
				return stepErr
			}
			continue
		}
		if refused.Status != 401 {
			return err
		}
		rejectErr := s.credential.Reject(ctx, rejection(refused, try))
		var known *fault.Error
		switch {
		case rejectErr == nil:
		case try > 0 && !errors.As(rejectErr, &known):
			return err // there is no newer token: the refusal says it
		default:
			return rejectErr
		}
	}
}

func rejection(c *remote.Challenge, try int) credential.Rejection {
	return credential.Rejection{Token: c.Token, Status: c.Status, Challenge: c.Header, Again: try > 0}
}

// postFunc is Conn.Post, or Conn.Open for initialize.
type postFunc func(ctx context.Context, raw []byte, deliver remote.Deliver) error
