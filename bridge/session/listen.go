package session

import (
	"errors"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/remote"
)

// listen keeps the standalone GET stream from the moment that the server knows
// the session is initialized. One at a time.
func (s *Session) listen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listening {
		return
	}
	s.listening = true
	s.work.Go(func() {
		err := s.keepListening()
		s.mu.Lock()
		s.listening = false
		s.mu.Unlock()
		if s.ctx.Err() == nil && !errors.Is(err, remote.ErrNoStream) {
			s.log.Warn("stream given up", "error", err)
		}
	})
}

func (s *Session) keepListening() error {
	for refusals := 0; ; refusals++ {
		epoch := s.currentEpoch()
		err := s.remote.Listen(s.ctx, func(raw []byte) {
			refusals = 0
			s.relay(raw, nil)
		})
		var refused *remote.Challenge
		switch {
		case errors.As(err, &refused) && refused.Status == 401 && refusals < 3:
			if err := s.credential.Reject(s.ctx, credential.Rejection{Token: refused.Token, Status: 401, Challenge: refused.Header}); err != nil {
				return err
			}
		case sessionGone(err) && refusals < 3:
			if err := s.reconnect(epoch); err != nil {
				return err
			}
		default:
			return err
		}
	}
}
