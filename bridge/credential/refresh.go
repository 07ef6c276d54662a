package credential

import (
	"context"
	"errors"
	"time"

	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
)

const (
	// refreshLimit bounds one renewal with its lock, retries and writes.
	refreshLimit = 90 * time.Second
	// keepTries bounds how often a rotated token is written to a vault that
	// fails, keepPause apart.
	keepTries = 5
	keepPause = 500 * time.Millisecond
)

// flight is one renewal in this process; all callers who need it wait for done.
type flight struct {
	stale secret.String // the token that it is for
	done  chan struct{} // closed when rec and err are set
	rec   *record
	err   error
}

// renew starts a renewal, or joins the one under way. It belongs to nobody's
// context: a caller that gives up must not lose a rotated token.
func (a *Account) renew(stale secret.String) *flight {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.flight != nil {
		return a.flight
	}
	f := &flight{stale: stale, done: make(chan struct{})}
	if since := a.m.now().Sub(a.failedAt); a.failed != nil && a.failedFor.Equal(stale) && since >= 0 && since < a.failedPause {
		f.err = a.failed
		close(f.done)
		return f
	}
	a.flight = f
	a.m.flights.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), refreshLimit)
		defer cancel()
		f.rec, f.err = a.refresh(ctx, stale)
		var pause time.Duration
		now := a.m.now()
		if f.err != nil {
			pause = a.pauseAfter(f.err, now)
		}
		a.mu.Lock()
		a.failed = nil
		if f.err != nil {
			a.loaded = false // what the vault says now may differ
			a.failed, a.failedFor, a.failedAt, a.failedPause = f.err, stale, now, pause
		}
		a.flight = nil
		a.mu.Unlock()
		close(f.done)
	})
	return f
}

// refresh is the transaction: take the file lock, read the vault again, use
// somebody else's newer token if there is one, else refresh, write, release.
func (a *Account) refresh(ctx context.Context, stale secret.String) (rec *record, err error) {
	early, cancel := a.m.whileOpen(ctx)
	defer cancel()
	unlock, err := a.lock(early)
	if err != nil {
		return nil, err
	}
	defer unlock()
	defer func() {
		if err == nil { // still locked: nobody else has written since
			a.replace(rec)
		}
	}()

	r, err := a.read(early)
	switch {
	case err != nil:
		return nil, err
	case r == nil && !a.unattended():
		return nil, a.needSignInLocked(errNeverSignedIn)
	case r != nil && !r.Access.Equal(stale) && r.usable(a.m.now(), r.margin()):
		a.mendFacts(r)
		return r, nil
	case a.unattended():
		return a.mint(ctx, r, r.company())
	case r.Refresh.IsZero():
		return nil, a.needSignInLocked(errNoRefreshToken)
	}

	if err := a.waiting(); err != nil {
		return nil, err
	}
	// A keychain that takes nothing (locked meanwhile, a full disk under it) is
	// found out while the refresh token is still good.
	if err := a.write(early, r); err != nil {
		return nil, err
	}
	tokens, err := a.askRefresh(ctx, r)
	if err != nil {
		return nil, a.refreshFailed(ctx, r, err)
	}
	if tokens.ID.IsZero() && a.server.OAuth.UseIDToken {
		// The rotated refresh token must not be lost for want of an ID token.
		tokens.ID = r.ID
	}
	if tokens, err = a.chosen(tokens); err != nil {
		return nil, err
	}
	next := *r
	next.adopt(tokens, a.m.now())
	// The old refresh token is spent: from here on the new one must be kept
	// whatever happens to the caller.
	if err := a.keepRotated(context.WithoutCancel(ctx), &next); err != nil {
		return nil, err
	}
	if err := a.note(func(f *Facts) {
		f.noteRecord(&next)
		f.RefreshedAt = next.IssuedAt
	}); err != nil {
		a.m.log.Warn("facts not written", "key", a.key, "error", err)
	}
	a.tell(EventRefreshed, &next, "")
	a.m.log.Info("token renewed", "key", a.key, "expires", next.ExpiresAt)
	return &next, nil
}

// mendFacts makes the facts say what is in the vault, when a process was killed
// between the two.
func (a *Account) mendFacts(r *record) {
	if f, err := a.Facts(); err == nil && f.State == SignedIn && f.ExpiresAt.Equal(r.ExpiresAt) {
		return
	}
	if err := a.note(func(f *Facts) { f.noteRecord(r) }); err != nil {
		a.m.log.Warn("facts not written", "key", a.key, "error", err)
	}
}

// keepRotated writes a record whose refresh token replaces a spent one, with
// patience: nobody can get it again.
func (a *Account) keepRotated(ctx context.Context, r *record) error {
	for try := 1; ; try++ {
		err := a.write(ctx, r)
		if err == nil || try == keepTries {
			return err
		}
		a.m.log.Warn("rotated token not written yet", "key", a.key, "error", err)
		time.Sleep(keepPause)
	}
}

// askRefresh sends the refresh request, again while the endpoint is away or
// says that it cannot answer now. An answer that got lost is asked for again
// too: if the server acted, our refresh token is spent and only the server's
// grace period can help; if it did not, the second request succeeds.
func (a *Account) askRefresh(ctx context.Context, r *record) (oauth.Tokens, error) {
	client := a.m.oauth(a.server)
	who, err := a.armed(r)
	if err != nil {
		return oauth.Tokens{}, err
	}
	request := oauth.RefreshRequest{
		TokenEndpoint: r.TokenEndpoint, DPoP: r.DPoP, Client: who, RefreshToken: r.Refresh, Resource: r.Resource, Scopes: refreshScopes(r),
	}
	return a.insist(ctx, func(ctx context.Context) (oauth.Tokens, error) { return client.Refresh(ctx, request) })
}

// refreshFailed decides what a failed refresh means. Only the authorization
// server's own word ends a sign-in, and only if the refresh token that it
// refused is still the stored one.
func (a *Account) refreshFailed(ctx context.Context, r *record, cause error) error {
	if !endsSignIn(cause) {
		return a.notRenewed(cause)
	}
	var t *oauth.TokenError
	if errors.As(cause, &t) && t.Code == "invalid_client" {
		if err := a.forgetClient(ctx, registrationEntry(r.Issuer), r.Client.ClientID); err != nil {
			a.m.log.Warn("registration not deleted", "issuer", r.Issuer, "error", err)
		}
	}
	dead := *r
	dead.Refresh = secret.String{} // never sent again
	if err := a.write(context.WithoutCancel(ctx), &dead); err != nil {
		return err
	}
	a.m.log.Warn("sign-in ended by the authorization server", "key", a.key, "error", cause)
	return a.needSignInLocked(cause)
}
