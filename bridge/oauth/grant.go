package oauth

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// Grants without a person, and what they are called.
const (
	grantClientCredentials = "client_credentials"
	grantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange"

	typeAccess = "urn:ietf:params:oauth:token-type:access_token"
	typeJWT    = "urn:ietf:params:oauth:token-type:jwt"
	typeIDJAG  = "urn:ietf:params:oauth:token-type:id-jag"
	typeID     = "urn:ietf:params:oauth:token-type:id_token"
)

// GrantRequest is what a token request without a person is made of.
type GrantRequest struct {
	TokenEndpoint string
	Client        ClientCredentials
	// Resource is Discovery.ResourceIndicator.
	Resource string
	// Scopes to ask for; empty sends none.
	Scopes []string
	// DPoP binds the token to a key; nil asks for a bearer token.
	DPoP *Prover
}

func (r GrantRequest) form(grant string) url.Values {
	form := url.Values{"grant_type": {grant}}
	if r.Resource != "" {
		form.Set("resource", r.Resource)
	}
	if len(r.Scopes) > 0 {
		form.Set("scope", strings.Join(r.Scopes, " "))
	}
	return form
}

// ClientCredentials gets a token for the client itself (RFC 6749 §4.4; MCP
// extension OAuth Client Credentials). Errors as for Exchange.
func (c *Client) ClientCredentials(ctx context.Context, r GrantRequest) (Tokens, error) {
	return c.token(ctx, tokenRequest{endpoint: r.TokenEndpoint, client: r.Client, form: r.form(grantClientCredentials), dpop: r.DPoP})
}

// JWTBearer gets a token for an assertion that somebody else has signed (RFC
// 7523 §2.1): an ID-JAG, or the identity of a workload. Errors as for Exchange.
func (c *Client) JWTBearer(ctx context.Context, r GrantRequest, assertion secret.String) (Tokens, error) {
	form := r.form(grantJWTBearer)
	form.Set("assertion", assertion.Reveal())
	return c.token(ctx, tokenRequest{endpoint: r.TokenEndpoint, client: r.Client, form: form, dpop: r.DPoP, sent: []secret.String{assertion}})
}

// AssertionRequest asks a company's identity provider for an assertion that
// another authorization server takes.
type AssertionRequest struct {
	// TokenEndpoint and Client are those at the identity provider.
	TokenEndpoint string
	Client        ClientCredentials
	// IDToken shows who the person is: the company's single sign-on gave it.
	IDToken secret.String
	// Audience is the issuer of the MCP server's authorization server, Resource
	// the MCP server itself.
	Audience, Resource string
	Scopes             []string
}

// IdentityAssertion exchanges an ID token for an ID-JAG (RFC 8693; MCP extension
// Enterprise-Managed Authorization). Errors as for Exchange; Unsupported when
// the answer is a token of another kind.
func (c *Client) IdentityAssertion(ctx context.Context, r AssertionRequest) (secret.String, error) {
	form := url.Values{
		"grant_type":           {grantTokenExchange},
		"requested_token_type": {typeIDJAG},
		"audience":             {r.Audience},
		"subject_token":        {r.IDToken.Reveal()},
		"subject_token_type":   {typeID},
	}
	if r.Resource != "" {
		form.Set("resource", r.Resource)
	}
	if len(r.Scopes) > 0 {
		form.Set("scope", strings.Join(r.Scopes, " "))
	}
	doc, err := c.post(ctx, r.TokenEndpoint, r.Client, form, nil)
	if err != nil {
		return secret.String{}, err
	}
	values := members(doc)
	if !doc.ok() || values["error"] != "" {
		return secret.String{}, tokenFault(r.TokenEndpoint, "exchange the ID token", newTokenError(doc, values, r.IDToken, r.Client.Secret))
	}
	assertion := secret.New(values["access_token"]) // by that name whatever it is (RFC 8693 §2.2.1)
	if kind := values["issued_token_type"]; kind != typeIDJAG || assertion.IsZero() {
		return secret.String{}, fault.New(fault.Unsupported,
			fmt.Sprintf("The identity provider %s issued no identity assertion (ID-JAG) but %s.", shown(hostOf(r.TokenEndpoint)), shown(kind)),
			"Ask whoever runs it to allow enterprise-managed authorization for this client.")
	}
	return assertion, nil
}

// SubjectTypes are the kinds of token that TokenExchange takes, by what people
// call them.
var SubjectTypes = map[string]string{"": typeAccess, "access_token": typeAccess, "jwt": typeJWT, "id_token": typeID}

// ExchangeRequest asks for a token in return for somebody's.
type ExchangeRequest struct {
	GrantRequest
	// Subject is that token, SubjectType its kind: a key of SubjectTypes.
	Subject     secret.String
	SubjectType string
	// Audience names the service that the new token is for; "" leaves it to Resource.
	Audience string
}

// TokenExchange exchanges a token for one that another service takes (RFC 8693
// §2). Errors as for Exchange; Unsupported when the answer is a token of another
// kind.
func (c *Client) TokenExchange(ctx context.Context, r ExchangeRequest) (Tokens, error) {
	form := r.form(grantTokenExchange)
	form.Set("subject_token", r.Subject.Reveal())
	form.Set("subject_token_type", SubjectTypes[r.SubjectType])
	form.Set("requested_token_type", typeAccess)
	if r.Audience != "" {
		form.Set("audience", r.Audience)
	}
	t, err := c.token(ctx, tokenRequest{endpoint: r.TokenEndpoint, client: r.Client, form: form, dpop: r.DPoP, sent: []secret.String{r.Subject}})
	if err == nil && t.Access.Equal(r.Subject) {
		return Tokens{}, fault.New(fault.Refused, fmt.Sprintf("%s gave the caller's own token back.", shown(hostOf(r.TokenEndpoint))),
			"The token for the server must be another: name it with audience or resource.")
	}
	return t, err
}
