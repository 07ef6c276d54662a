package oauth

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"drawbridge/bridge/fault"
)

// ServerMetadata is what an authorization server says about itself (RFC 8414
// §2, OpenID Connect Discovery §3). Discover checks that the endpoints are
// https (or loopback) URLs and that PKCE with S256 is there.
type ServerMetadata struct {
	// URL is where the document was found.
	URL string
	// Issuer is the identifier, byte for byte; compare it with == only.
	Issuer string
	// Endpoints; "" when absent. The first two are always there.
	AuthorizationEndpoint, TokenEndpoint, RegistrationEndpoint, RevocationEndpoint,
	IntrospectionEndpoint, UserinfoEndpoint, JWKSURI string
	// DeviceAuthorizationEndpoint is that of RFC 8628; "" when absent.
	DeviceAuthorizationEndpoint                                         string
	ScopesSupported, CodeChallengeMethodsSupported, GrantTypesSupported []string
	// TokenEndpointAuthMethodsSupported is nil when the server does not say.
	TokenEndpointAuthMethodsSupported []string
	// DPoPSigningAlgValuesSupported: the server binds tokens to keys (RFC 9449 §5.1).
	DPoPSigningAlgValuesSupported []string
	// ClientIDMetadataDocumentSupported: a client may be the address of a document
	// that describes it (Client ID Metadata Document, MCP 2025-11-25).
	ClientIDMetadataDocumentSupported bool
	// PKCEAssumed: S256 is used although the metadata does not promise it, by what
	// is known of the provider or on a person's word.
	PKCEAssumed bool
	// IssuerGuessed: a person gave the endpoints and no issuer.
	IssuerGuessed bool
	// Guessed: there is no metadata; the endpoints are those of MCP 2025-03-26.
	Guessed bool
	// PromptValuesSupported is nil when the server does not say which prompts it
	// knows (OpenID Connect, Initiating User Registration 1.0 §4).
	PromptValuesSupported []string
	// AuthorizationResponseIssParameterSupported: the redirect back carries `iss` (RFC 9207 §3).
	AuthorizationResponseIssParameterSupported bool
}

// serverURLs are the places for the metadata of an issuer, in order (MCP,
// authorization server discovery; RFC 8414 §3.1, §5; OpenID Discovery §4.1).
func serverURLs(issuer *url.URL) []string {
	base, path := origin(issuer), strings.TrimRight(issuer.EscapedPath(), "/")
	if path == "" {
		return []string{base + "/.well-known/oauth-authorization-server", base + "/.well-known/openid-configuration"}
	}
	return []string{
		base + "/.well-known/oauth-authorization-server" + path,
		base + "/.well-known/openid-configuration" + path,
		base + path + "/.well-known/openid-configuration",
	}
}

// serverWire is the document as it is written.
type serverWire struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	RegistrationEndpoint  string `json:"registration_endpoint"`
	RevocationEndpoint    string `json:"revocation_endpoint"`
	IntrospectionEndpoint string `json:"introspection_endpoint"`
	UserinfoEndpoint      string `json:"userinfo_endpoint"`
	JWKSURI               string `json:"jwks_uri"`
	DeviceEndpoint        string `json:"device_authorization_endpoint"`
	DPoPAlgs              list   `json:"dpop_signing_alg_values_supported"`
	Scopes                list   `json:"scopes_supported"`
	ChallengeMethods      list   `json:"code_challenge_methods_supported"`
	GrantTypes            list   `json:"grant_types_supported"`
	AuthMethods           list   `json:"token_endpoint_auth_methods_supported"`
	Prompts               list   `json:"prompt_values_supported"`
	MetadataDocument      bool   `json:"client_id_metadata_document_supported"`
	IssParameter          bool   `json:"authorization_response_iss_parameter_supported"`
}

// authorizationServer finds and checks the metadata of one issuer. accept are
// the identifiers that the document may claim. found is false when there is no
// document at all; one that must not be used is remembered in tried.
func (c *Client) authorizationServer(ctx context.Context, r reach, issuer string, accept []string, tried *attempts) (m ServerMetadata, found bool, err error) {
	u, err := c.checkURL(r, issuer)
	if err == nil && u.RawQuery != "" {
		err = fmt.Errorf("it has a query")
	}
	if err != nil {
		return m, false, fault.New(fault.BadMetadata,
			fmt.Sprintf("The server names %s as its authorization server, and that cannot be used: %s.", shown(issuer), err),
			"Tell whoever runs the server.")
	}
	for _, place := range serverURLs(u) {
		var w serverWire
		found, err := c.read(ctx, r, place, false, tried, &w)
		if err != nil {
			return m, false, err
		}
		if !found {
			continue
		}
		// Exactly: no case folding, no slash, no port (RFC 8414 §3.3, MCP). The
		// document must not be used, but another place may have the right one.
		if !slices.Contains(accept, w.Issuer) {
			tried.note(place, "another issuer")
			tried.refused(fault.New(fault.BadMetadata,
				fmt.Sprintf("The metadata at %s calls itself %s, but was looked up for %s.", shown(place), shown(w.Issuer), shown(issuer)),
				"Drawbridge does not go on, since somebody could be in between. Tell whoever runs the server: the two must be identical."))
			continue
		}
		m, err := c.checkServer(ctx, r, place, w)
		return m, err == nil, err
	}
	return m, false, nil
}

