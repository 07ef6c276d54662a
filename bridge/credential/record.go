package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// record is what the vault keeps of one credential, and all that a refresh
// needs: no discovery stands between an expired token and a fresh one.
type record struct {
	// URL is the server that the tokens are for. A server that was given
	// another address under the same name must not get them.
	URL string

	Access  secret.String
	Refresh secret.String
	ID      secret.String

	Client   oauth.ClientCredentials
	Issuer   string
	Grant    string   // config.OAuth.Grant that it came from
	Asked    []string // the scopes that were asked for
	Given    []string // those of the settings then, of a grant without a person
	Resource string   // the value of the `resource` parameter (RFC 8707)
	Scopes   []string

	TokenEndpoint                           string
	RevocationEndpoint                      string
	JWKSURI                                 string
	IntrospectionEndpoint, UserinfoEndpoint string
	// DPoP has the key that the tokens are bound to; nil for bearer tokens.
	DPoP *oauth.Prover
	// SSO is the sign-in at the company's identity provider that the tokens come
	// from; nil without one.
	SSO *single
	// Userinfo is who signed in, by the server's word, when the tokens are opaque.
	Userinfo oauth.Identity

	IssuedAt  time.Time
	ExpiresAt time.Time // zero: unknown
}

// sealed is a record with its secrets in the open; it exists only on the way
// into and out of the vault.
type sealed struct {
	Version            int            `json:"v"`
	URL                string         `json:"url"`
	Access             string         `json:"access_token"`
	Refresh            string         `json:"refresh_token,omitempty"`
	ID                 string         `json:"id_token,omitempty"`
	ClientID           string         `json:"client_id"`
	ClientSecret       string         `json:"client_secret,omitempty"`
	AuthMethod         string         `json:"auth_method,omitempty"`
	SecretExpiresAt    time.Time      `json:"client_secret_expires_at,omitzero"`
	Issuer             string         `json:"issuer"`
	Resource           string         `json:"resource,omitempty"`
	Scopes             []string       `json:"scopes,omitempty"`
	TokenEndpoint      string         `json:"token_endpoint"`
	RevocationEndpoint string         `json:"revocation_endpoint,omitempty"`
	JWKSURI            string         `json:"jwks_uri,omitempty"`
	Introspection      string         `json:"introspection_endpoint,omitempty"`
	UserinfoAt         string         `json:"userinfo_endpoint,omitempty"`
	Userinfo           oauth.Identity `json:"userinfo,omitzero"`
	Grant              string         `json:"grant,omitempty"`
	Asked              []string       `json:"asked,omitempty"`
	Given              []string       `json:"given,omitempty"`
	DPoPKey            string         `json:"dpop_key,omitempty"`
	SSO                *sealedSingle  `json:"company,omitempty"`
	IssuedAt           time.Time      `json:"issued_at"`
	ExpiresAt          time.Time      `json:"expires_at,omitzero"`
}

const recordVersion = 1

func (r *record) seal() (secret.String, error) {
	var dpop secret.String
	if r.DPoP != nil {
		var err error
		if dpop, err = r.DPoP.Seal(); err != nil {
			return secret.String{}, err
		}
	}
	raw, err := json.Marshal(sealed{
		Version: recordVersion, URL: r.URL,
		Access: r.Access.Reveal(), Refresh: r.Refresh.Reveal(), ID: r.ID.Reveal(),
		ClientID: r.Client.ClientID, ClientSecret: r.Client.Secret.Reveal(), AuthMethod: r.Client.AuthMethod,
		SecretExpiresAt: r.Client.SecretExpiresAt, Issuer: r.Issuer, Resource: r.Resource, Scopes: r.Scopes,
		TokenEndpoint: r.TokenEndpoint, RevocationEndpoint: r.RevocationEndpoint, JWKSURI: r.JWKSURI,
		IssuedAt: r.IssuedAt, ExpiresAt: r.ExpiresAt,
		Introspection: r.IntrospectionEndpoint, UserinfoAt: r.UserinfoEndpoint, Userinfo: r.Userinfo,
		Grant: r.Grant, Asked: r.Asked, Given: r.Given, DPoPKey: dpop.Reveal(), SSO: r.SSO.seal(),
	})
	return secret.New(string(raw)), err
}

