package credential

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/token"
	"drawbridge/bridge/vault"
)

// Adopted is a sign-in that another program on this machine made at the
// account's server and gives up. Whoever hands it over vouches that it was filed
// for the server's URL; everything else is checked.
type Adopted struct {
	// Tokens of the sign-in. ExpiresIn does not count: it said when they were new.
	Tokens oauth.Tokens
	// IssuedAt and ExpiresAt are of the access token; zero when unknown.
	IssuedAt, ExpiresAt time.Time
	// Client is the OAuth client that the tokens were issued to. An AuthMethod
	// that is not known is chosen by the metadata.
	Client oauth.ClientCredentials
	// Issuers are all that the other program wrote down about who issued the
	// tokens and registered the client; they must agree. Without any, the tokens'
	// own claims decide.
	Issuers []string
	// Resource is the value of `resource` that the tokens were asked for with; ""
	// for the one that the server publishes.
	Resource string
	// NoResource: they were asked for without `resource`, and are renewed so.
	NoResource bool
	// Scopes that were asked for; those of Tokens, when there are any, win.
	Scopes []string
}

// ErrSignedIn means that somebody is signed in already, whose tokens stay.
var ErrSignedIn = errors.New("somebody is signed in already")

// CanAdopt finds out whether Adopt would take the sign-in over. It asks the
// server and its authorization server for metadata, sends no token, and reads
// and writes no keychain. Its errors are those of Adopt.
func (a *Account) CanAdopt(ctx context.Context, in Adopted) error {
	if f, err := a.Facts(); err == nil && f.State == SignedIn {
		return a.alreadySignedIn()
	}
	_, err := a.adoptable(ctx, in)
	return err
}

// Adopt takes the sign-in over: endpoints and issuer come from discovery, as in
// a sign-in, and the tokens go into the vault. Nothing is renewed: the refresh
// token is not spent, so the other program must not use it from here on.
//
// Its error is fault.SignInNeeded when the tokens cannot be verified to be for
// this server and from its authorization server, or are of no more use; it wraps
// ErrSignedIn when somebody is signed in already and ErrOpen when the server
// wants nobody to sign in. Others are those of SignIn's discovery and the vault's.
func (a *Account) Adopt(ctx context.Context, in Adopted) error {
	r, err := a.adoptable(ctx, in)
	if errors.Is(err, ErrOpen) {
		return errors.Join(err, a.noteOpen(ctx))
	}
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // half of it would leave the tokens with nobody
	unlock, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	there, err := a.read(ctx)
	if err != nil {
		return err
	}
	if there != nil && (!there.Refresh.IsZero() || there.usable(a.m.now(), 0)) {
		return a.alreadySignedIn()
	}
	if err := a.write(ctx, r); err != nil {
		return err
	}
	if err := a.note(func(f *Facts) {
		*f = Facts{Key: f.Key, Account: f.Account, Server: f.Server}
		f.noteRecord(r)
	}); err != nil {
		return err
	}
	a.mu.Lock()
	a.loaded = false // read again, with the facts' new time
	a.mu.Unlock()
	a.tell(EventSignedIn, r, "taken over")
	a.m.log.Info("sign-in taken over", "key", a.key, "issuer", r.Issuer, "expires", r.ExpiresAt, "renewable", !r.Refresh.IsZero())
	return nil
}

// VaultReady reports whether secrets can be kept: nil, or the vault's error.
func (m *Manager) VaultReady(ctx context.Context) error {
	_, err := m.vault.Get(ctx, "ready")
	if errors.Is(err, vault.ErrNotFound) {
		return nil
	}
	return err
}

