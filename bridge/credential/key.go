package credential

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"drawbridge/bridge/config"
)

// Key identifies a credential: it names its vault entries, its facts and its
// locks, and is fit for a file name. A named server's is name@account; an
// unnamed one's is made from its URL and the options that change what is signed
// in to, so that several processes with the same options share one. The account
// "" is the default one.
func Key(s config.Server, account string) string {
	if account == "" {
		account = config.DefaultAccount
	}
	account = strings.ToLower(account)
	if s.Name != "" {
		return strings.ToLower(s.Name) + "@" + account
	}
	scopes := slices.Sorted(slices.Values(s.Scopes))
	parts := []any{s.URL, s.ClientID, slices.Compact(scopes)}
	// What changes who is signed in to what; how a client shows who it is, where
	// the browser comes back to and how is connected do not.
	what := config.OAuth{
		ClientMetadataURL: s.OAuth.ClientMetadataURL, Grant: s.OAuth.Grant, Resource: s.OAuth.Resource, NoResource: s.OAuth.NoResource,
		AuthorizeParams: s.OAuth.AuthorizeParams, Endpoints: s.OAuth.Endpoints,
		Assertion: s.OAuth.Assertion, IdentityProvider: s.OAuth.IdentityProvider,
	}
	if what.Grant == config.AuthorizationCode {
		what.Grant = ""
	}
	if options, _ := json.Marshal(what); string(options) != "{}" { // else as it was before there were such options
		parts = append(parts, json.RawMessage(options))
	}
	raw, _ := json.Marshal(parts) // strings always marshal
	sum := sha256.Sum256(raw)
	return "url-" + hex.EncodeToString(sum[:10]) + "@" + account
}

// tokensEntry, clientSecretEntry and registrationEntry name vault entries.
func tokensEntry(key string) string { return key + "/tokens" }

// clientSecretEntry: the client is one, however many people use it.
func clientSecretEntry(s config.Server) string {
	return Key(s, config.DefaultAccount) + "/client-secret"
}

// idpSecretEntry is the client secret at the company's identity provider.
func idpSecretEntry(s config.Server) string {
	return Key(s, config.DefaultAccount) + "/idp-secret"
}

// deviceEntry is the client registered for sign-ins on another device: it is
// another one, since its grants are.
func deviceEntry(issuer string) string { return registrationEntry(issuer) + "-device" }

// registrationEntry: a registered client belongs to an authorization server,
// not to a resource (MCP 2026-07-28, authorization: credentials keyed by issuer).
func registrationEntry(issuer string) string {
	sum := sha256.Sum256([]byte(issuer))
	return "client-" + hex.EncodeToString(sum[:10])
}
