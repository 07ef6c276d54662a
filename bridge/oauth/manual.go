package oauth

import (
	"context"
	"net/url"
)

// Manual is what a person says of a server that its metadata should have said.
type Manual struct {
	// Issuer takes the place of the one that the server names.
	Issuer string
	// Endpoints take the place of those in the metadata; with AuthorizationEndpoint
	// and TokenEndpoint there need be no metadata at all.
	AuthorizationEndpoint, TokenEndpoint, RegistrationEndpoint, RevocationEndpoint,
	DeviceAuthorizationEndpoint, IntrospectionEndpoint, UserinfoEndpoint string
	// AssumePKCE goes on with a server that does not list S256.
	AssumePKCE bool
	// Resource is sent instead of the published one; NoResource sends none.
	Resource   string
	NoResource bool
}

// complete: nothing of the authorization server has to be discovered.
func (m Manual) complete(noBrowser bool) bool {
	return m.TokenEndpoint != "" && (m.AuthorizationEndpoint != "" || noBrowser || m.DeviceAuthorizationEndpoint != "")
}

// over puts what a person says over what was discovered.
func (m Manual) over(s ServerMetadata) ServerMetadata {
	for _, e := range []struct {
		given string
		into  *string
	}{
		{m.AuthorizationEndpoint, &s.AuthorizationEndpoint},
		{m.TokenEndpoint, &s.TokenEndpoint},
		{m.RegistrationEndpoint, &s.RegistrationEndpoint},
		{m.RevocationEndpoint, &s.RevocationEndpoint},
		{m.DeviceAuthorizationEndpoint, &s.DeviceAuthorizationEndpoint},
		{m.IntrospectionEndpoint, &s.IntrospectionEndpoint},
		{m.UserinfoEndpoint, &s.UserinfoEndpoint},
	} {
		if e.given != "" {
			*e.into = e.given
		}
	}
	return s
}

// manualServer is an authorization server of which nothing is discovered. A
// person vouches for its endpoints; the client credentials are still kept by an
// issuer, which is then the token endpoint's origin.
func (c *Client) manualServer() ServerMetadata {
	m := c.manual.over(ServerMetadata{Issuer: c.manual.Issuer, PKCEAssumed: true})
	if u, err := url.Parse(m.TokenEndpoint); m.Issuer == "" && err == nil {
		m.Issuer, m.IssuerGuessed = origin(u), true
	}
	return m
}

// legacyServer is the authorization server of an MCP server of 2025-03-26 that
// publishes nothing at all: it is its own, at paths that the specification of
// that time fixes (2025-03-26, authorization, fallbacks). Its PKCE support cannot
// be checked; S256 is used.
func legacyServer(server *url.URL) ServerMetadata {
	base := origin(server)
	return ServerMetadata{
		Issuer: base, AuthorizationEndpoint: base + "/authorize", TokenEndpoint: base + "/token",
		RegistrationEndpoint: base + "/register", PKCEAssumed: true, Guessed: true,
	}
}

// servers finds the authorization server, discovered or as a person says.
func (c *Client) servers(ctx context.Context, r reach, server *url.URL, ch Challenge, resource ResourceMetadata, tried *attempts) (ServerMetadata, error) {
	if c.manual.complete(c.noBrowser) {
		return c.manualServer(), nil
	}
	if c.manual.Issuer != "" {
		resource.AuthorizationServers = []string{c.manual.Issuer}
	}
	m, err := c.chooseServer(ctx, r, server, resource, tried)
	if err != nil || m.Issuer != "" {
		return m, err
	}
	if tried.status == 0 && tried.refuse == nil {
		for _, issuer := range resource.AuthorizationServers {
			if p := PresetFor(issuer); p.Endpoints.Token != "" {
				c.log.Warn("the authorization server publishes no metadata; using what is known of it", "issuer", issuer)
				return p.server(issuer), nil
			}
		}
	}
	// Guessed only where nothing contradicts it: the server asks for a token, has
	// no metadata of either kind anywhere, and nobody is merely away.
	nobody := resource.Resource == "" && len(resource.AuthorizationServers) == 0 && ch.ResourceMetadata == ""
	if nobody && ch.Asked && tried.status == 0 && tried.refuse == nil && !c.noBrowser {
		c.log.Warn("the server publishes no metadata; using the paths of MCP 2025-03-26", "server", withoutQuery(server))
		return legacyServer(server), nil
	}
	return m, nil
}

// resourceIndicator is the value of `resource`, "" for none.
func (c *Client) resourceIndicator(server *url.URL, resource ResourceMetadata, preset Preset) string {
	switch {
	case c.manual.NoResource:
		return ""
	case c.manual.Resource != "":
		return c.manual.Resource
	case preset.NoResource:
		return ""
	case resource.Resource != "":
		return resource.Resource
	}
	return indicator(server)
}
