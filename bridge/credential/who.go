package credential

import (
	"context"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/token"
)

// askWho asks the server who signed in, when the tokens do not say and it has a
// place to ask (OpenID Connect Core §5.3): of opaque tokens nothing else would
// tell. It is for showing; that it failed is no failure of the sign-in.
func (a *Account) askWho(ctx context.Context, r *record) {
	if r.UserinfoEndpoint == "" || identityOf(r) != (identity{}) {
		return
	}
	who, err := a.m.oauth(a.server).Userinfo(ctx, r.UserinfoEndpoint, r.Access, r.DPoP)
	if err != nil {
		a.m.log.Info("who signed in is not known", "key", a.key, "error", err)
		return
	}
	r.Userinfo = who
}

// Introspect asks the authorization server what the stored access token is good
// for (RFC 7662): for an opaque token there is no other way. Its errors are
// fault.NotSignedIn, fault.Unsupported when the server has no such endpoint, and
// fault.Refused when it does not answer clients.
func (a *Account) Introspect(ctx context.Context) (oauth.Introspection, error) {
	r, err := a.read(ctx)
	switch {
	case err != nil:
		return oauth.Introspection{}, err
	case r == nil || r.Access.IsZero():
		return oauth.Introspection{}, fault.New(fault.NotSignedIn, "Nobody is signed in to "+a.Name()+".", a.signInCommand())
	case r.IntrospectionEndpoint == "":
		return oauth.Introspection{}, fault.New(fault.Unsupported, "The authorization server of "+a.Name()+" offers no introspection.", "Decode the token if it is a JWT.")
	}
	client, err := a.armed(r)
	if err != nil {
		return oauth.Introspection{}, err
	}
	return a.m.oauth(a.server).Introspect(ctx, oauth.IntrospectRequest{Endpoint: r.IntrospectionEndpoint, Client: client, Token: r.Access, Hint: "access_token"})
}

// Answer is what the authorization server says of the stored access token, for
// one that does not speak for itself. It may be shown.
type Answer struct {
	// Active is false for a token that has ended, was revoked or is not known
	// (RFC 7662 §2.2); Claims are then none. Both count only without IntrospectError.
	Active bool
	Claims []token.Member
	// IntrospectError says why it tells nothing of the token: fault.Unsupported,
	// fault.Refused, which many answer to clients, or what Exchange returns.
	IntrospectError error
	// Who the token belongs to (OpenID Connect Core §5.3); counts only without
	// WhoError, which is fault.Unsupported when the server has no such endpoint.
	Who      oauth.Identity
	WhoError error
}

// Ask asks the authorization server what the stored access token is good for and
// whose it is. Its error is that of the vault, or fault.NotSignedIn; what the
// server does not say is in the answer.
func (a *Account) Ask(ctx context.Context) (Answer, error) {
	r, err := a.read(ctx)
	switch {
	case err != nil:
		return Answer{}, err
	case r == nil || r.Access.IsZero():
		return Answer{}, fault.New(fault.NotSignedIn, "Nobody is signed in to "+a.Name()+".", a.signInCommand())
	}
	var out Answer
	var said oauth.Introspection
	said, out.IntrospectError = a.Introspect(ctx)
	out.Active, out.Claims = said.Active, token.ExplainClaims(said.Claims)
	if r.UserinfoEndpoint == "" {
		out.WhoError = fault.New(fault.Unsupported, "The authorization server of "+a.Name()+" has no place that says who is signed in.", "")
		return out, nil
	}
	out.Who, out.WhoError = a.m.oauth(a.server).Userinfo(ctx, r.UserinfoEndpoint, r.Access, r.DPoP)
	return out, nil
}
