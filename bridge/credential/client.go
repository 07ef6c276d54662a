package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// clientName is what authorization servers show to the person.
const clientName = "Drawbridge"

// trusted is how long a registration is taken to be known at the server without
// a look.
const trusted = time.Hour

// registration is a client that was registered dynamically, as the vault keeps it.
type registration struct {
	ClientID        string    `json:"client_id"`
	ClientSecret    string    `json:"client_secret,omitempty"`
	AuthMethod      string    `json:"auth_method,omitempty"`
	SecretExpiresAt time.Time `json:"client_secret_expires_at,omitzero"`
	RedirectURI     string    `json:"redirect_uri"`
	RegisteredAt    time.Time `json:"registered_at,omitzero"`
}

// client finds the OAuth client for an authorization server, with a callback
// that listens already: the one that the user gave, else the one of a metadata
// document where the server takes such, else the one registered
// there before (old: it may have been forgotten there, or be refused on another
// port), else a new registration (MCP 2025-11-25, client registration).
func (a *Account) client(ctx context.Context, d oauth.Discovery) (c oauth.ClientCredentials, cb *oauth.Callback, old bool, err error) {
	if a.described(d) {
		described, err := a.document(d)
		if err != nil {
			return described, nil, false, err
		}
		callback, err := a.listen(ctx, "")
		return described, callback, false, err
	}
	if a.server.ClientID != "" {
		callback, err := a.listen(ctx, "")
		if err != nil {
			return oauth.ClientCredentials{}, nil, false, err
		}
		given, err := a.givenClient(ctx, d)
		if err != nil {
			_ = callback.Close()
		}
		return given, callback, false, err
	}
	// Two accounts that sign in at once share one registration.
	unlock, err := a.m.lockFile(ctx, registrationEntry(d.Server.Issuer)+".lock")
	if err != nil {
		return oauth.ClientCredentials{}, nil, false, err
	}
	defer unlock()
	known, err := a.registered(ctx, d.Server.Issuer)
	if err != nil {
		return oauth.ClientCredentials{}, nil, false, err
	}
	earlier := ""
	if u, err := url.Parse(known.RedirectURI); err == nil {
		earlier = u.Host
	}
	callback, err := a.listen(ctx, earlier)
	if err != nil {
		return oauth.ClientCredentials{}, nil, false, err
	}
	if known.ClientID != "" && sameCallback(known.RedirectURI, callback.RedirectURI()) {
		return known.client(), callback, a.m.now().Sub(known.RegisteredAt) > trusted || known.RedirectURI != callback.RedirectURI(), nil
	}
	fresh, err := a.register(ctx, d, callback.RedirectURI())
	if err != nil {
		_ = callback.Close()
		return oauth.ClientCredentials{}, nil, false, err
	}
	return fresh, callback, false, nil
}

