package config

import (
	"fmt"
	"strings"

	"drawbridge/bridge/fault"
)

// Assertion says where a JWT comes from that somebody else issues: the identity
// of a workload (JWTBearer), or a person's ID token at the company's identity
// provider (IDJAG), which else comes of a sign-in there. It is got anew for each token.
type Assertion struct {
	// File holds the JWT and is kept fresh by somebody, as Kubernetes does.
	File string `json:"file,omitempty"`
	// Command prints the JWT: a program and its arguments, run without a shell.
	Command []string `json:"command,omitempty"`
}

// IdentityProvider is the company's own (IDJAG). Its client secret is in the vault.
type IdentityProvider struct {
	// Issuer leads to its metadata; TokenEndpoint spares looking there.
	Issuer        string `json:"issuer,omitempty"`
	TokenEndpoint string `json:"tokenEndpoint,omitempty"`
	// ClientID is the client there, which is another than at the MCP server's
	// authorization server.
	ClientID string `json:"clientId,omitempty"`
}

// What OAuth.DPoP can be besides "".
const (
	DPoPAlways = "always"
	DPoPNever  = "never"
)

// checkGrant validates what the grants without a browser need.
func (o OAuth) checkGrant(allowHTTP bool) error {
	switch o.DPoP {
	case "", DPoPAlways, DPoPNever:
	default:
		return fault.New(fault.Usage, fmt.Sprintf("%q is nothing that --dpop can be.", o.DPoP), "Use auto, always or never.")
	}
	if o.Assertion.File != "" && len(o.Assertion.Command) > 0 {
		return fault.New(fault.Usage, "--assertion-file and --assertion-command contradict each other.", "Give one of them.")
	}
	given := o.Assertion.File != "" || len(o.Assertion.Command) > 0
	wants := o.Grant == JWTBearer || o.Grant == IDJAG
	switch {
	case o.Grant == IDJAG && !given && (o.IdentityProvider.Issuer == "" || o.IdentityProvider.ClientID == ""):
		return fault.New(fault.Usage, "--grant id_jag needs the company's identity provider.",
			"Name it, and the client there, to sign in in the browser: --idp-issuer URL --idp-client-id ID. Or say where the ID token comes from: --assertion-file FILE.")
	case o.Grant == JWTBearer && !given:
		return fault.New(fault.Usage, fmt.Sprintf("--grant %s needs a JWT.", o.Grant), "Say where it comes from: --assertion-file FILE or --assertion-command 'PROGRAM ARGUMENT…'.")
	case given && !wants:
		return fault.New(fault.Usage, "--assertion-file and --assertion-command go with --grant jwt_bearer or id_jag.", "Give one of these grants, too.")
	}
	idp := o.IdentityProvider
	if o.Grant == IDJAG && idp.Issuer == "" && idp.TokenEndpoint == "" {
		return fault.New(fault.Usage, "--grant id_jag needs the company's identity provider.", "Name it: --idp-issuer URL and --idp-client-id ID.")
	}
	for option, value := range map[string]string{"idp-issuer": idp.Issuer, "idp-token-endpoint": idp.TokenEndpoint} {
		if value == "" {
			continue
		}
		if err := CheckURL(value, allowHTTP); err != nil {
			return fault.Wrap(err, fault.Usage, fmt.Sprintf("--%s: %s", option, fault.Public(err).What), "Give its full https address.")
		}
	}
	return nil
}

// Words splits a command line at its white space: there is no quoting, for there
// is no shell.
func Words(command string) []string { return strings.Fields(command) }
