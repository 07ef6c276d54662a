package remote

import (
	"net/http"
	"net/url"
	"strings"

	"drawbridge/bridge/secret"
)

// Prover is what a Bearer can be besides: one whose tokens may be bound to a
// key, so that each request needs a proof of it (RFC 9449, DPoP).
type Prover interface {
	// Bound reports whether tokens are bound at the moment. It is asked for each
	// request and must cost nothing.
	Bound() bool
	// Proof is the DPoP header for one request with the token; "" when that token
	// is a bearer token after all.
	Proof(method string, target *url.URL, token secret.String) (string, error)
	// Answered takes the status and header of the answer, and reports whether the
	// server wants the same request once more with a nonce that it gave.
	Answered(target *url.URL, status int, header http.Header) (again bool)
}

const (
	bearerScheme = "Bearer "
	dpopScheme   = "DPoP "
)

// proving is a client like the given one that adds proofs.
func proving(client *http.Client, p Prover) *http.Client {
	c := *client
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	c.Transport = &proofs{next: next, prover: p}
	return &c
}

// proofs is a transport, and not a step before the request, because a proof is
// bound to the address: each hop of a redirect needs its own.
type proofs struct {
	next   http.RoundTripper
	prover Prover
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (t *proofs) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (t *proofs) RoundTrip(req *http.Request) (*http.Response, error) {
	if !t.prover.Bound() {
		return t.next.RoundTrip(req)
	}
	token, ok := strings.CutPrefix(req.Header.Get("Authorization"), bearerScheme)
	if !ok {
		return t.next.RoundTrip(req)
	}
	body := req.Body
	for again := false; ; again = true {
		proof, err := t.prover.Proof(req.Method, req.URL, secret.New(token))
		if err != nil || proof == "" {
			if err == nil {
				return t.next.RoundTrip(req)
			}
			if body != nil {
				_ = body.Close()
			}
			return nil, err
		}
		bound := req.Clone(req.Context())
		bound.Body = body
		bound.Header.Set("Authorization", dpopScheme+token)
		bound.Header.Set("DPoP", proof)
		resp, err := t.next.RoundTrip(bound)
		if err != nil {
			return nil, err
		}
		// A request that wants a nonce was not acted upon (RFC 9449 §9): sending it
		// again runs nothing twice.
		if !t.prover.Answered(req.URL, resp.StatusCode, resp.Header) || again || (req.Body != nil && req.GetBody == nil) {
			return resp, nil
		}
		_ = resp.Body.Close()
		if body = nil; req.GetBody != nil {
			if body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}
