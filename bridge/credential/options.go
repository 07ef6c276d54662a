package credential

import (
	"context"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
)

// manual is what the settings say in the place of metadata.
func manual(s config.Server) oauth.Manual {
	e := s.OAuth.Endpoints
	return oauth.Manual{
		Issuer: e.Issuer, AuthorizationEndpoint: e.Authorization, TokenEndpoint: e.Token, RegistrationEndpoint: e.Registration,
		RevocationEndpoint: e.Revocation, DeviceAuthorizationEndpoint: e.Device, IntrospectionEndpoint: e.Introspection, UserinfoEndpoint: e.Userinfo,
		AssumePKCE: s.OAuth.AssumePKCE, Resource: s.OAuth.Resource, NoResource: s.OAuth.NoResource,
	}
}

// extraParams go with the authorization request: those that the provider is
// known to need, then those of the settings.
func (a *Account) extraParams(d oauth.Discovery) url.Values {
	params := maps.Clone(d.Preset.Authorize)
	if params == nil {
		params = map[string]string{}
	}
	if d.Preset.Audience && d.ResourceIndicator != "" {
		params["audience"] = d.ResourceIndicator
	}
	maps.Copy(params, a.server.OAuth.AuthorizeParams)
	values := url.Values{}
	for name, value := range params {
		values.Set(name, value)
	}
	return values
}

// refreshScopes are repeated in a refresh where the provider needs that.
func refreshScopes(r *record) []string {
	if oauth.PresetFor(r.Issuer).RefreshScope {
		return r.Scopes
	}
	return nil
}

// chosen are the tokens as the settings want them: with --use-id-token the ID
// token is what the server gets, and its end is what counts. An answer without
// one is of no use then.
func (a *Account) chosen(t oauth.Tokens) (oauth.Tokens, error) {
	if !a.server.OAuth.UseIDToken {
		return t, nil
	}
	if t.ID.IsZero() {
		return t, fault.New(fault.Refused, "The authorization server issued no ID token, which --use-id-token wants.",
			"Ask for it with --scope openid, or add the server without --use-id-token.")
	}
	t.Access, t.ExpiresIn = t.ID, 0
	return t, nil
}

// described reports whether the client is the one that a Client ID Metadata
// Document describes: the settings name a document and no client, and the server
// takes such.
func (a *Account) described(d oauth.Discovery) bool {
	return a.server.ClientID == "" && a.server.OAuth.ClientMetadataURL != "" && d.Server.ClientIDMetadataDocumentSupported
}

// document is that client. With a private key in the settings it shows who it is
// by that; the document has the public half.
func (a *Account) document(d oauth.Discovery) (c oauth.ClientCredentials, err error) {
	c = oauth.ClientCredentials{ClientID: a.server.OAuth.ClientMetadataURL, AuthMethod: oauth.AuthNone}
	if a.server.OAuth.PrivateKeyFile != "" {
		c.AuthMethod, c.Audience = oauth.AuthPrivateKey, d.Server.Issuer
		c.Key, err = a.signingKey()
	}
	return c, err
}

// authMethod is how a client that the person gave shows who it is.
func (a *Account) authMethod(d oauth.Discovery, s secret.String) string {
	if method := a.server.OAuth.TokenEndpointAuthMethod; method != "" {
		return method
	}
	return oauth.AuthMethodFor(d.Server, !s.IsZero())
}

// listen binds the callback before anything is registered or opened. A port of
// the settings is the only one; else that of an earlier registration comes
// first: some servers refuse another one.
func (a *Account) listen(ctx context.Context, earlier string) (*oauth.Callback, error) {
	c := a.server.OAuth.Callback
	host, path := c.Host, c.Path
	if host == "" {
		host = "127.0.0.1"
	}
	if path == "" {
		path = callbackPath
	}
	if c.Port != 0 {
		cb, err := oauth.ListenCallback(ctx, net.JoinHostPort(host, strconv.Itoa(c.Port)), path)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "The callback port "+strconv.Itoa(c.Port)+" of this server cannot be opened.",
				"End the program that uses it, or choose another with --callback-port; it has to be registered at the provider.")
		}
		return cb, nil
	}
	if earlierHost, _, err := net.SplitHostPort(earlier); err == nil && (c.Host == "" || c.Host == earlierHost) {
		if cb, err := oauth.ListenCallback(ctx, earlier, path); err == nil {
			return cb, nil
		}
	}
	cb, err := oauth.ListenCallback(ctx, net.JoinHostPort(host, "0"), path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "No port on "+host+" could be opened for the browser's answer.", "Check that loopback networking works on this computer.")
	}
	return cb, nil
}

// sameCallback reports whether a client registered with one redirect URI can
// come back to another: but for the port, which servers ignore on loopback
// (RFC 8252 §7.3) or which is the same anyway.
func sameCallback(registered, now string) bool {
	r, err1 := url.Parse(registered)
	n, err2 := url.Parse(now)
	return err1 == nil && err2 == nil && r.Hostname() == n.Hostname() && r.Path == n.Path
}

// union is a and what b has more.
func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
