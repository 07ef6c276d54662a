package credential

import (
	"context"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
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
