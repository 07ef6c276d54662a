package credential

import (
	"context"
	"errors"
	"fmt"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
)

var (
	errNeverSignedIn  = errors.New("nobody has signed in")
	errNoRefreshToken = errors.New("the access token has ended and there is no refresh token")
	errRefused        = errors.New("the server refuses the access token and there is no refresh token")
)

// needSignIn notes that only a person can go on with the token stale and returns
// the error that says so. When somebody has signed in or renewed it meanwhile, as
// another process may, that is what it returns instead.
//
// Every call of every process comes here until somebody signs in. Only the first
// takes the lock, which the sign-in wants too, and writes.
func (a *Account) needSignIn(ctx context.Context, cause error, stale secret.String) (others *record, err error) {
	others, err = a.lookAtOthers(ctx, stale)
	if err != nil || others != nil {
		return others, err
	}
	if need, noted := a.notedNeed(cause); noted {
		return nil, need
	}
	unlock, err := a.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	others, err = a.lookAtOthers(ctx, stale)
	if err != nil || others != nil {
		return others, err
	}
	return nil, a.needSignInLocked(cause)
}

// lookAtOthers is what somebody has put in the place of the token stale, if it is
// of use.
func (a *Account) lookAtOthers(ctx context.Context, stale secret.String) (*record, error) {
	cur, known := a.known()
	if !known {
		var err error
		if cur, err = a.load(ctx); err != nil {
			return nil, err
		}
	}
	if cur != nil && !cur.Access.Equal(stale) && (cur.usable(a.m.now(), 0) || a.renewable(cur)) {
		return cur, nil
	}
	return nil, nil
}

func (a *Account) needSignInLocked(cause error) error {
	out, noted := a.notedNeed(cause)
	if noted {
		return out
	}
	refused := a.lastRefusal()
	if err := a.note(func(f *Facts) {
		if f.State != SignInNeeded || f.Problem == nil || !isWant(cause) {
			f.State, f.Problem = SignInNeeded, problemOf(out, a.m.now())
		}
		f.Renewable = false
		f.Challenge = nil
		if refused.Asked {
			f.Challenge = &Challenged{Scope: refused.Scope, ResourceMetadata: refused.ResourceMetadata}
		}
	}); err != nil {
		a.m.log.Warn("facts not written", "key", a.key, "error", err)
	}
	return out
}

// notedNeed is the need of a person for the cause, and whether the facts say all
// there is to say of it.
func (a *Account) notedNeed(cause error) (need *fault.Error, noted bool) {
	what := fmt.Sprintf("%s needs you to sign in.", a.Name())
	if !errors.Is(cause, errNeverSignedIn) {
		what = fmt.Sprintf("%s needs you to sign in again: %s.", a.Name(), plainCause(cause))
	}
	need = &fault.Error{Code: fault.SignInNeeded, What: what, Next: a.signInCommand(), Cause: cause}
	f, err := a.Facts()
	if err != nil || f.State != SignInNeeded || f.Problem == nil {
		return need, false
	}
	if f.Challenge == nil && a.lastRefusal().Asked {
		return need, false
	}
	return need, f.Problem.What == what || isWant(cause)
}

// isWant reports whether the cause is but that there is nothing to go on with: what
// stands in the facts says why, and processes that find this in different ways must
// not write it over in turns.
func isWant(cause error) bool {
	return errors.Is(cause, errNeverSignedIn) || errors.Is(cause, errNoRefreshToken) || errors.Is(cause, errRefused)
}

// lastRefusal is the challenge that came with the last token that was refused.
func (a *Account) lastRefusal() oauth.Challenge {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refused
}
