package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// Tokens is an answer of the token endpoint (RFC 6749 §5.1).
type Tokens struct {
	// Access is always there; Refresh and ID may be empty, and then an earlier
	// one stays valid.
	Access, Refresh, ID secret.String
	// Type is "Bearer", or "DPoP" for a token that is bound to the key of the
	// request's Prover (RFC 9449 §5).
	Type string
	// Scope as granted, separated by spaces; "" when it is what was asked for.
	Scope string
	// ExpiresIn is the access token's lifetime; 0 when the server does not say.
	ExpiresIn time.Duration
}

// RefreshRequest is what a refresh is made of.
type RefreshRequest struct {
	TokenEndpoint string
	Client        ClientCredentials
	RefreshToken  secret.String
	// Resource is Discovery.ResourceIndicator.
	Resource string
	// Scopes narrows the token; empty keeps what was granted.
	Scopes []string
	// DPoP has the key that the tokens are bound to; nil when they are not.
	DPoP *Prover
}

// RevokeRequest is what a revocation is made of.
type RevokeRequest struct {
	Endpoint string
	Client   ClientCredentials
	Token    secret.String
	// Hint is "refresh_token" or "access_token".
	Hint string
}

// Exchange redeems an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5). It is
// sent exactly once: a code is good for one use. Errors are *fault.Error, with a
// *TokenError in the chain when the server answered; if ctx was cancelled the
// error wraps context.Canceled.
func (c *Client) Exchange(ctx context.Context, a *Authorization, code secret.String) (Tokens, error) {
	return c.redeem(ctx, CodeRequest{
		TokenEndpoint: a.tokenEndpoint, Client: a.client, Code: code, Verifier: a.Verifier, RedirectURI: a.RedirectURI, Resource: a.Resource,
	}, a.dpop)
}

// CodeRequest is what redeeming a code is made of, for who does not have the
// Authorization any more.
type CodeRequest struct {
	TokenEndpoint  string
	Client         ClientCredentials
	Code, Verifier secret.String
	// RedirectURI and Resource as they were in the authorization request.
	RedirectURI, Resource string
}

// Redeem is Exchange for who kept what a CodeRequest has instead of the
// Authorization.
func (c *Client) Redeem(ctx context.Context, r CodeRequest) (Tokens, error) {
	return c.redeem(ctx, r, nil)
}

func (c *Client) redeem(ctx context.Context, r CodeRequest, dpop *Prover) (Tokens, error) {
	form := url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {r.Code.Reveal()},
		"redirect_uri":  {r.RedirectURI},
		"code_verifier": {r.Verifier.Reveal()},
	}
	if r.Resource != "" {
		form.Set("resource", r.Resource)
	}
	return c.token(ctx, tokenRequest{endpoint: r.TokenEndpoint, client: r.Client, form: form, dpop: dpop, sent: []secret.String{r.Code, r.Verifier}})
}

// Refresh renews the tokens (RFC 6749 §6). It is sent exactly once and never
// retried: a server that rotates may have acted on a request whose answer was
// lost, and takes a second one for theft. Errors as for Exchange.
func (c *Client) Refresh(ctx context.Context, r RefreshRequest) (Tokens, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.RefreshToken.Reveal()}}
	if r.Resource != "" {
		form.Set("resource", r.Resource)
	}
	if len(r.Scopes) > 0 {
		form.Set("scope", strings.Join(r.Scopes, " "))
	}
	return c.token(ctx, tokenRequest{endpoint: r.TokenEndpoint, client: r.Client, form: form, dpop: r.DPoP, sent: []secret.String{r.RefreshToken}})
}

// Revoke tells the server to forget a token (RFC 7009). A token that the server
// does not know counts as revoked. Errors as for Exchange.
func (c *Client) Revoke(ctx context.Context, r RevokeRequest) error {
	form := url.Values{"token": {r.Token.Reveal()}}
	if r.Hint != "" {
		form.Set("token_type_hint", r.Hint)
	}
	doc, err := c.post(ctx, r.Endpoint, r.Client, form, nil)
	if err != nil {
		return err
	}
	if !doc.ok() {
		return tokenFault(r.Endpoint, "revoke the token", newTokenError(doc, nil, r.Token, r.Client.Secret))
	}
	return nil
}

// tokenRequest is a request to the token endpoint. sent are the secrets in the
// form, which must not come back in an error.
type tokenRequest struct {
	endpoint string
	client   ClientCredentials
	form     url.Values
	dpop     *Prover
	sent     []secret.String
}

