package session

import (
	"context"
	"errors"
	"time"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/remote"
)

const (
	// stepUpWait is how long a message waits for a person to allow more; clients
	// give up after a minute.
	stepUpWait = 50 * time.Second
	// stepUpLook is how often it looks whether that has happened, and stepUpAsk
	// after how many looks it asks whether the person has said no.
	stepUpLook = 250 * time.Millisecond
	stepUpAsk  = 4
)

// stepUp is called when the server wants more permission for a message than the
// token has (403, MCP step-up authorization). It returns nil when the message is
// worth another try: it was not processed, and there is another token.
func (s *Session) stepUp(ctx context.Context, refused *remote.Challenge) error {
	began, met := time.Now(), s.needsMet()
	rejection := credential.Rejection{Token: refused.Token, Status: refused.Status, Challenge: refused.Header}
	err := s.credential.StepUp(ctx, rejection)
	if !fault.Is(err, fault.SignInNeeded) {
		return err
	}
	s.mu.Lock()
	if s.stepped == nil || !s.stepped.Token.Equal(refused.Token) { // a need of its own, once for each token
		s.stepped, s.asked = refused, false
	}
	s.mu.Unlock()
	s.askPerson(met, err)
	ctx, cancel := context.WithTimeout(ctx, stepUpWait)
	defer cancel()
	tick := time.NewTicker(stepUpLook)
	defer tick.Stop()
	for look := 1; ; look++ {
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
		if look%stepUpAsk == 0 {
			if again := s.credential.StepUp(ctx, rejection); again != nil && !fault.Is(again, fault.SignInNeeded) && ctx.Err() == nil {
				return again
			}
		}
		token, bearerErr := s.credential.Bearer(ctx)
		if bearerErr == nil && !token.Equal(refused.Token) {
			s.log.Info("more permission was given", "after", time.Since(began))
			s.needMet()
			return nil
		}
		if bearerErr != nil && !errors.Is(bearerErr, context.DeadlineExceeded) && fault.Is(bearerErr, fault.SignInNeeded) {
			return bearerErr // it has ended altogether
		}
	}
}
