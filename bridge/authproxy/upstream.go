package authproxy

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
)

// UpstreamConfig is the identity provider and the bridge as it knows it.
type UpstreamConfig struct {
	Client   *oauth.Client
	Issuer   string
	ClientID string
	// Secret is the client's; zero for a public client.
	Secret secret.String
	// Resource is sent as RFC 8707 wants it; "" sends none, since most identity
	// providers that register nobody do not know it.
	Resource string
	// Scopes are asked for beside those that a client asks for.
	Scopes []string
	// Params are parameters that the provider wants in the authorization request.
	Params url.Values
	// IDToken hands out the ID token as the access token, for a provider whose
	// access tokens are opaque and only its own.
	IDToken bool
	Now     func() time.Time
}

// Upstream asks the identity provider. Make it with NewUpstream.
type Upstream struct {
	cfg    UpstreamConfig
	preset oauth.Preset

	mu   sync.Mutex
	have oauth.ServerMetadata
	at   time.Time
}

// metadataTime is how long the provider's metadata is believed.
const metadataTime = 10 * time.Minute

// NewUpstream makes an Upstream.
func NewUpstream(c UpstreamConfig) *Upstream {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Upstream{cfg: c, preset: oauth.PresetFor(c.Issuer)}
}

// metadata is asked for outside the lock, so that one who waits for a provider
// that is away holds up nobody who needs it later.
func (u *Upstream) metadata(ctx context.Context) (oauth.ServerMetadata, error) {
	u.mu.Lock()
	have, at := u.have, u.at
	u.mu.Unlock()
	if have.Issuer != "" && u.cfg.Now().Sub(at) < metadataTime {
		return have, nil
	}
	m, err := u.cfg.Client.ServerMetadata(ctx, u.cfg.Issuer)
	if err != nil {
		return m, fmt.Errorf("metadata of the identity provider: %w", err)
	}
	u.mu.Lock()
	u.have, u.at = m, u.cfg.Now()
	u.mu.Unlock()
	return m, nil
}

func (u *Upstream) credentials(m oauth.ServerMetadata) oauth.ClientCredentials {
	return oauth.ClientCredentials{ClientID: u.cfg.ClientID, Secret: u.cfg.Secret, AuthMethod: oauth.AuthMethodFor(m, !u.cfg.Secret.IsZero())}
}

// offline is how clients ask for a refresh token, whoever is behind; a provider
// that does not know it refuses all.
const offline = "offline_access"

// begin is where a browser goes to sign in.
func (u *Upstream) begin(ctx context.Context, callback string, state, verifier secret.String, scopes []string) (string, error) {
	m, err := u.metadata(ctx)
	if err != nil {
		return "", err
	}
	extra := url.Values{}
	for name, value := range u.preset.Authorize {
		extra.Set(name, value)
	}
	for name, values := range u.cfg.Params {
		extra[name] = values
	}
	if m.ScopesSupported != nil && !slices.Contains(m.ScopesSupported, offline) && !slices.Contains(u.cfg.Scopes, offline) {
		scopes = slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == offline })
	}
	a, err := oauth.NewAuthorization(oauth.AuthorizationRequest{
		Metadata: m, Client: u.credentials(m), RedirectURI: callback, Resource: u.cfg.Resource,
		Scopes: scopes, Extra: extra, State: state, Verifier: verifier,
	})
	if err != nil {
		return "", fmt.Errorf("authorization request: %w", err)
	}
	return a.URL, nil
}

// checkIssuer is RFC 9207 §2.4 as MCP sharpens it.
func (u *Upstream) checkIssuer(ctx context.Context, iss []string) error {
	m, err := u.metadata(ctx)
	switch {
	case err != nil:
		return err
	case len(iss) == 0 && !m.AuthorizationResponseIssParameterSupported, len(iss) == 1 && iss[0] == m.Issuer:
		return nil
	}
	return errors.New("the answer does not come from the identity provider")
}

// redeem gets the tokens for a code of the provider.
func (u *Upstream) redeem(ctx context.Context, callback string, code, verifier secret.String) (oauth.Tokens, error) {
	m, err := u.metadata(ctx)
	if err != nil {
		return oauth.Tokens{}, err
	}
	t, err := u.cfg.Client.Redeem(ctx, oauth.CodeRequest{
		TokenEndpoint: m.TokenEndpoint, Client: u.credentials(m), Code: code, Verifier: verifier, RedirectURI: callback, Resource: u.cfg.Resource,
	})
	if err != nil {
		return t, fmt.Errorf("redeem the code: %w", err)
	}
	return u.chosen(t)
}

// refresh is sent once: a provider that rotates takes a second one for theft.
func (u *Upstream) refresh(ctx context.Context, token secret.String, scopes []string) (oauth.Tokens, error) {
	m, err := u.metadata(ctx)
	if err != nil {
		return oauth.Tokens{}, err
	}
	t, err := u.cfg.Client.Refresh(ctx, oauth.RefreshRequest{
		TokenEndpoint: m.TokenEndpoint, Client: u.credentials(m), RefreshToken: token, Resource: u.cfg.Resource, Scopes: scopes,
	})
	if err != nil {
		return t, fmt.Errorf("refresh: %w", err)
	}
	return u.chosen(t)
}

// chosen puts the token that counts here in the place of the access token.
func (u *Upstream) chosen(t oauth.Tokens) (oauth.Tokens, error) {
	if !u.cfg.IDToken {
		return t, nil
	}
	if t.ID.IsZero() {
		return t, errors.New("the identity provider gave no ID token: is openid among the scopes?")
	}
	t.Access, t.ExpiresIn = t.ID, 0
	return t, nil
}

// scopes are those of a request for the provider: a client's, and the bridge's own.
func (u *Upstream) scopes(asked []string) []string {
	all := slices.Clone(u.cfg.Scopes)
	for _, s := range asked {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// host is where people sign in, in words for them.
func (u *Upstream) host() string {
	at, err := url.Parse(u.cfg.Issuer)
	if err != nil {
		return u.cfg.Issuer
	}
	return at.Host
}
