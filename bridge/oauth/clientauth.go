package oauth

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// The ways in which a client shows who it is at the token endpoint (RFC 7591
// §2, OpenID Connect Core §9).
const (
	AuthNone       = "none"
	AuthBasic      = "client_secret_basic"
	AuthPost       = "client_secret_post"
	AuthPrivateKey = "private_key_jwt"
)

// ClientCredentials is an OAuth client as one authorization server knows it.
// It must never be used with another issuer.
type ClientCredentials struct {
	ClientID string
	Secret   secret.String
	// AuthMethod is AuthNone, AuthBasic, AuthPost or AuthPrivateKey; "" means
	// AuthPrivateKey with a key, else AuthBasic with a secret, else AuthNone.
	AuthMethod string
	// SecretExpiresAt is zero when the secret does not expire.
	SecretExpiresAt time.Time
	// Key signs for AuthPrivateKey; Audience is the issuer that it signs for.
	Key      *SigningKey
	Audience string
}

// AuthMethodFor chooses how a client that a person registered shows who it is:
// by the server's metadata, not by preference.
func AuthMethodFor(m ServerMetadata, hasSecret bool) string {
	return chooseAuthMethod("", hasSecret, m.TokenEndpointAuthMethodsSupported)
}

// chooseAuthMethod decides between what the registration answer says and what
// the metadata says: some servers register `none` and then refuse it, so the
// answer counts only when the metadata does not contradict it.
func chooseAuthMethod(registered string, hasSecret bool, supported []string) string {
	if !hasSecret {
		return AuthNone
	}
	fits := func(method string) bool { return len(supported) == 0 || slices.Contains(supported, method) }
	if (registered == AuthBasic || registered == AuthPost || registered == AuthNone) && fits(registered) {
		return registered
	}
	if len(supported) == 0 { // RFC 7591 §2, RFC 8414 §2: the default
		return AuthBasic
	}
	for _, method := range []string{AuthBasic, AuthPost, AuthNone} {
		if fits(method) {
			return method
		}
	}
	return AuthBasic
}

// authenticate puts the client's credentials into a request to the token,
// revocation or introspection endpoint; never in two ways at once (RFC 6749
// §2.3). It fails only when an assertion cannot be signed.
func (cc ClientCredentials) authenticate(form url.Values, header http.Header) error {
	method := cc.AuthMethod
	switch {
	case method != "":
	case cc.Key != nil:
		method = AuthPrivateKey
	default:
		method = chooseAuthMethod("", !cc.Secret.IsZero(), nil)
	}
	switch {
	case method == AuthPrivateKey:
		if cc.Key == nil {
			return fault.New(fault.Usage, "This client shows who it is by a private key, and there is none.", "Name its file: --private-key-file FILE")
		}
		signed, err := cc.Key.assertion(cc.ClientID, cc.Audience, time.Now())
		if err != nil {
			return fmt.Errorf("sign the client assertion: %w", err)
		}
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", signed)
	case cc.ClientID == "": // an assertion alone says who it is
	case method == AuthBasic && !cc.Secret.IsZero():
		// RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
		req := http.Request{Header: header}
		req.SetBasicAuth(url.QueryEscape(cc.ClientID), url.QueryEscape(cc.Secret.Reveal()))
	case method == AuthPost && !cc.Secret.IsZero():
		form.Set("client_id", cc.ClientID)
		form.Set("client_secret", cc.Secret.Reveal())
	default:
		form.Set("client_id", cc.ClientID)
	}
	return nil
}
