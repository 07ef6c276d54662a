package credential

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
)

// refusedPause is how long a grant that the authorization server refused is not
// tried again: nothing but other settings can help, and they make another
// account of it.
const refusedPause = 30 * time.Second

// unattended reports whether tokens are got without a person. There is then no
// refresh token: a token is renewed by the grant that it came from.
func (a *Account) unattended() bool { return withoutPerson(a.server.OAuth.Grant) }

func withoutPerson(grant string) bool {
	switch grant {
	case config.ClientCredentials, config.IDJAG, config.JWTBearer:
		return true
	}
	return false
}

// renewable reports whether a token can be renewed without a person.
func (a *Account) renewable(r *record) bool { return r != nil && !r.Refresh.IsZero() || a.unattended() }

// access is the access token of a record; empty without one.
func (r *record) access() secret.String {
	if r == nil {
		return secret.String{}
	}
	return r.Access
}

// mint gets a token by a grant without a person and stores it. The credential's
// lock must be held. old is the record before, or nil; sso the person's sign-in at
// the company's, or nil.
func (a *Account) mint(ctx context.Context, old *record, sso *single) (*record, error) {
	now := a.m.now()
	next, err := a.prepare(ctx, old)
	var tokens oauth.Tokens
	if err == nil {
		next.SSO = sso
		tokens, err = a.insist(ctx, func(ctx context.Context) (oauth.Tokens, error) { return a.grant(ctx, next) })
	}
	if errors.Is(err, ErrOpen) {
		return nil, err
	}
	if err != nil {
		return nil, a.mintFailed(err)
	}
	next.adopt(tokens, a.m.now())
	next.Refresh = secret.String{} // the grant itself renews; some servers give one all the same
	if next.SSO != nil {
		next.ID = next.SSO.ID // it says who it is
		if err := a.samePerson(ctx, next); err != nil {
			return nil, err
		}
	}
	if err := a.write(context.WithoutCancel(ctx), next); err != nil {
		return nil, err
	}
	if err := a.note(func(f *Facts) {
		if f.State != SignedIn {
			*f = Facts{Key: f.Key, Account: f.Account, Server: f.Server, SignedInAt: now}
		}
		f.Asked, f.Wanted, f.Declined = next.Asked, nil, nil
		f.noteRecord(next)
		f.noteHome(a.server.ClientID, next)
		f.RefreshedAt = next.IssuedAt
	}); err != nil {
		a.m.log.Warn("facts not written", "key", a.key, "error", err)
	}
	kind := EventRefreshed
	if old == nil {
		kind = EventSignedIn
	}
	a.tell(kind, next, "grant "+a.server.OAuth.Grant)
	a.m.log.Info("token issued", "key", a.key, "grant", a.server.OAuth.Grant, "expires", next.ExpiresAt)
	return next, nil
}

// mintFailed puts a grant that failed into words. But for a sign-in at the
// company's that has ended, no person can sign in here, so it is never
// SignInNeeded: nobody's browser opens.
func (a *Account) mintFailed(cause error) error {
	out := cause
	var t *oauth.TokenError
	switch {
	case errors.Is(cause, errNoCompany):
		return a.needSignInLocked(cause)
	case errors.As(cause, &t) && !t.Temporary():
		p := fault.Public(cause)
		out = fault.Wrap(cause, fault.Refused, fmt.Sprintf("%s gets no token for %s: %s", "The grant "+a.server.OAuth.Grant, a.Name(), p.What),
			"Check the client, its secret or key, and the scopes in the settings, then try again: drawbridge login "+a.Name())
	case errors.As(cause, &t), fault.Is(cause, fault.Unreachable):
		out = fault.Wrap(cause, fault.Unreachable, fmt.Sprintf("The authorization server of %s gives no token at the moment.", a.Name()),
			"It is tried again by itself. Check the network if it lasts.")
	}
	if err := a.note(func(f *Facts) { f.Problem = problemOf(out, a.m.now()) }); err != nil {
		a.m.log.Warn("facts not written", "key", a.key, "error", err)
	}
	a.m.log.Warn("no token", "key", a.key, "grant", a.server.OAuth.Grant, "error", cause)
	return out
}