// adoptable checks the sign-in and makes the record of it.
func (a *Account) adoptable(ctx context.Context, in Adopted) (*record, error) {
	now := a.m.now()
	r := &record{
		URL: a.server.URL, Access: in.Tokens.Access, Refresh: in.Tokens.Refresh, ID: in.Tokens.ID,
		Client: in.Client, IssuedAt: in.IssuedAt, ExpiresAt: in.ExpiresAt,
	}
	if r.ExpiresAt.IsZero() {
		r.ExpiresAt = expiry(oauth.Tokens{Access: r.Access}, now)
	}
	if r.IssuedAt.IsZero() {
		r.IssuedAt = now
	}
	if r.Scopes = splitScope(in.Tokens.Scope); len(r.Scopes) == 0 {
		r.Scopes = in.Scopes
	}
	switch {
	case r.Access.IsZero() && r.Refresh.IsZero():
		return nil, a.notAdoptable("there is no token in it")
	case r.Client.ClientID == "":
		return nil, a.notAdoptable("it does not say to which client the tokens belong")
	case !r.Client.SecretExpiresAt.IsZero() && !now.Before(r.Client.SecretExpiresAt):
		return nil, a.notAdoptable("the secret of its client has expired")
	case r.Refresh.IsZero() && !r.usable(now, 0):
		return nil, a.notAdoptable("the access token has ended and there is no refresh token")
	}
	d, err := a.discover(ctx)
	if err != nil {
		return nil, err
	}
	if why := foreignIssuer(r, in, d.Server.Issuer); why != "" {
		return nil, a.notAdoptable(why)
	}
	if why := foreignAudience(r, in, d.ResourceIndicator, a.server.URL); why != "" {
		return nil, a.notAdoptable(why)
	}
	r.Issuer = d.Server.Issuer
	r.TokenEndpoint, r.RevocationEndpoint, r.JWKSURI = d.Server.TokenEndpoint, d.Server.RevocationEndpoint, d.Server.JWKSURI
	switch {
	case in.NoResource:
	case in.Resource != "":
		r.Resource = in.Resource
	default:
		r.Resource = d.ResourceIndicator
	}
	if supported := d.Server.TokenEndpointAuthMethodsSupported; !knownAuthMethod(r.Client.AuthMethod) ||
		len(supported) > 0 && !slices.Contains(supported, r.Client.AuthMethod) {
		r.Client.AuthMethod = oauth.AuthMethodFor(d.Server, !r.Client.Secret.IsZero())
	}
	return r, nil
}

func knownAuthMethod(method string) bool {
	return method == oauth.AuthNone || method == oauth.AuthBasic || method == oauth.AuthPost
}

// foreignIssuer says why the tokens are not from the issuer, or "". A refresh
// token must never be shown to another authorization server than its own.
func foreignIssuer(r *record, in Adopted, issuer string) string {
	written := slices.DeleteFunc(slices.Clone(in.Issuers), func(s string) bool { return s == "" })
	if len(written) == 0 { // the claims say it, for want of a better witness
		for _, d := range []*token.Decoded{decode(r.Access), decode(r.ID)} {
			if d != nil && d.Text("iss") != "" {
				written = append(written, d.Text("iss"))
			}
		}
	}
	if len(written) == 0 {
		return "nothing says which authorization server issued the tokens"
	}
	for _, other := range written {
		if !sameButSlash(other, issuer) {
			return fmt.Sprintf("its tokens are from %q, but the server names %q", other, issuer)
		}
	}
	return ""
}

// foreignAudience says why the access token is not for the server, or "". An
// opaque one is taken on the word of the file that it was in: only its issuer
// could read it, and it goes nowhere but to this server.
func foreignAudience(r *record, in Adopted, indicator, server string) string {
	d := decode(r.Access)
	if d == nil || len(d.Audience()) == 0 {
		return ""
	}
	for _, aud := range d.Audience() {
		for _, own := range []string{in.Resource, indicator, server} {
			if own != "" && sameButSlash(aud, own) {
				return ""
			}
		}
	}
	return fmt.Sprintf("its access token is for %q, not for this server", strings.Join(d.Audience(), ", "))
}

// sameButSlash: programs that pass addresses through a URL type add a final
// slash, and write that down.
func sameButSlash(a, b string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") }

func (a *Account) notAdoptable(why string) error {
	return fault.New(fault.SignInNeeded, fmt.Sprintf("The sign-in to %s is not taken over: %s.", a.Name(), why), a.signInCommand())
}

func (a *Account) alreadySignedIn() error {
	return fmt.Errorf("take over the sign-in to %s: %w", a.key, ErrSignedIn)
}
