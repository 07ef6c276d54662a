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

// Said is what the stored access token says, to compare another one with. It
// asks nobody but the vault. Its error is fault.NotSignedIn when there is none.
func (a *Account) Said(ctx context.Context) (token.Said, error) {
	r, err := a.read(ctx)
	if err != nil {
		return token.Said{}, err
	}
	if r == nil || r.Access.IsZero() {
		return token.Said{}, fault.New(fault.NotSignedIn, fmt.Sprintf("Nobody is signed in to %s.", a.Name()), a.signInCommand())
	}
	return token.Remember(r.Access, r.Scopes, r.IssuedAt, r.ExpiresAt), nil
}

// Lend gives an access token that is good for at least a moment, in the open, to
// one function, for a person who asked for the token itself. Its errors are those
// of Bearer, fault.NotSignedIn, and the function's.
func (a *Account) Lend(ctx context.Context, to func(access string) error) error {
	access, err := a.Bearer(ctx)
	switch {
	case err != nil:
		return err
	case access.IsZero():
		return fault.New(fault.NotSignedIn, fmt.Sprintf("Nobody is signed in to %s.", a.Name()), a.signInCommand())
	}
	return to(access.Reveal())
}

func decode(raw secret.String) *token.Decoded {
	d, err := token.DecodeUnverified(raw)
	if err != nil {
		return nil
	}
	return d
}