// prepare finds out where the grant is to be asked for. What an earlier one
// found out counts, unless the settings have changed since.
func (a *Account) prepare(ctx context.Context, old *record) (*record, error) {
	if old != nil && old.Grant == a.server.OAuth.Grant && old.Client.ClientID == a.clientID() &&
		slices.Equal(old.Given, a.server.Scopes) {
		next := *old
		return &next, nil
	}
	d, err := a.discover(ctx)
	if err != nil {
		return nil, err
	}
	client, err := a.grantClient(ctx, d)
	if err != nil {
		return nil, err
	}
	r := a.newRecord(d, client)
	r.Given = a.server.Scopes
	if r.DPoP, err = a.proverFor(d); err != nil {
		return nil, err
	}
	return r, nil
}

// clientID is the client of the settings: one that a person registered, or one
// that a document describes.
func (a *Account) clientID() string {
	if a.server.ClientID != "" {
		return a.server.ClientID
	}
	return a.server.OAuth.ClientMetadataURL
}

// grantClient is the client of an unattended grant. None is registered for it by
// itself: the authorization server has to know it (MCP extension OAuth Client
// Credentials).
func (a *Account) grantClient(ctx context.Context, d oauth.Discovery) (oauth.ClientCredentials, error) {
	if a.clientID() == "" && a.server.OAuth.Grant != config.JWTBearer {
		return oauth.ClientCredentials{}, fault.New(fault.Usage,
			fmt.Sprintf("The grant %s needs a client that is registered at %q.", a.server.OAuth.Grant, d.Server.Issuer),
			"Name it: --client-id ID, with its secret in DRAWBRIDGE_CLIENT_SECRET or its key in --private-key-file.")
	}
	c, err := a.givenClient(ctx, d)
	if c.ClientID == "" {
		c.ClientID = a.clientID()
	}
	return c, err
}

// grant asks for a token by the grant of the settings.
func (a *Account) grant(ctx context.Context, r *record) (oauth.Tokens, error) {
	client, err := a.armed(r)
	if err != nil {
		return oauth.Tokens{}, err
	}
	server := a.m.oauth(a.server)
	request := oauth.GrantRequest{TokenEndpoint: r.TokenEndpoint, Client: client, Resource: r.Resource, Scopes: r.Asked, DPoP: r.DPoP}
	switch a.server.OAuth.Grant {
	case config.ClientCredentials:
		return server.ClientCredentials(ctx, request)
	case config.JWTBearer:
		assertion, err := a.assertion(ctx, r)
		if err != nil {
			return oauth.Tokens{}, err
		}
		return server.JWTBearer(ctx, request, assertion)
	case config.IDJAG:
		assertion, err := a.identityAssertion(ctx, r)
		if err != nil {
			return oauth.Tokens{}, err
		}
		return server.JWTBearer(ctx, request, assertion)
	}
	return oauth.Tokens{}, fmt.Errorf("no grant %q", a.server.OAuth.Grant)
}

// widenUnattended gets a token with what the server wants more, without a person:
// a grant of its own is as good as the first (MCP 2025-11-25, step-up
// authorization; MCP extension Enterprise-Managed Authorization). What there was
// stays when the authorization server gives no such token. The credential's lock
// must be held; asked are the step-ups before.
func (a *Account) widenUnattended(ctx context.Context, sso *single, wanted, more []string, asked []time.Time) error {
	if err := a.note(func(f *Facts) { f.Wanted, f.StepUps = wanted, append(asked, a.m.now()) }); err != nil {
		return err
	}
	r, err := a.mint(ctx, nil, sso)
	if err != nil {
		if noteErr := a.note(func(f *Facts) { f.Wanted = nil }); noteErr != nil {
			a.m.log.Warn("facts not written", "key", a.key, "error", noteErr)
		}
		if fault.Is(err, fault.Unreachable) || fault.Is(err, fault.SignInNeeded) || ctx.Err() != nil {
			return err
		}
		return fault.Wrap(err, fault.Refused, fmt.Sprintf("%s wants more permission (%s), and the grant %s does not get it.", a.Name(), scopeWords(more), a.server.OAuth.Grant),
			"Ask whoever runs its authorization server to allow it for this client.")
	}
	a.replace(r)
	return nil
}

// signInUnattended gets a token now, for a person who asked to sign in, and has at
// the company's (sso) if that is how.
func (a *Account) signInUnattended(ctx context.Context, sso *single) error {
	unlock, err := a.lock(ctx)
	if err != nil {
		return err
	}
	r, err := a.mint(ctx, nil, sso)
	if err == nil {
		a.replace(r)
		a.mu.Lock()
		a.failed = nil
		a.mu.Unlock()
	}
	unlock()
	if errors.Is(err, ErrOpen) {
		return errors.Join(err, a.noteOpen(ctx))
	}
	return err
}