func unseal(raw secret.String) (*record, error) {
	var s sealed
	if err := json.Unmarshal([]byte(raw.Reveal()), &s); err != nil {
		return nil, errors.New("stored tokens are damaged") // not err: it may quote the value
	}
	if s.Version != recordVersion {
		return nil, fmt.Errorf("stored tokens have version %d, not %d", s.Version, recordVersion)
	}
	var dpop *oauth.Prover
	if s.DPoPKey != "" {
		var err error
		if dpop, err = oauth.OpenProver(secret.New(s.DPoPKey)); err != nil {
			return nil, err
		}
	}
	return &record{
		URL: s.URL, Access: secret.New(s.Access), Refresh: secret.New(s.Refresh), ID: secret.New(s.ID),
		Client: oauth.ClientCredentials{
			ClientID: s.ClientID, Secret: secret.New(s.ClientSecret), AuthMethod: s.AuthMethod, SecretExpiresAt: s.SecretExpiresAt,
		},
		Issuer: s.Issuer, Resource: s.Resource, Scopes: s.Scopes,
		TokenEndpoint: s.TokenEndpoint, RevocationEndpoint: s.RevocationEndpoint, JWKSURI: s.JWKSURI,
		IssuedAt: s.IssuedAt, ExpiresAt: s.ExpiresAt,
		IntrospectionEndpoint: s.Introspection, UserinfoEndpoint: s.UserinfoAt, Userinfo: s.Userinfo,
		Grant: s.Grant, Asked: s.Asked, Given: s.Given, DPoP: dpop, SSO: s.SSO.open(),
	}, nil
}

// read returns the stored record, or nil when there is none for this server.
func (a *Account) read(ctx context.Context) (*record, error) {
	raw, err := a.m.vault.Get(ctx, tokensEntry(a.key))
	if errors.Is(err, vault.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := unseal(raw)
	if err != nil {
		return nil, err
	}
	if r.URL != a.server.URL {
		return nil, nil
	}
	return r, nil
}

func (a *Account) write(ctx context.Context, r *record) error {
	raw, err := r.seal()
	if err != nil {
		return fmt.Errorf("seal tokens: %w", err)
	}
	return a.m.vault.Set(ctx, tokensEntry(a.key), raw)
}

// adopt takes an answer of the token endpoint into the record. A refresh token
// or scope that the answer leaves out stays as it was (RFC 6749 §5.1, §6).
func (r *record) adopt(t oauth.Tokens, now time.Time) {
	r.Access = t.Access
	if t.Type != "DPoP" { // a server may ignore the proof (RFC 9449 §5)
		r.DPoP = nil
	}
	if !t.Refresh.IsZero() {
		r.Refresh = t.Refresh
	}
	if !t.ID.IsZero() {
		r.ID = t.ID
	}
	if scopes := splitScope(t.Scope); len(scopes) > 0 {
		r.Scopes = scopes
	}
	r.IssuedAt = now
	r.ExpiresAt = freshExpiry(t, now)
}

// same reports whether two records hold the same tokens.
func (r *record) same(as *record) bool {
	if r == nil || as == nil {
		return r == nil && as == nil
	}
	return r.Access.Equal(as.Access) && r.Refresh.Equal(as.Refresh)
}

// usable reports whether the access token lives longer than margin.
func (r *record) usable(now time.Time, margin time.Duration) bool {
	return r != nil && !r.Access.IsZero() && (r.ExpiresAt.IsZero() || now.Add(margin).Before(r.ExpiresAt))
}

// margin is how long before its end a token is renewed: a fifth of its life, at
// most a minute. A five-second token is then used for four calls of five.
func (r *record) margin() time.Duration {
	if r.ExpiresAt.IsZero() {
		return 0
	}
	return margin(r.ExpiresAt.Sub(r.IssuedAt))
}

func margin(life time.Duration) time.Duration { return min(max(life, 0)/5, time.Minute) }