// checkServer turns the document into metadata that the other functions may use.
func (c *Client) checkServer(ctx context.Context, r reach, place string, w serverWire) (ServerMetadata, error) {
	m := ServerMetadata{
		URL: place, Issuer: w.Issuer, AuthorizationEndpoint: w.AuthorizationEndpoint, TokenEndpoint: w.TokenEndpoint,
		RegistrationEndpoint: w.RegistrationEndpoint, RevocationEndpoint: w.RevocationEndpoint,
		IntrospectionEndpoint: w.IntrospectionEndpoint, UserinfoEndpoint: w.UserinfoEndpoint, JWKSURI: w.JWKSURI,
		DeviceAuthorizationEndpoint: w.DeviceEndpoint, DPoPSigningAlgValuesSupported: w.DPoPAlgs,
		ScopesSupported: w.Scopes, CodeChallengeMethodsSupported: w.ChallengeMethods, GrantTypesSupported: w.GrantTypes,
		TokenEndpointAuthMethodsSupported: w.AuthMethods, PromptValuesSupported: w.Prompts, AuthorizationResponseIssParameterSupported: w.IssParameter,
		ClientIDMetadataDocumentSupported: w.MetadataDocument,
	}
	m.PKCEAssumed = len(m.CodeChallengeMethodsSupported) == 0 && (c.manual.AssumePKCE || PresetFor(m.Issuer).PKCE)
	for _, e := range []struct {
		name, url string
		needed    bool
	}{
		{"authorization_endpoint", m.AuthorizationEndpoint, !c.noBrowser},
		{"token_endpoint", m.TokenEndpoint, true},
		{"registration_endpoint", m.RegistrationEndpoint, false},
		{"revocation_endpoint", m.RevocationEndpoint, false},
		{"introspection_endpoint", m.IntrospectionEndpoint, false},
		{"userinfo_endpoint", m.UserinfoEndpoint, false},
		{"device_authorization_endpoint", m.DeviceAuthorizationEndpoint, false},
		{"jwks_uri", m.JWKSURI, false},
	} {
		if e.url == "" {
			if !e.needed {
				continue
			}
			return m, fault.New(fault.BadMetadata,
				fmt.Sprintf("The authorization server %s does not say where to sign in: its metadata has no %s.", shown(m.Issuer), e.name),
				"Tell whoever runs the server.")
		}
		var err error
		if e.name == "authorization_endpoint" {
			err = c.checkOpened(ctx, r, e.url)
		} else {
			_, err = c.checkTarget(ctx, r, e.url)
		}
		if err != nil {
			return m, fault.New(fault.BadMetadata,
				fmt.Sprintf("The authorization server %s gives %s as its %s, and that cannot be used: %s.", shown(m.Issuer), shown(e.url), e.name, err),
				"Tell whoever runs the server.")
		}
	}
	if c.noBrowser { // no code that could be stolen
		return m, nil
	}
	if err := checkPKCE(m); err != nil {
		return m, err
	}
	return m, nil
}

// ServerMetadata reads the metadata of an issuer that somebody named: a company's
// identity provider. Errors as for Discover.
func (c *Client) ServerMetadata(ctx context.Context, issuer string) (ServerMetadata, error) {
	ctx, cancel := context.WithTimeout(ctx, discoverTimeout)
	defer cancel()
	var tried attempts
	m, found, err := c.authorizationServer(ctx, reach{server: c.server}, issuer, []string{issuer}, &tried)
	switch {
	case err != nil:
		return m, err
	case !found && tried.refuse != nil:
		return m, tried.refuse
	case !found:
		return m, fault.New(fault.BadMetadata, fmt.Sprintf("%s publishes no metadata of an authorization server.", shown(issuer)), "Check the address of the identity provider.")
	}
	return m, nil
}

// checkPKCE refuses a server that does not say that it supports PKCE with S256
// (MCP, authorization code protection): without it a stolen code is enough.
func checkPKCE(m ServerMetadata) error {
	if m.PKCEAssumed || slices.Contains(m.CodeChallengeMethodsSupported, "S256") {
		return nil
	}
	return fault.New(fault.Unsupported,
		fmt.Sprintf("The authorization server %s does not say that it supports PKCE with S256, which MCP demands.", shown(m.Issuer)),
		"Ask whoever runs it to list it as code_challenge_methods_supported, or add --assume-pkce if you know that it does support it.")
}
