package exchange

import (
	"context"
	"fmt"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// Caller is the credential of one caller's sessions at a server: what a signed-in
// account is to others.
type Caller struct {
	exchanger *Exchanger
	last      func() Subject
	server    string
}

// NewCaller makes a Caller. last is what the caller showed last; server is what a
// person calls the server.
func NewCaller(x *Exchanger, last func() Subject, server string) *Caller {
	return &Caller{exchanger: x, last: last, server: server}
}

// Name is what a person calls the server.
func (c *Caller) Name() string { return c.server }

// Bearer is the server's token for what the caller showed last.
func (c *Caller) Bearer(ctx context.Context) (secret.String, error) {
	s := c.last()
	if s.Token.IsZero() { // never the signed-in account's, and never none: the server might let anybody in
		return secret.String{}, fault.New(fault.Refused, fmt.Sprintf("There is no token of the caller to exchange for one of %s.", c.server), "Connect again.")
	}
	return c.exchanger.Token(ctx, s)
}

// Reject takes the server's refusal of a token. It returns nil when another may be
// tried.
func (c *Caller) Reject(_ context.Context, r credential.Rejection) error {
	if !r.Token.IsZero() && c.exchanger.Drop(c.last(), r.Token) {
		return nil
	}
	return fault.New(fault.Refused, fmt.Sprintf("%s refuses the token that the caller's was exchanged for.", c.server),
		"Check audience, resource and scopes of the exchange: drawbridge exchange show "+c.server)
}

// StepUp takes a refusal for want of rights: the caller's token decides on those.
func (c *Caller) StepUp(context.Context, credential.Rejection) error {
	return fault.New(fault.Refused, fmt.Sprintf("%s wants more rights than the caller has there.", c.server),
		"Sign in with more scopes, or check those of the exchange: drawbridge exchange show "+c.server)
}