func (c *Client) token(ctx context.Context, r tokenRequest) (Tokens, error) {
	endpoint := r.endpoint
	doc, err := c.post(ctx, endpoint, r.client, r.form, r.dpop)
	if err != nil {
		return Tokens{}, err
	}
	values := members(doc)
	// GitHub and Slack answer errors with 200; Slack may say no more than ok:false.
	if !doc.ok() || values["error"] != "" || values["ok"] == "false" {
		return Tokens{}, tokenFault(endpoint, "issue a token", newTokenError(doc, values, append(r.sent, r.client.Secret)...))
	}
	t := Tokens{
		Access: secret.New(values["access_token"]), Refresh: secret.New(values["refresh_token"]), ID: secret.New(values["id_token"]),
		Type: "Bearer", Scope: scopeOf(values["scope"]), ExpiresIn: lifetime(values["expires_in"]),
	}
	host := shown(hostOf(endpoint))
	switch kind := values["token_type"]; {
	case t.Access.IsZero() && doc.page():
		return Tokens{}, tokenFault(endpoint, "issue a token", newTokenError(doc, values))
	case t.Access.IsZero() || !headerSafe(values["access_token"]):
		return Tokens{}, fault.Wrap(&TokenError{Status: doc.status}, fault.Refused,
			fmt.Sprintf("%s answered without a usable access token.", host), "Sign in again; if it lasts, tell whoever runs the server.")
	case strings.EqualFold(kind, "DPoP") && r.dpop != nil:
		t.Type = "DPoP"
	case kind != "" && !strings.EqualFold(kind, "Bearer"):
		return Tokens{}, fault.New(fault.Unsupported,
			fmt.Sprintf("%s issues tokens of the type %s; Drawbridge can use Bearer tokens only.", host, shown(kind)), "Tell whoever runs the server.")
	}
	return t, nil
}

// post sends a form once, and once more only when the server wants a DPoP nonce,
// which it has then not acted upon (RFC 9449 §8). Redirects are not
// followed: the form holds secrets.
func (c *Client) post(ctx context.Context, endpoint string, client ClientCredentials, form url.Values, dpop *Prover) (*document, error) {
	for again := false; ; again = true {
		header := http.Header{}
		if err := client.authenticate(form, header); err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
		if err != nil {
			return nil, fault.New(fault.BadMetadata, fmt.Sprintf("%s is not a usable address for tokens.", shown(endpoint)), "Sign in again.")
		}
		req.GetBody = nil // nothing may send it again
		req.Header = header
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Accept", "application/json")
		if dpop != nil {
			proof, err := dpop.Proof(req.Method, req.URL, secret.String{}, time.Now())
			if err != nil {
				return nil, err
			}
			req.Header.Set("DPoP", proof)
		}
		doc, err := c.do(req, reach{server: c.server}, tokenTimeout)
		if err != nil {
			return nil, err
		}
		if doc.status >= 300 && doc.status < 400 {
			return nil, fault.Wrap(&TokenError{Status: doc.status}, fault.BadMetadata,
				fmt.Sprintf("%s answers a token request with a redirect, which is not followed.", shown(hostOf(endpoint))), "Tell whoever runs the server.")
		}
		if dpop == nil || !dpop.Note(req.URL, doc.status, doc.header, members(doc)["error"]) || again {
			return doc, nil
		}
	}
}

// members reads an answer as text by name: JSON, or a form, which GitHub sends
// whatever is asked for.
func members(doc *document) map[string]string {
	values := map[string]string{}
	var object map[string]json.RawMessage
	if doc.object(&object) == nil {
		for name, raw := range object {
			var text string
			if json.Unmarshal(raw, &text) == nil {
				values[name] = text
			} else if raw[0] != '{' && raw[0] != '[' {
				values[name] = string(raw) // a number or a boolean
			} else if name == "error" { // some wrap it: {"error":{"code":…}}
				values[name] = "unknown"
			}
		}
		return values
	}
	if kind := mediaType(doc.header); kind != "application/x-www-form-urlencoded" && kind != "text/plain" {
		return values
	}
	form, err := url.ParseQuery(strings.TrimSpace(string(doc.body)))
	if err != nil {
		return values
	}
	for name := range form {
		values[name] = form.Get(name)
	}
	return values
}

// scopeOf separates by spaces; GitHub uses commas.
func scopeOf(s string) string {
	if !strings.Contains(s, " ") {
		s = strings.ReplaceAll(s, ",", " ")
	}
	return strings.Join(strings.Fields(s), " ")
}

// lifetime reads expires_in, which some send as a string or with a fraction.
func lifetime(s string) time.Duration {
	const most = 100 * 365 * 24 * time.Hour
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, most.Seconds()) * float64(time.Second))
}

// headerSafe reports whether a token can stand in an Authorization header
// (RFC 6750 §2.1; a little wider, since servers are).
func headerSafe(token string) bool {
	for i := range len(token) {
		if token[i] <= ' ' || token[i] >= 0x7f {
			return false
		}
	}
	return true
}

func hostOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return rawURL
	}
	return u.Host
}
