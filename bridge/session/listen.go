package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/remote"
)

// freshTokens bounds how many tokens in a row the stream is refused with.
const freshTokens = 3

// streamWait is the longest that a call waits for the stream to be there.
const streamWait = 500 * time.Millisecond

// listen keeps the standalone GET stream from the moment that the server knows
// the session is initialized. One at a time: the stream of an earlier session,
// which may hang open, ends; that of this one, if there is one already, stays. The
// lock is held, as it was when the session was marked as one that the server
// knows: a call that sees that waits for the stream.
func (s *Session) listen() {
	if s.listening {
		if s.streamEpoch != s.epoch {
			s.relisten()
		}
		return
	}
	s.listening, s.relisten, s.streamEpoch = true, func() {}, s.epoch
	stream := make(chan struct{})
	s.stream = stream
	known := sync.OnceFunc(func() { close(stream) })
	late := time.AfterFunc(streamWait, known)
	s.work.Go(func() {
		defer late.Stop()
		defer known()
		err := s.keepListening(known)
		switch {
		case s.ctx.Err() != nil, errors.Is(err, remote.ErrNoStream):
		case sessionGone(err): // never opened: the server has no route for it
			s.log.Info("no stream", "error", err)
		default:
			s.log.Warn("stream given up", "error", err)
		}
	})
}

// awaitStream waits until the stream is there, if one is being opened: many
// servers put questions that belong to a call on it, and lose them when there is
// none yet. A client that has gone is asked nothing more: its call is sent.
func (s *Session) awaitStream(ctx context.Context) {
	s.mu.Lock()
	stream := s.stream
	s.mu.Unlock()
	if stream == nil {
		return
	}
	select {
	case <-stream:
	case <-s.leaving:
	case <-ctx.Done():
	}
}

// keepListening returns when the session ends or no stream is to be had; then
// listening is false.
// known is called as soon as there is a stream.
func (s *Session) keepListening(known func()) error {
	refusals, pause := 0, lookAgain
	for {
		ctx, cancel := context.WithCancel(s.ctx)
		s.mu.Lock()
		epoch := s.epoch
		s.relisten, s.streamEpoch = cancel, epoch
		s.mu.Unlock()
		opened := false
		err := s.remote.Listen(ctx, func() {
			opened, refusals, pause = true, 0, lookAgain
			known()
		}, func(raw []byte) { s.relay(raw, nil) })
		cancel()

		var refused *remote.Challenge
		switch {
		case s.ctx.Err() != nil:
		case errors.As(err, &refused) && refused.Status == 401 && refusals < freshTokens:
			rejectErr := s.credential.Reject(s.ctx, credential.Rejection{Token: refused.Token, Status: 401, Challenge: refused.Header})
			if rejectErr == nil {
				refusals++
				continue
			}
			// A person has to sign in, or the authorization server is away: the
			// stream comes back when that is over.
			s.log.Debug("stream waits for a token", "error", rejectErr)
			if s.wait(pause) {
				pause = min(2*pause, lookSeldom)
				continue
			}
		case opened && sessionGone(err):
			if err = s.reconnect(epoch); err == nil {
				continue
			}
		}
		s.mu.Lock()
		if s.epoch != epoch && s.ctx.Err() == nil { // a new session, a new stream
			s.mu.Unlock()
			continue
		}
		s.listening = false
		s.mu.Unlock()
		return err
	}
}

// wait reports false when the session ended meanwhile.
func (s *Session) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}
