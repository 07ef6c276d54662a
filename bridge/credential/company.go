package credential

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// idTokenMargin is how long an ID token has to live to be worth an exchange.
const idTokenMargin = 30 * time.Second

// errNoCompany: without a person the company's identity provider gives nothing.
var errNoCompany = errors.New("nobody is signed in at the company's identity provider")

// single is a person's sign-in at the company's identity provider (config.IDJAG).
// It is part of the record of the one credential that it was made for: its ID
// token goes to nobody but that provider.
type single struct {
	ID, Refresh secret.String
	// RevocationEndpoint is the provider's; "" when it has none.
	RevocationEndpoint string
}

// sealedSingle is a single on the way into and out of the vault.
type sealedSingle struct {
	ID         string `json:"id_token"`
	Refresh    string `json:"refresh_token,omitempty"`
	Revocation string `json:"revocation_endpoint,omitempty"`
}

func (s *single) seal() *sealedSingle {
	if s == nil {
		return nil
	}
	return &sealedSingle{s.ID.Reveal(), s.Refresh.Reveal(), s.RevocationEndpoint}
}

func (s *sealedSingle) open() *single {
	if s == nil {
		return nil
	}
	return &single{secret.New(s.ID), secret.New(s.Refresh), s.Revocation}
}

// company is the sign-in of a record at the company's; nil without one.
func (r *record) company() *single {
	if r == nil {
		return nil
	}
	return r.SSO
}

// atCompany reports whether a person signs in at the company's identity provider
// in the browser: the grant is config.IDJAG, and no file or command has the ID
// token.
func (a *Account) atCompany() bool {
	o := a.server.OAuth
	return o.Grant == config.IDJAG && o.Assertion.File == "" && len(o.Assertion.Command) == 0
}

// identityProvider is how the company's identity provider is asked. The person
// named it, so it may be in a private network whatever the MCP server is; and it
// is not what the MCP server says.
func (a *Account) identityProvider(ctx context.Context) (*oauth.Client, oauth.ServerMetadata, oauth.ClientCredentials, error) {
	idp := a.server.OAuth.IdentityProvider
	at := idp.TokenEndpoint
	if at == "" || a.atCompany() {
		at = idp.Issuer
	}
	client := oauth.ClientCredentials{ClientID: idp.ClientID}
	if at == "" {
		return nil, oauth.ServerMetadata{}, client, fault.New(fault.Usage, "The grant id_jag needs the company's identity provider.", "Name it: --idp-issuer URL and --idp-client-id ID.")
	}
	provider := a.m.oauthFor(a.server, at)
	m := oauth.ServerMetadata{TokenEndpoint: idp.TokenEndpoint}
	var err error
	if client.Secret, err = a.m.vault.Get(ctx, idpSecretEntry(a.server)); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return nil, m, client, err
	}
	if at == idp.Issuer {
		if m, err = provider.ServerMetadata(ctx, idp.Issuer); err != nil {
			return nil, m, client, err
		}
		client.AuthMethod = oauth.AuthMethodFor(m, !client.Secret.IsZero())
		if idp.TokenEndpoint != "" {
			m.TokenEndpoint = idp.TokenEndpoint
		}
	}
	return provider, m, client, nil
}

// signInAtCompany lets a person sign in at the company's identity provider. The
// browser waits for answer's Finish. The client there was registered by whoever
// runs it, with the callback.
func (a *Account) signInAtCompany(ctx context.Context, ui UI, callback *oauth.Callback) (*single, *oauth.Answer, error) {
	ui = a.expect(ui)
	provider, m, client, err := a.identityProvider(ctx)
	if err != nil {
		return nil, nil, err
	}
	scopes := []string{"openid"}
	if slices.Contains(m.ScopesSupported, "offline_access") {
		scopes = append(scopes, "offline_access")
	}
	auth, err := oauth.NewAuthorization(oauth.AuthorizationRequest{
		Metadata: m, Client: client, RedirectURI: callback.RedirectURI(), Scopes: scopes,
		SelectAccount: ui.SelectAccount, LoginHint: ui.LoginHint, Extra: a.extraParams(oauth.Discovery{Preset: oauth.PresetFor(m.Issuer)}),
	})
	if err != nil {
		return nil, nil, err
	}
	_, stop := a.lead(ctx, ui, callback, auth)
	defer stop()
	answer, err := callback.Wait(ctx, auth)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fault.Wrap(err, fault.SignInTimeout, fmt.Sprintf("Nobody finished the sign-in to %s in time.", a.Name()), a.signInCommand())
		}
		return nil, nil, err
	}
	tokens, err := a.insist(ctx, func(ctx context.Context) (oauth.Tokens, error) {
		return provider.Exchange(ctx, answer.Authorization, answer.Code)
	})
	if err == nil {
		err = checkIDToken(tokens.ID, m.Issuer, client.ClientID)
	}
	if err != nil {
		notSignedIn(answer, err)
		return nil, nil, err
	}
	return &single{ID: tokens.ID, Refresh: tokens.Refresh, RevocationEndpoint: m.RevocationEndpoint}, answer, nil
}

