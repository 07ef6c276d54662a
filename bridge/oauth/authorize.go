package oauth

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// AuthorizationRequest is what an authorization is made of.
type AuthorizationRequest struct {
	// Metadata as Discover returned it.
	Metadata ServerMetadata
	Client   ClientCredentials
	// RedirectURI is the callback's; it must listen already.
	RedirectURI string
	// Resource is Discovery.ResourceIndicator.
	Resource string
	// Scopes to ask for; empty sends no scope.
	Scopes []string
	// SelectAccount lets the person choose who signs in, although the browser
	// may be signed in there as somebody already.
	SelectAccount bool
	// LoginHint is who is expected to sign in, an e-mail address; "" for anybody.
	LoginHint string
	// Extra parameters that the server wants (access_type, audience). They
	// cannot replace one that the protocol sets.
	Extra url.Values
	// DPoP has the key that the tokens shall be bound to; nil asks for bearer
	// tokens.
	DPoP *Prover
	// State and Verifier are for who has to know them before, or elsewhere, again;
	// zero makes fresh ones.
	State, Verifier secret.String
}

// Authorization is one attempt to sign in: what the browser is sent to, and what
// the answer must fit. It is for one use.
type Authorization struct {
	// URL is for the browser. It holds the state and the code challenge, but
	// nothing that lets anybody else finish the sign-in.
	URL string
	// State ties the answer to this attempt; Verifier redeems the code (RFC 7636).
	State, Verifier secret.String
	// Issuer is that of the validated metadata, recorded before the browser
	// opens (RFC 9207, MCP).
	Issuer string
	// RedirectURI, Resource and Scopes as sent.
	RedirectURI, Resource string
	Scopes                []string

	client        ClientCredentials
	tokenEndpoint string
	issRequired   bool
	issuerGuessed bool
	dpop          *Prover
	// instead is asked when the server knows no prompt=select_account; or nil.
	instead *Authorization
}

// maxAddress is how long the address for a browser may be, in bytes: programs
// that open one get it as an argument, and servers stop reading at 8 to 16 KiB.
const maxAddress = 16 << 10

// ours are the parameters that Extra must not touch.
var ours = []string{
	"response_type", "response_mode", "client_id", "redirect_uri", "state", "scope", "resource",
	"code_challenge", "code_challenge_method", "request", "request_uri", "dpop_jkt",
}

// NewAuthorization makes the authorization URL (RFC 6749 §4.1.1) with PKCE S256,
// a fresh state, and `resource`. Its errors are *fault.Error.
func NewAuthorization(r AuthorizationRequest) (*Authorization, error) {
	if err := checkPKCE(r.Metadata); err != nil {
		return nil, err
	}
	if u, err := url.Parse(r.Metadata.AuthorizationEndpoint); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return nil, fault.New(fault.BadMetadata,
			fmt.Sprintf("The authorization server %s gives no usable address for the browser.", shown(r.Metadata.Issuer)), "Tell whoever runs the server.")
	}
	verifier, state := oauth2.GenerateVerifier(), rand.Text()
	if !r.Verifier.IsZero() {
		verifier = r.Verifier.Reveal()
	}
	if !r.State.IsZero() {
		state = r.State.Reveal()
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier)}
	if r.Resource != "" {
		options = append(options, oauth2.SetAuthURLParam("resource", r.Resource))
	}
	if r.DPoP != nil { // the code is good for the holder of the key only (RFC 9449 §10)
		options = append(options, oauth2.SetAuthURLParam("dpop_jkt", r.DPoP.Thumbprint()))
	}
	if prompt := r.prompt(); prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", prompt))
	}
	if r.LoginHint != "" && !r.Extra.Has("login_hint") {
		options = append(options, oauth2.SetAuthURLParam("login_hint", r.LoginHint))
	}
	instead, err := r.instead()
	if err != nil {
		return nil, err
	}
	for name := range r.Extra {
		if slices.Contains(ours, name) {
			return nil, fault.New(fault.Usage, fmt.Sprintf("The parameter %q of the authorization request cannot be set by hand.", name), "Leave it out.")
		}
		options = append(options, oauth2.SetAuthURLParam(name, r.Extra.Get(name)))
	}
	config := oauth2.Config{
		ClientID: r.Client.ClientID, RedirectURL: r.RedirectURI, Scopes: r.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: r.Metadata.AuthorizationEndpoint},
	}
	address := config.AuthCodeURL(state, options...)
	if len(address) > maxAddress {
		return nil, fault.New(fault.BadMetadata,
			fmt.Sprintf("The sign-in page's address would have %d characters, more than a browser or a server takes: %d scopes are asked for.", len(address), len(r.Scopes)),
			"Name those that you need with --scope; tell whoever runs the server.")
	}
	return &Authorization{
		URL: address, State: secret.New(state), Verifier: secret.New(verifier),
		Issuer: r.Metadata.Issuer, RedirectURI: r.RedirectURI, Resource: r.Resource, Scopes: slices.Clone(r.Scopes),
		client: r.Client, tokenEndpoint: r.Metadata.TokenEndpoint,
		issRequired: r.Metadata.AuthorizationResponseIssParameterSupported, issuerGuessed: r.Metadata.IssuerGuessed, instead: instead, dpop: r.DPoP,
	}, nil
}

