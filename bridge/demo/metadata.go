package demo

import (
	"net/http"
	"slices"
	"strings"
)

// Scopes that can be asked for.
const (
	scopeMCP     = "mcp"
	scopeOpenID  = "openid"
	scopeOffline = "offline_access"
)

// scope is a scope and what the sign-in page says of it.
type scope struct{ name, meaning string }

// allScopes in the order of the page.
func allScopes() []scope {
	return []scope{
		// Every access token names its person, whatever else was asked for.
		{scopeMCP, "Use the demo server as you, with your name and e-mail address"},
		{scopeOpenID, "Know who you are"},
		{"profile", "See your name itself"},
		{"email", "See your e-mail address itself"},
		{scopeOffline, "Stay signed in while you are away"},
	}
}

func scopeNames() []string {
	var names []string
	for _, s := range allScopes() {
		names = append(names, s.name)
	}
	return names
}

// parseScope splits a scope parameter, each scope once; ok is false when one is
// not known here. An empty one asks for the MCP server alone.
func parseScope(value string) (scopes []string, ok bool) {
	known := scopeNames()
	for s := range strings.SplitSeq(value, " ") {
		switch {
		case s == "" || slices.Contains(scopes, s):
		case !slices.Contains(known, s):
			return nil, false
		default:
			scopes = append(scopes, s)
		}
	}
	if len(scopes) == 0 {
		scopes = []string{scopeMCP}
	}
	return scopes, true
}

// serverMetadata serves RFC 8414 §3 metadata.
func (d *Demo) serverMetadata(w http.ResponseWriter, _ *http.Request) {
	issuer := d.Issuer()
	methods := []string{authNone, authBasic, authPost}
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                         issuer,
		"authorization_endpoint":                         issuer + "/authorize",
		"token_endpoint":                                 issuer + "/token",
		"registration_endpoint":                          issuer + "/register",
		"revocation_endpoint":                            issuer + "/revoke",
		"jwks_uri":                                       issuer + "/jwks",
		"scopes_supported":                               scopeNames(),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{grantCode, grantRefresh},
		"token_endpoint_auth_methods_supported":          methods,
		"revocation_endpoint_auth_methods_supported":     methods,
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
		"id_token_signing_alg_values_supported":          []string{"ES256"},
	})
}

// resourceMetadataURL is where resourceMetadata is served: the well-known name
// inserted before the path of the resource (RFC 9728 §3.1).
func (d *Demo) resourceMetadataURL() string {
	return d.Issuer() + "/.well-known/oauth-protected-resource/mcp"
}

// resourceMetadata serves RFC 9728 §2 metadata.
func (d *Demo) resourceMetadata(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"resource":                 d.URL(),
		"authorization_servers":    []string{d.Issuer()},
		"scopes_supported":         []string{scopeMCP},
		"bearer_methods_supported": []string{"header"},
		"resource_name":            "Drawbridge demo",
	})
}
