package credential

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/vault"
)

// SignInLimit bounds the time that a person has in the browser.
const SignInLimit = 10 * time.Minute

// joinAfter is how long a second sign-in waits for the first before it counts
// as joined: it then ends as the first one ends, for a person who said no is not
// asked again. A shorter wait is for one that was just ending.
const joinAfter = 2 * time.Second

const callbackPath = "/callback"

// UI is how a sign-in reaches the person. Both functions return at once.
type UI struct {
	// Open opens the authorization URL in a browser; nil or an error means that
	// the person has to open it.
	Open func(ctx context.Context, url string) error
	// Show tells the person what happens: the URL, and whether a browser was
	// opened on it. nil shows nothing.
	Show func(url string, opened bool)
	// SelectAccount lets the person choose who signs in, although the browser may
	// be signed in already. It is asked for in any case when the server has other
	// accounts or the account is a new one.
	SelectAccount bool
	// NewClient has Drawbridge registered anew at the provider, although it is
	// already: what is registered there may be wrong without the provider saying so.
	NewClient bool
	// LoginHint is the e-mail address of who is expected; "" for the one that is
	// known of the account, if any.
	LoginHint string
	// Code shows the person the code of a device sign-in (config.DeviceCode). It
	// returns at once. nil shows its address by Show.
	Code func(DeviceCode)
	// Pasted waits for an address that the person has copied from a browser that
	// cannot reach this computer: the one that the sign-in ended on there. It is
	// asked again until the sign-in is over or it returns an error. nil: only the
	// browser itself can answer. With a browser that was opened here nobody asks.
	Pasted func(ctx context.Context) (string, error)
	// Mistaken tells the person why what was pasted is not it; a *fault.Error.
	Mistaken func(error)
	// ByCode lets the person sign in with a code and a browser anywhere, although
	// the settings do not say so (config.DeviceCode).
	ByCode bool
	// Elsewhere tells the person, after Show, that the provider lets them sign in
	// with a code, too; opened as for Show. nil tells nobody.
	Elsewhere func(opened bool)
}

// errJoined is the end of a sign-in that another one went before.
var errJoined = errors.New("joined another sign-in")

// ErrOpen means that the server asks nobody to sign in.
var ErrOpen = errors.New("the server needs no sign-in")

// SignIn lets a person sign in with the browser: discovery, registration,
// authorization code with PKCE, callback on loopback, token, vault. One at a
// time for a credential on this machine: a second one waits for the first and
// ends as that one does. It ends with ctx, at the latest after
// SignInLimit.
func (a *Account) SignIn(ctx context.Context, ui UI) error {
	ctx, cancel := context.WithTimeout(ctx, SignInLimit)
	defer cancel()
	err := a.signIn(ctx, ui)
	if err != nil {
		a.noteDeclined(ctx, err)
	}
	return err
}

func (a *Account) signIn(ctx context.Context, ui UI) error {
	started := a.m.now()
	unlock, waited, err := a.m.lockFileAfter(ctx, a.key+".signin.lock")
	if err != nil {
		return err
	}
	defer unlock()
	if r, err := a.load(ctx); err != nil && !errors.Is(err, vault.ErrDamaged) { // that is put right by the new tokens
		return err // the vault must work before a person is troubled
	} else if f, ferr := a.Facts(); r != nil && ferr == nil && f.State == SignedIn && joins(f, started, waited) {
		return nil
	}
	if waited.lasted > joinAfter {
		return fault.Wrap(errJoined, fault.SignInRefused, fmt.Sprintf("A sign-in to %s was under way already and has ended without success.", a.Name()), a.signInCommand())
	}
	if err := a.writable(ctx); err != nil {
		return err // and so must the disk
	}

	if a.atCompany() {
		return a.signInByCompany(ctx, ui)
	}
	if a.unattended() {
		return a.signInUnattended(ctx, nil)
	}
	d, err := a.discover(ctx)
	if errors.Is(err, ErrOpen) {
		return errors.Join(err, a.noteOpen(ctx))
	}
	if err != nil {
		return err
	}
	if ui.NewClient {
		if err := a.ForgetIssuer(ctx, d.Server.Issuer); err != nil {
			return err
		}
	}
	if a.server.OAuth.Grant == config.DeviceCode || ui.ByCode {
		return a.signInDevice(ctx, ui, d)
	}
	client, callback, old, err := a.client(ctx, d)
	if err != nil {
		return err
	}
	defer func() { _ = callback.Close() }()
	if old && a.forgotten(ctx, d, client, callback) {
		// Registered once more, on the same port: the new client is for it.
		a.m.log.Warn("the authorization server has forgotten this client; registering anew", "issuer", d.Server.Issuer)
		if client, err = a.registerInstead(ctx, d, callback.RedirectURI(), client.ClientID); err != nil {
			return err
		}
	}
	if d.Server.Guessed && a.forgotten(ctx, d, client, callback) {
		return oauth.NoMetadata(d.Server)
	}
	return a.authorize(ctx, ui, d, client, callback)
}

