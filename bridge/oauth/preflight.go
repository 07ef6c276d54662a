package oauth

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// preflightTimeout bounds the look before a browser is opened.
const preflightTimeout = 5 * time.Second

// Preflight asks for the authorization page as the browser will, without cookies
// and without following a redirect, and reports whether the server refuses the
// client: that a registration is no longer known shows nowhere else before a
// person sees it. Any 4xx is a refusal (servers word it as they like), except
// one that is about the asking program and not about the client. A server that
// is away is none: the browser will tell.
func (c *Client) Preflight(ctx context.Context, a *Authorization) (refused bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL, nil)
	if err != nil {
		return false
	}
	req.Header.Set("Accept", "text/html,*/*;q=0.5")
	doc, err := c.doTo(req, reach{server: c.server}, preflightTimeout, false)
	if err != nil {
		return false
	}
	switch {
	case doc.status == http.StatusTooManyRequests, doc.status == http.StatusRequestTimeout, doc.status == http.StatusMethodNotAllowed:
		return false
	case doc.header.Get("Cf-Mitigated") != "": // a page against robots
		return false
	case doc.status == http.StatusUnauthorized && doc.header.Get("WWW-Authenticate") != "":
		return false // the browser is to sign in by itself, with Kerberos (RFC 4559)
	}
	return doc.status >= 400 && doc.status < 500
}

// NoMetadata is the error for a server whose authorization server was guessed
// (ServerMetadata.Guessed) and is not there.
func NoMetadata(m ServerMetadata) error {
	return noMetadata(shown(m.Issuer), fmt.Errorf("%s is not there", m.AuthorizationEndpoint))
}
