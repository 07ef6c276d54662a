package credential

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
)

const (
	// patience bounds the wait for a renewal while the old token still works.
	patience = 500 * time.Millisecond
	// refusedFor is how long a token that the server refused, and that cannot
	// be renewed, is not offered to it again.
	refusedFor = 30 * time.Second
)

// Account is one credential in this process. It is safe for concurrent use;
// get it from Manager.Account.
type Account struct {
	m       *Manager
	server  config.Server
	account string
	key     string

	quick atomic.Pointer[quick] // nil: ask current; cleared whenever cur or bad is set

	prover atomic.Pointer[oauth.Prover] // of cur; nil: tokens are not bound

	mu      sync.Mutex
	loaded  bool        // cur was read from the vault
	cur     *record     // nil: nothing stored; never changed, only replaced
	changes int         // how often cur has become another
	needed  error       // with cur nil: the server is known to want a sign-in
	stamp   os.FileInfo // of the facts file when cur was read; nil: it was not there
	looked  time.Time   // when stamp was last compared
	flight  *flight     // the renewal under way, or nil
	refused oauth.Challenge

	bad   secret.String // the token that the server refused last
	badAt time.Time
	// The last renewal that went wrong: it is not repeated for every call.
	failed      error
	failedFor   secret.String
	failedAt    time.Time
	failedPause time.Duration
}

// Key identifies the credential; see Key.
func (a *Account) Key() string { return a.key }

// Server is the server that the account is at.
func (a *Account) Server() config.Server { return a.server }

// Account is the account's own name.
func (a *Account) Account() string { return a.account }

// Name is how a person calls the account: the server's name or URL, with its own
// where that alone would mean another. See config.Server.Label.
func (a *Account) Name() string { return a.server.Label(a.account) }

// Bearer returns an access token that is good for at least a moment, renewing
// it when its end is near. The empty secret without an error means that nobody
// has signed in and no server has asked for it: one that needs no sign-in can
// be used. Its errors are fault.SignInNeeded, fault.Unreachable and the vault's.
//
// A caller whose ctx ends does not stop a renewal that others wait for.
func (a *Account) Bearer(ctx context.Context) (secret.String, error) {
	if token, ok := a.quickToken(); ok {
		return token, nil
	}
	cur, needed, err := a.current(ctx)
	if err != nil {
		return secret.String{}, err
	}
	if cur == nil {
		return secret.String{}, needed
	}
	now := a.m.now()
	if !a.renewable(cur) && a.isBad(cur.Access, now) {
		return a.bearerOfOthers(ctx, cur, errRefused)
	}
	if cur.usable(now, cur.margin()) {
		a.offerQuick(cur, now)
		return cur.Access, nil
	}
	works := cur.usable(now, 0)
	if !a.renewable(cur) {
		if works {
			return cur.Access, nil
		}
		return a.bearerOfOthers(ctx, cur, errNoRefreshToken)
	}

	f := a.renew(cur.Access)
	var enough <-chan time.Time
	if works {
		t := time.NewTimer(min(cur.ExpiresAt.Sub(now)/2, patience))
		defer t.Stop()
		enough = t.C
	}
	select {
	case <-f.done:
		if f.err != nil && cur.usable(a.m.now(), 0) {
			return cur.Access, nil
		}
		if f.err != nil {
			return secret.String{}, f.err
		}
		return f.rec.Access, nil
	case <-enough:
		return cur.Access, nil
	case <-ctx.Done():
		return secret.String{}, ctx.Err()
	}
}

// bearerOfOthers is Bearer where cur helps nobody any more: of what another process
// has put in its place, or the need for a person.
func (a *Account) bearerOfOthers(ctx context.Context, cur *record, cause error) (secret.String, error) {
	if _, err := a.needSignIn(ctx, cause, cur.Access); err != nil {
		return secret.String{}, err
	}
	return a.Bearer(ctx)
}

// Rejection is what a server answered to a request with Token.
type Rejection struct {
	Token     secret.String // empty when the request carried none
	Status    int           // HTTP status, 401
	Challenge []string      // the WWW-Authenticate headers
	// Again marks the refusal of a token that came from an earlier Reject. It is
	// worth another try only if the token has been replaced, or has come to its
	// end, on the way: a server that refuses fresh tokens must not cost a renewal
	// for each of its refusals.
	Again bool
}

// errFresh is the refusal of a token that is still the newest one.
var errFresh = errors.New("a fresh token was refused")

// Reject tells the account that the server refused a token. It returns nil when
// there is another token to try: somebody else's, or a renewed one. Otherwise
// its errors are those of Bearer, or, after Again, one that says no more than
// the refusal itself.
func (a *Account) Reject(ctx context.Context, r Rejection) error {
	challenge, _ := oauth.BearerChallenge(http.Header{"Www-Authenticate": r.Challenge})
	challenge.Asked = true
	a.mu.Lock()
	a.refused = challenge
	a.bad, a.badAt = r.Token, a.m.now()
	a.quick.Store(nil)
	a.mu.Unlock()

	for renewals := 0; renewals < 2; {
		cur, err := a.load(ctx)
		if err == nil && cur == nil && !a.unattended() {
			cur, err = a.needSignIn(ctx, errNeverSignedIn, r.Token)
		}
		switch {
		case err != nil:
			return err
		case cur != nil && !cur.Access.Equal(r.Token) && cur.usable(a.m.now(), 0):
			return nil
		case !a.renewable(cur):
			if _, err := a.needSignIn(ctx, errRefused, cur.access()); err != nil {
				return err
			}
			renewals++ // somebody has signed in meanwhile
			continue
		case r.Again && cur.usable(a.m.now(), 0):
			if cur, err = a.afterOthers(ctx); err != nil {
				return err
			}
			if cur != nil && !cur.Access.Equal(r.Token) && cur.usable(a.m.now(), 0) {
				return nil
			}
			return errFresh
		}
		f := a.renew(cur.access())
		select {
		case <-f.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if f.err != nil {
			return f.err
		}
		if !f.rec.Access.Equal(r.Token) {
			return nil
		}
		if f.stale.Equal(r.Token) { // else it was under way for an older token
			renewals++
		}
	}
	return fault.New(fault.Unreachable, a.Name()+" refuses a token that it was just given.", a.signInCommand())
}

// afterOthers is the record once a renewal that another process has under way is
// over: some servers end a token before its successor can be stored.
func (a *Account) afterOthers(ctx context.Context) (*record, error) {
	unlock, err := a.lock(ctx)
	if err != nil {
		return nil, err
	}
	unlock()
	return a.load(ctx)
}

// isBad reports whether the server has refused the token lately.
func (a *Account) isBad(token secret.String, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.bad.IsZero() && a.bad.Equal(token) && now.Sub(a.badAt) < refusedFor
}

func (a *Account) signInCommand() string {
	if a.server.Name != "" {
		return "Sign in from the tray or the window, or run: drawbridge login " + a.Name()
	}
	return "Sign in from the tray or the window."
}

// plainCause says why without the words of another program.
func plainCause(err error) string {
	var t *oauth.TokenError
	switch {
	case errors.Is(err, errNoRefreshToken):
		return "the access token has ended and cannot be renewed"
	case errors.Is(err, errNoCompany):
		return "the sign-in at your company's identity provider has ended"
	case errors.Is(err, errRefused):
		return "the server refuses the access token, which cannot be renewed"
	case errors.As(err, &t) && t.Code == "invalid_client":
		return "the authorization server no longer knows this client"
	case errors.As(err, &t):
		return "the authorization server has ended the sign-in"
	}
	return "the sign-in is gone"
}
