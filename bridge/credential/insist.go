package credential

import (
	"context"
	"errors"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
)

const (
	// retryBudget bounds the time in which a failing token endpoint is asked again.
	retryBudget = 15 * time.Second
	retryFirst  = 200 * time.Millisecond
	retryMost   = 3 * time.Second
)

// insist asks a token endpoint again while it is away or says that it cannot
// answer now (5xx, 429, 408), for retryBudget at most; once more when the first
// answer alone took longer and never came whole. Its error is the last one.
func (a *Account) insist(ctx context.Context, ask func(context.Context) (oauth.Tokens, error)) (oauth.Tokens, error) {
	// By the clock that stands still while the machine sleeps: waking up in the
	// middle must leave the time to try again.
	until := time.Now().Add(retryBudget)
	pause := retryFirst
	for try := 0; ; try++ {
		sending, cancel := a.m.untilSent(ctx)
		tokens, err := ask(sending)
		cancel()
		if err == nil {
			return tokens, nil
		}
		wait := pause
		late := time.Now().Add(wait).After(until) && try > 0
		var t *oauth.TokenError
		switch {
		case errors.As(err, &t) && t.Temporary():
			wait = max(wait, t.RetryAfter)
			late = time.Now().Add(wait).After(until)
		case errors.As(err, &t), !fault.Is(err, fault.Unreachable):
			return oauth.Tokens{}, err
		}
		a.m.log.Warn("token request not answered", "key", a.key, "error", err)
		if late {
			return oauth.Tokens{}, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return oauth.Tokens{}, err
		case <-a.m.closing:
			timer.Stop()
			return oauth.Tokens{}, err
		case <-timer.C:
		}
		pause = min(2*pause, retryMost)
	}
}
