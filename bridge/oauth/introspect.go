package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// IntrospectRequest asks what a token is good for.
type IntrospectRequest struct {
	Endpoint string
	Client   ClientCredentials
	Token    secret.String
	// Hint is "access_token" or "refresh_token"; "" for none.
	Hint string
}

// Introspection is what the server says of a token (RFC 7662 §2.2).
type Introspection struct {
	// Active is false for a token that has ended or is not known; the rest is
	// then empty.
	Active bool `json:"active"`
	// Claims has every member as it came; quote strings before showing them.
	Claims map[string]json.RawMessage `json:"claims,omitempty"`
}

// Introspect asks the server about a token. Many servers answer resource servers
// only: Refused is then the error. Others as for Exchange.
func (c *Client) Introspect(ctx context.Context, r IntrospectRequest) (Introspection, error) {
	form := url.Values{"token": {r.Token.Reveal()}}
	if r.Hint != "" {
		form.Set("token_type_hint", r.Hint)
	}
	doc, err := c.post(ctx, r.Endpoint, r.Client, form, nil)
	if err != nil {
		return Introspection{}, err
	}
	if !doc.ok() {
		return Introspection{}, tokenFault(r.Endpoint, "say what the token is good for", newTokenError(doc, nil, r.Token, r.Client.Secret))
	}
	var in Introspection
	if err := doc.object(&in.Claims); err != nil || json.Unmarshal(in.Claims["active"], &in.Active) != nil {
		return Introspection{}, fault.New(fault.BadMetadata, fmt.Sprintf("%s answers an introspection without saying whether the token is active.", shown(hostOf(r.Endpoint))), "Tell whoever runs the server.")
	}
	if !in.Active {
		in.Claims = nil // RFC 7662 §2.2: nothing else is to be believed
	}
	delete(in.Claims, "active")
	return in, nil
}

// Identity is who a token belongs to (OpenID Connect Core §5.1); what is not
// known is "".
type Identity struct{ Subject, Email, Name string }

// Userinfo asks who the token belongs to (OpenID Connect Core §5.3). Errors are
// *fault.Error: Refused when the server does not say, Unreachable, BadMetadata.
func (c *Client) Userinfo(ctx context.Context, endpoint string, access secret.String, dpop *Prover) (Identity, error) {
	doc, err := c.userinfo(ctx, endpoint, access, dpop)
	if err != nil {
		return Identity{}, err
	}
	host := shown(hostOf(endpoint))
	if !doc.ok() {
		return Identity{}, fault.New(fault.Refused, fmt.Sprintf("%s does not say who is signed in (HTTP %d).", host, doc.status), "Ask for the scopes openid, profile and email if it should.")
	}
	values := map[string]string{}
	var object map[string]json.RawMessage
	if err := doc.object(&object); err != nil { // a signed answer (application/jwt) is only for clients that asked for it
		return Identity{}, fault.Wrap(err, fault.BadMetadata, fmt.Sprintf("%s says who is signed in, but not as JSON.", host), "Tell whoever runs the server.")
	}
	for name, raw := range object {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			values[name] = plain(text)
		}
	}
	return Identity{Subject: values["sub"], Email: values["email"], Name: firstSet(values, "name", "preferred_username", "login")}, nil
}

func (c *Client) userinfo(ctx context.Context, endpoint string, access secret.String, dpop *Prover) (*document, error) {
	for again := false; ; again = true {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
		if err != nil {
			return nil, fmt.Errorf("make a request: %w", err)
		}
		req.Header.Set("Accept", "application/json")
		req.Header.Set("Authorization", "Bearer "+access.Reveal())
		if dpop != nil {
			proof, err := dpop.Proof(req.Method, req.URL, access, time.Now())
			if err != nil {
				return nil, err
			}
			req.Header.Set("Authorization", "DPoP "+access.Reveal())
			req.Header.Set("DPoP", proof)
		}
		doc, err := c.doTo(req, reach{server: c.server}, fetchTimeout, false)
		if err != nil {
			return nil, err
		}
		if dpop == nil || !dpop.Note(req.URL, doc.status, doc.header, "") || again {
			return doc, nil
		}
	}
}
