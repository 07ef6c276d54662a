package credential

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
)

const (
	// stepUpMost bounds how often a person is asked for more permission within
	// stepUpWithin: a server may never be content.
	stepUpMost   = 3
	stepUpWithin = 10 * time.Minute
)

// StepUp tells the account that the server wants more permission than the token
// has (403 insufficient_scope, MCP 2025-11-25, step-up authorization). It returns
// nil when there is another token to try. Otherwise a person has to allow it:
// the error is fault.SignInNeeded, and the next SignIn asks for the union of the
// old and the new scopes. fault.Refused means that asking (again) is of no use,
// fault.SignInRefused that the person has said no to just this.
// A refresh never widens a token, so none is tried; a grant without a person is
// asked for again at once.
func (a *Account) StepUp(ctx context.Context, r Rejection) error {
	challenge, ok := oauth.BearerChallenge(http.Header{"Www-Authenticate": r.Challenge})
	if !ok || challenge.Error != "insufficient_scope" {
		return fault.New(fault.Refused, fmt.Sprintf("%s refuses this (HTTP 403): the signed-in account lacks the right.", a.Name()),
			"Ask the server's owner, or sign in with another account.")
	}
	unlock, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	cur, err := a.load(ctx)
	if err != nil {
		return err
	}
	f, err := a.Facts()
	if err != nil {
		f = Facts{}
	}
	if cur == nil {
		return a.needSignInLocked(errNeverSignedIn)
	}
	if !cur.Access.Equal(r.Token) && cur.usable(a.m.now(), 0) {
		return nil // somebody has signed in since, or renewed: the server says again what it wants
	}
	old := union(f.Asked, cur.Scopes)
	more := strings.Fields(challenge.Scope)
	wanted := union(old, more)
	now := a.m.now()
	asked := slices.DeleteFunc(f.StepUps, func(at time.Time) bool { return now.Sub(at) > stepUpWithin })
	switch {
	case len(missing(f.Asked, more)) == 0:
		return fault.New(fault.Refused, fmt.Sprintf("%s wants more permission (%s), which the sign-in has asked for already.", a.Name(), scopeWords(more)),
			"Ask the server's owner, or sign in with another account.")
	case len(asked) >= stepUpMost:
		return fault.New(fault.Refused, fmt.Sprintf("%s wants more permission again (%s) after %d sign-ins.", a.Name(), scopeWords(more), len(asked)),
			"Sign in with all of it at once: drawbridge login "+a.Name()+" --scope SCOPE …")
	}
	if a.unattended() {
		return a.widenUnattended(ctx, cur.company(), wanted, more, asked)
	}
	if len(f.Declined) > 0 && slices.Equal(f.Declined, wanted) {
		return fault.New(fault.SignInRefused,
			fmt.Sprintf("%s asks for more permission: %s. That was declined.", a.Name(), scopeWords(missing(old, more))), a.signInCommand())
	}
	out := fault.New(fault.SignInNeeded,
		fmt.Sprintf("%s asks for more permission: %s. The sign-in has: %s.", a.Name(), scopeWords(missing(old, more)), scopeWords(old)), a.signInCommand())
	if slices.Equal(f.Wanted, wanted) && f.Problem != nil && f.Problem.What == out.What {
		return out // said before
	}
	if err := a.note(func(f *Facts) {
		f.Wanted, f.StepUps = wanted, asked
		f.Problem = problemOf(out, now)
	}); err != nil {
		a.m.log.Warn("facts not written", "key", a.key, "error", err)
	}
	a.m.log.Info("more permission wanted", "key", a.key, "has", old, "wants", more)
	return out
}

// noteDeclined remembers that a person was asked for more permission and has said
// no, has given up or has let the time pass: who waits for it is told at once, and
// nobody is asked for the same by itself again. A server that was away is no refusal.
func (a *Account) noteDeclined(ctx context.Context, err error) {
	cause := context.Cause(ctx)
	givenUp := cause != nil && !errors.Is(cause, context.Canceled) // by somebody, for a reason
	if !fault.Is(err, fault.SignInRefused) && !fault.Is(err, fault.SignInTimeout) && !givenUp || errors.Is(err, errJoined) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	if f, err := a.Facts(); err != nil || len(f.Wanted) == 0 {
		return
	}
	unlock, lockErr := a.lock(ctx)
	if lockErr != nil {
		return
	}
	defer unlock()
	if err := a.note(func(f *Facts) { f.Declined = f.Wanted }); err != nil {
		a.m.log.Warn("facts not written", "key", a.key, "error", err)
	}
}

// widen makes a sign-in ask for what a server has refused to do without.
func (a *Account) widen(d *oauth.Discovery) {
	if f, err := a.Facts(); err == nil && len(f.Wanted) > 0 {
		d.Scopes = union(f.Wanted, d.Scopes)
	}
}

// missing are those of more that are not in has.
func missing(has, more []string) []string {
	return slices.DeleteFunc(slices.Clone(more), func(s string) bool { return slices.Contains(has, s) })
}

// scopeWords lists scopes for a person; they are another program's words.
func scopeWords(scopes []string) string {
	if len(scopes) == 0 {
		return "none by name"
	}
	const most = 12
	quoted := make([]string, 0, most+1)
	for i, s := range scopes {
		if i == most {
			quoted = append(quoted, "…")
			break
		}
		if runes := []rune(s); len(runes) > 80 {
			s = string(runes[:80]) + "…"
		}
		quoted = append(quoted, fmt.Sprintf("%q", s))
	}
	return strings.Join(quoted, ", ")
}