// prompt is the value of that parameter (OpenID Connect Core §3.1.2.1), "" for
// none. What Extra says counts alone.
func (r AuthorizationRequest) prompt() string {
	var values []string
	// OpenID Connect Core §11: offline_access without consent is ignored.
	if slices.Contains(r.Scopes, "offline_access") && !PresetFor(r.Metadata.Issuer).NoConsent {
		values = append(values, "consent")
	}
	if r.SelectAccount {
		// A server that cannot let anybody choose may still ask who it is.
		for _, value := range []string{"select_account", "login"} {
			if known := r.Metadata.PromptValuesSupported; known == nil || slices.Contains(known, value) {
				values = append(values, value)
				break
			}
		}
	}
	if r.Extra.Has("prompt") {
		return ""
	}
	return strings.Join(values, " ")
}

// instead is the authorization for a server that refuses select_account. Few
// servers list the prompts that they know, and not all know this one.
func (r AuthorizationRequest) instead() (*Authorization, error) {
	if !r.SelectAccount || r.Metadata.PromptValuesSupported != nil || r.Extra.Has("prompt") {
		return nil, nil
	}
	r.Metadata.PromptValuesSupported = []string{"login"}
	return NewAuthorization(r)
}

// refusesPrompt reports whether the answer may mean that the prompt is not known.
func (a *Authorization) refusesPrompt(q url.Values) bool {
	return a.instead != nil && q.Get("error") == "invalid_request" && a.checkIssuer(q["iss"]) == nil
}

// answer judges the parameters of a redirect back whose state fits. Nothing in
// them is believed, and no error text shown, before the issuer is checked.
func (a *Authorization) answer(q url.Values) (secret.String, error) {
	if err := a.checkIssuer(q["iss"]); err != nil {
		return secret.String{}, err
	}
	code, codes := q.Get("error"), q["code"]
	host := shown(a.Issuer)
	switch {
	case len(q["error"]) > 1 || len(codes) > 1:
		return secret.String{}, fault.New(fault.Refused, fmt.Sprintf("The answer of %s makes no sense: a parameter is there twice.", host), "Sign in again.")
	case code != "":
		return secret.String{}, authorizationFault(a.Issuer, code, q.Get("error_description"))
	case len(codes) == 0 || codes[0] == "":
		return secret.String{}, fault.New(fault.Refused, fmt.Sprintf("The answer of %s has neither a code nor an error.", host), "Sign in again; if it lasts, tell whoever runs the server.")
	}
	return secret.New(codes[0]), nil
}

// checkIssuer is RFC 9207 §2.4 as MCP sharpens it: plain string comparison, also
// of an `iss` that was never announced; one that was announced must be there.
func (a *Authorization) checkIssuer(iss []string) error {
	switch {
	case len(iss) == 0 && !a.issRequired:
		return nil
	case len(iss) == 0:
		return fault.New(fault.Refused,
			fmt.Sprintf("The answer does not say that it comes from %s, although that server promises it.", shown(a.Issuer)),
			"Drawbridge did not go on, since somebody could be in between. Sign in again; if it lasts, tell whoever runs the server.")
	case len(iss) == 1 && iss[0] == a.Issuer:
		return nil
	}
	next := "Sign in again; if it lasts, tell whoever runs the server."
	if a.issuerGuessed {
		next = "If that is the issuer of the endpoints that you gave, give it, too, as --issuer."
	}
	return fault.New(fault.Refused,
		fmt.Sprintf("The answer says that it comes from %s, but the sign-in began at %s.", shown(iss[0]), shown(a.Issuer)),
		"Drawbridge did not go on, since somebody could be in between. "+next)
}

// authorizationFault puts an error response (RFC 6749 §4.1.2.1) into words.
func authorizationFault(issuer, code, description string) error {
	cause := &TokenError{Code: plain(code), Description: plain(description)}
	host := shown(issuer)
	switch code {
	case "access_denied":
		return fault.Wrap(cause, fault.SignInRefused, fmt.Sprintf("The sign-in was declined at %s.", host), "Sign in again if that was not meant.")
	case "temporarily_unavailable", "server_error":
		return fault.Wrap(cause, fault.Unreachable, fmt.Sprintf("%s cannot sign anybody in at the moment.", host), "Try again later.")
	case "invalid_scope":
		return fault.Wrap(cause, fault.Refused, fmt.Sprintf("%s does not grant the scopes that were asked for.", host), "Name others with --scope.")
	case "invalid_target":
		return fault.Wrap(cause, fault.Refused, fmt.Sprintf("%s issues no tokens for this server.", host), unknownResource)
	}
	why := ""
	if codeForm(code) {
		why = " (" + code + ")"
	}
	return fault.Wrap(cause, fault.Refused, fmt.Sprintf("%s ended the sign-in%s.", host, why), "Sign in again; if it lasts, tell whoever runs the server.")
}
