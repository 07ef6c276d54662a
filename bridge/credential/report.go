package credential

import (
	"context"
	"fmt"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/token"
)

// Report explains the stored access token, with its signature checked when the
// authorization server publishes keys. It neither renews nor reveals it. Its
// error is fault.NotSignedIn when there is none.
func (a *Account) Report(ctx context.Context) (token.Report, error) {
	r, err := a.read(ctx)
	if err != nil {
		return token.Report{}, err
	}
	if r == nil || r.Access.IsZero() {
		return token.Report{}, fault.New(fault.NotSignedIn, fmt.Sprintf("Nobody is signed in to %s.", a.Name()), a.signInCommand())
	}
	return token.Explain(ctx, r.Access, &token.Policy{
		Issuer: r.Issuer, JWKSURI: r.JWKSURI, Audience: []string{r.Resource}, HTTP: a.m.oauth(a.server).HTTPClient(), Now: a.m.now,
	}), nil
}

func decode(raw secret.String) *token.Decoded {
	d, err := token.DecodeUnverified(raw)
	if err != nil {
		return nil
	}
	return d
}
