package credential

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
)

const (
	// failedPause is the pause after a renewal that went wrong; an endpoint that
	// asks for a longer one (Retry-After) gets it, up to failedPauseMost.
	failedPause     = time.Second
	failedPauseMost = 2 * time.Minute
	// The pauses after refusals that do not end the sign-in begin with refusedPause
	// and double, up to refusedMost where the server says why, by a code. Other
	// answers may be from somebody in between, and end as soon as the person has
	// passed a network's sign-in page: after these it is strangerMost.
	refusedMost  = 5 * time.Minute
	strangerMost = time.Minute
)

// endsSignIn: invalid_grant and invalid_client (RFC 6749 §5.2), by whatever word
// the server has for them, and nothing else. A page, a body without a code, or any
// answer with a status of trouble may come from somebody in between: a network's
// sign-in page, a firewall, a balancer.
func endsSignIn(err error) bool {
	var t *oauth.TokenError
	return errors.As(err, &t) && !t.Temporary() && (t.Code == "invalid_grant" || t.Code == "invalid_client")
}

// passes reports whether err is trouble of the network or of the endpoint, and not
// an answer that will be the same next time.
func passes(err error) bool {
	var t *oauth.TokenError
	if errors.As(err, &t) {
		return t.Temporary()
	}
	return fault.Is(err, fault.Unreachable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// notRenewed notes a renewal that failed without an end to the sign-in. How long
// nobody tries again is in the facts, so that it counts for all processes. The
// credential's lock must be held.
func (a *Account) notRenewed(cause error) error {
	out := fault.Wrap(cause, fault.Unreachable,
		fmt.Sprintf("The authorization server of %s does not renew the token at the moment.", a.Name()),
		"You are still signed in; it is tried again by itself. Check the network if it lasts.")
	err := a.note(func(f *Facts) {
		now := a.m.now()
		if passes(cause) {
			var t *oauth.TokenError
			if f.TryAgainAt = (time.Time{}); errors.As(cause, &t) && t.RetryAfter > 0 {
				f.TryAgainAt = now.Add(min(t.RetryAfter, failedPauseMost))
			}
		} else {
			most := strangerMost
			if t := (*oauth.TokenError)(nil); errors.As(cause, &t) && t.Code != "" {
				most = refusedMost
			}
			f.TryAgainAt = now.Add(min(refusedPause<<min(f.Refusals, 10), most))
			f.Refusals++
			out = fault.Wrap(cause, fault.Unreachable,
				fmt.Sprintf("The token of %s was not renewed: %s", a.Name(), fault.Public(cause).What),
				fmt.Sprintf("You are still signed in; it is tried again by itself, next at %s. If it lasts, sign in again. %s",
					f.TryAgainAt.Local().Format(time.TimeOnly), a.signInCommand()))
		}
		f.Problem = problemOf(out, now)
	})
	if err != nil {
		a.m.log.Warn("facts not written", "key", a.key, "error", err)
	}
	a.m.log.Warn("token not renewed", "key", a.key, "error", cause)
	return out
}

// waiting is the failure of an earlier renewal, in this process or in another one,
// while it is too early for the next; nil when it may be tried.
func (a *Account) waiting() error {
	f, err := a.Facts()
	if err != nil || f.State != SignedIn || f.Problem == nil {
		return nil
	}
	if left := f.TryAgainAt.Sub(a.m.now()); left <= 0 || left > refusedMost { // a clock that was set back
		return nil
	}
	return fault.New(f.Problem.Code, f.Problem.What, f.Problem.Next)
}

// pauseAfter is how long this process tries no renewal after one that failed with
// err: what the facts say, or what err does.
func (a *Account) pauseAfter(err error, now time.Time) time.Duration {
	pause := failedPause
	var t *oauth.TokenError
	if errors.As(err, &t) && t.Temporary() {
		pause = min(max(pause, t.RetryAfter), failedPauseMost)
	} else if fault.Is(err, fault.Refused) {
		pause = refusedPause
	}
	if f, factsErr := a.Facts(); factsErr == nil && f.State == SignedIn {
		if left := f.TryAgainAt.Sub(now); left <= refusedMost {
			pause = max(pause, left)
		}
	}
	return pause
}