// joins reports whether the sign-in that the facts are of is the one that was
// waited for, or has ended since started: one that ends shows its last page and
// clears up before it lets go of the lock.
func joins(f Facts, started time.Time, waited wait) bool {
	return f.SignedInAt.After(started) || !waited.since.IsZero() && !f.SignedInAt.Before(waited.since)
}

// forgotten reports whether the authorization endpoint refuses a client, before
// a person is sent there.
func (a *Account) forgotten(ctx context.Context, d oauth.Discovery, client oauth.ClientCredentials, callback *oauth.Callback) bool {
	probe, err := oauth.NewAuthorization(oauth.AuthorizationRequest{
		Metadata: d.Server, Client: client, RedirectURI: callback.RedirectURI(), Resource: d.ResourceIndicator, Scopes: d.Scopes, Extra: a.extraParams(d),
	})
	return err == nil && a.m.oauth(a.server).Preflight(ctx, probe)
}

// writable finds out whether facts can be written, by writing what they are.
func (a *Account) writable(ctx context.Context) error {
	unlock, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return a.note(func(*Facts) {})
}

// discover asks the server without a token and follows its challenge.
func (a *Account) discover(ctx context.Context) (oauth.Discovery, error) {
	challenge, answer, err := a.probe(ctx)
	if err != nil {
		return oauth.Discovery{}, err
	}
	if given := a.challenged(); answer != probeChallenged && given.Asked {
		challenge, answer = given, probeChallenged // some ask only for other methods than the probe's
	}
	d, err := a.m.oauth(a.server).Discover(ctx, a.server.URL, challenge)
	switch {
	case err == nil:
	case answer == probeOpen: // open, and no metadata either: nothing to sign in to
		return oauth.Discovery{}, fmt.Errorf("sign in: %w", ErrOpen)
	case answer == probeForeign:
		return oauth.Discovery{}, fault.Wrap(err, fault.NotMCP, fmt.Sprintf("%s does not answer as an MCP server.", a.address()),
			"Check the address: it is often https://HOST/mcp.")
	default:
		return oauth.Discovery{}, err
	}
	if len(a.server.Scopes) > 0 {
		d.Scopes = a.server.Scopes
	}
	a.widen(&d)
	return d, nil
}

// challenged is the challenge that a server sent last to this process or to
// another one that told of the need; zero when none is known.
func (a *Account) challenged() oauth.Challenge {
	if refused := a.lastRefusal(); refused.Asked {
		return refused
	}
	if f, err := a.Facts(); err == nil && f.State == SignInNeeded && f.Challenge != nil {
		return oauth.Challenge{Scheme: "Bearer", Scope: f.Challenge.Scope, ResourceMetadata: f.Challenge.ResourceMetadata, Asked: true}
	}
	return oauth.Challenge{}
}

// noteOpen remembers that the server wants no sign-in. Whoever is signed in
// stays so: the tokens are still there to be revoked.
func (a *Account) noteOpen(ctx context.Context) error {
	unlock, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return a.note(func(f *Facts) {
		if f.State != SignedIn {
			f.State = Open
		}
		f.Problem = nil
	})
}

// keep puts the tokens of a new sign-in into the vault.
func (a *Account) keep(ctx context.Context, d oauth.Discovery, client oauth.ClientCredentials, prover *oauth.Prover, tokens oauth.Tokens) error {
	r := a.newRecord(d, client)
	r.DPoP = prover
	r.adopt(tokens, a.m.now())
	a.askWho(ctx, r)
	unlock, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	now := a.m.now()
	// The tokens of somebody else are dropped and not revoked: that would end a
	// grant which another account of that person may live on.
	if err := a.samePerson(ctx, r); err != nil {
		return err
	}
	if err := a.write(ctx, r); err != nil {
		return err
	}
	if err := a.note(func(f *Facts) {
		steps := f.StepUps
		if len(f.Wanted) > 0 {
			steps = append(steps, now)
		}
		*f = Facts{Key: f.Key, Account: f.Account, Server: f.Server, SignedInAt: now, Asked: d.Scopes, StepUps: steps}
		f.noteRecord(r)
		f.noteHome(a.server.ClientID, r)
	}); err != nil {
		return err
	}
	a.dropDescriptions() // the server may tell this sign-in something else
	a.replace(r)
	a.tell(EventSignedIn, r, "")
	a.m.log.Info("signed in", "key", a.key, "issuer", r.Issuer, "expires", r.ExpiresAt, "renewable", !r.Refresh.IsZero())
	return nil
}

// newRecord is a record without tokens: what discovery found out.
func (a *Account) newRecord(d oauth.Discovery, client oauth.ClientCredentials) *record {
	return &record{
		URL: a.server.URL, Client: client, Issuer: d.Server.Issuer, Resource: d.ResourceIndicator, Scopes: d.Scopes,
		Grant: a.server.OAuth.Grant, Asked: d.Scopes,
		TokenEndpoint: d.Server.TokenEndpoint, RevocationEndpoint: d.Server.RevocationEndpoint, JWKSURI: d.Server.JWKSURI,
		IntrospectionEndpoint: d.Server.IntrospectionEndpoint, UserinfoEndpoint: d.Server.UserinfoEndpoint,
	}
}