// checkIDToken refuses what is no ID token of the issuer for the client (OpenID
// Connect Core §3.1.3.7; it came over TLS from the token endpoint, so its
// signature need not be looked at).
func checkIDToken(raw secret.String, issuer, client string) error {
	d := decode(raw)
	switch {
	case raw.IsZero() || d == nil:
		return fault.New(fault.Refused, fmt.Sprintf("The company's identity provider %q issued no ID token.", issuer), "Ask whoever runs it to allow the scope openid for this client.")
	case d.Text("iss") != issuer || !slices.Contains(d.List("aud"), client):
		return fault.New(fault.Refused, fmt.Sprintf("The ID token of %q is from somebody else, or for another client.", issuer), "Check --idp-issuer and --idp-client-id.")
	}
	return nil
}

// idToken is the ID token to exchange: of a file or command, or of the person's
// sign-in at the company's, renewed there when it has come to its end.
func (a *Account) idToken(ctx context.Context, r *record, provider *oauth.Client, m oauth.ServerMetadata, client oauth.ClientCredentials) (secret.String, error) {
	if !a.atCompany() {
		return a.assertion(ctx, r)
	}
	sso := r.SSO
	if sso == nil {
		return secret.String{}, errNoCompany
	}
	if d := decode(sso.ID); d != nil {
		if end := d.Time("exp"); end.IsZero() || a.m.now().Add(idTokenMargin).Before(end) {
			return sso.ID, nil
		}
	}
	if sso.Refresh.IsZero() {
		return secret.String{}, errNoCompany
	}
	tokens, err := provider.Refresh(ctx, oauth.RefreshRequest{TokenEndpoint: m.TokenEndpoint, Client: client, RefreshToken: sso.Refresh})
	if err != nil && !endsSignIn(err) {
		return secret.String{}, err
	}
	next := *sso
	switch {
	case err != nil:
		next.Refresh = secret.String{} // never sent again
	case !tokens.Refresh.IsZero():
		next.Refresh = tokens.Refresh
	}
	if err == nil {
		err = checkIDToken(tokens.ID, m.Issuer, client.ClientID)
		if next.ID = tokens.ID; err != nil {
			next.ID = sso.ID // some renew access tokens only
		}
	}
	r.SSO = &next
	if keepErr := a.keepCompany(context.WithoutCancel(ctx), &next); keepErr != nil {
		return secret.String{}, keepErr
	}
	if err != nil {
		return secret.String{}, errors.Join(errNoCompany, errors.New(err.Error())) // not what TokenErrors of the server's own mean
	}
	return next.ID, nil
}

// keepCompany puts a sign-in that was renewed into the record that is stored. The
// credential's lock is held.
func (a *Account) keepCompany(ctx context.Context, sso *single) error {
	stored, err := a.read(ctx)
	if err != nil || stored == nil {
		return err
	}
	stored.SSO = sso
	return a.keepRotated(ctx, stored)
}

// revokeCompany ends the sign-in at the company's, as far as it was made for this
// credential. What the provider cannot be told is an error for the log alone: the
// person may have signed out there already.
func (a *Account) revokeCompany(ctx context.Context, r *record) {
	sso := r.company()
	if sso == nil || sso.Refresh.IsZero() || sso.RevocationEndpoint == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, revokeLimit)
	defer cancel()
	provider, _, client, err := a.identityProvider(ctx)
	if err == nil {
		err = provider.Revoke(ctx, oauth.RevokeRequest{Endpoint: sso.RevocationEndpoint, Client: client, Token: sso.Refresh, Hint: "refresh_token"})
	}
	if err != nil {
		a.m.log.Warn("the company's identity provider could not be told", "key", a.key, "error", err)
	}
}

// signInByCompany is a sign-in whose browser part is at the company's identity
// provider; the last page says how all of it went.
func (a *Account) signInByCompany(ctx context.Context, ui UI) error {
	if _, err := a.prepare(ctx, nil); errors.Is(err, ErrOpen) { // before a person is troubled
		return errors.Join(err, a.noteOpen(ctx))
	} else if err != nil {
		return err
	}
	callback, err := a.listen(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = callback.Close() }()
	sso, answer, err := a.signInAtCompany(ctx, ui, callback)
	if err != nil {
		return err
	}
	if err := a.signInUnattended(ctx, sso); err != nil {
		notSignedIn(answer, err)
		return err
	}
	a.signedInPage(answer)
	return nil
}

// notSignedIn is the browser's last page of a sign-in that came to nothing.
func notSignedIn(answer *oauth.Answer, err error) {
	p := fault.Public(err)
	answer.Finish(oauth.Page{Title: "Not signed in", Text: strings.TrimSpace(p.What + " " + p.Next)})
}