// givenClient is the client that the user registered, with its secret if one
// was stored (SetClientSecret).
func (a *Account) givenClient(ctx context.Context, d oauth.Discovery) (oauth.ClientCredentials, error) {
	c := oauth.ClientCredentials{ClientID: a.server.ClientID}
	if err := a.checkHome(d); err != nil {
		return c, err
	}
	s, err := a.m.vault.Get(ctx, clientSecretEntry(a.server))
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return c, err
	}
	c.Secret = s
	c.AuthMethod = a.authMethod(d, s)
	if a.server.OAuth.PrivateKeyFile != "" {
		c.AuthMethod, c.Audience = oauth.AuthPrivateKey, d.Server.Issuer
		if c.Key, err = a.signingKey(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// SetClientSecret stores the secret of the client that the user registered
// (config.Server.ClientID). The empty secret deletes it.
func (a *Account) SetClientSecret(ctx context.Context, s secret.String) error {
	if s.IsZero() {
		return a.m.vault.Delete(ctx, clientSecretEntry(a.server))
	}
	if old, err := a.m.vault.Get(ctx, clientSecretEntry(a.server)); err == nil && old.Equal(s) {
		return nil
	}
	return a.m.vault.Set(ctx, clientSecretEntry(a.server), s)
}

// registered returns the client registered at an issuer before, or an empty one
// when there is none or its secret has run out.
func (a *Account) registered(ctx context.Context, issuer string) (registration, error) {
	return a.registeredAs(ctx, registrationEntry(issuer))
}

// registeredAs is registered by the name of the vault entry.
func (a *Account) registeredAs(ctx context.Context, entry string) (registration, error) {
	raw, err := a.m.vault.Get(ctx, entry)
	if errors.Is(err, vault.ErrNotFound) {
		return registration{}, nil
	}
	if errors.Is(err, vault.ErrDamaged) {
		a.m.log.Warn("stored registration is damaged; registering anew", "entry", entry, "error", err)
		return registration{}, nil
	}
	if err != nil {
		return registration{}, err
	}
	var r registration
	if err := json.Unmarshal([]byte(raw.Reveal()), &r); err != nil {
		a.m.log.Warn("stored registration is damaged; registering anew", "entry", entry)
		return registration{}, nil
	}
	if !r.SecretExpiresAt.IsZero() && !a.m.now().Before(r.SecretExpiresAt) {
		return registration{}, nil
	}
	return r, nil
}

func (r registration) client() oauth.ClientCredentials {
	return oauth.ClientCredentials{
		ClientID: r.ClientID, Secret: secret.New(r.ClientSecret), AuthMethod: r.AuthMethod, SecretExpiresAt: r.SecretExpiresAt,
	}
}

// forgetClient deletes a registration that the authorization server does not know
// any more: that of the client that it refused, not one that another account has
// made since.
func (a *Account) forgetClient(ctx context.Context, entry, refused string) error {
	unlock, err := a.m.lockFile(ctx, entry+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if known, err := a.registeredAs(ctx, entry); err != nil || known.ClientID != refused && known.ClientID != "" {
		return err
	}
	return a.m.vault.Delete(ctx, entry)
}

// registerInstead registers once more in place of a client that the authorization
// server has forgotten, unless another account has done so already.
func (a *Account) registerInstead(ctx context.Context, d oauth.Discovery, redirectURI, forgotten string) (oauth.ClientCredentials, error) {
	unlock, err := a.m.lockFile(ctx, registrationEntry(d.Server.Issuer)+".lock")
	if err != nil {
		return oauth.ClientCredentials{}, err
	}
	defer unlock()
	known, err := a.registered(ctx, d.Server.Issuer)
	if err == nil && known.ClientID != "" && known.ClientID != forgotten && sameCallback(known.RedirectURI, redirectURI) {
		return known.client(), nil
	}
	return a.register(ctx, d, redirectURI)
}

func (a *Account) register(ctx context.Context, d oauth.Discovery, redirectURI string) (oauth.ClientCredentials, error) {
	return a.registerAs(ctx, d, registrationEntry(d.Server.Issuer), oauth.RegistrationRequest{ClientName: clientName, RedirectURI: redirectURI, FixedPort: a.server.OAuth.Callback.Port != 0})
}

// registerAs registers a client and keeps it under the name of a vault entry.
func (a *Account) registerAs(ctx context.Context, d oauth.Discovery, entry string, r oauth.RegistrationRequest) (oauth.ClientCredentials, error) {
	c, err := a.m.oauth(a.server).Register(ctx, d.Server, r)
	if err != nil {
		return c, err
	}
	raw, err := json.Marshal(registration{
		ClientID: c.ClientID, ClientSecret: c.Secret.Reveal(), AuthMethod: c.AuthMethod,
		SecretExpiresAt: c.SecretExpiresAt, RedirectURI: r.RedirectURI, RegisteredAt: a.m.now(),
	})
	if err != nil {
		return c, fmt.Errorf("seal registration: %w", err)
	}
	return c, a.m.vault.Set(ctx, entry, secret.New(string(raw)))
}
