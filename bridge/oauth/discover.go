package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"drawbridge/bridge/fault"
)

const (
	// discoverTimeout bounds a whole discovery: some ten requests at the most.
	discoverTimeout = 45 * time.Second
	// maxServers is how many authorization servers of one resource are tried.
	maxServers = 4
)

// Discovery is all that a sign-in needs to know about a server.
type Discovery struct {
	// Resource is zero when the server publishes no resource metadata.
	Resource ResourceMetadata
	Server   ServerMetadata
	// Scopes to ask for: those of the challenge, else all that the resource
	// supports, else none; and offline_access when the authorization server
	// lists it, since only then it hands out a refresh token. Nil: send no scope.
	Scopes []string
	// ResourceIndicator is the value of `resource` in every authorization and
	// token request (RFC 8707): the published one, byte for byte, else the
	// server's URL; "" when it is not to be sent.
	ResourceIndicator string
	// Preset is what is known of this authorization server.
	Preset Preset
	// BindTokens: both servers can do with tokens that are bound to a key (RFC
	// 9449). The authorization server's offer alone is not enough, since a
	// resource server that knows bearer tokens only refuses bound ones.
	BindTokens bool
}

// Discover finds out how to sign in to the MCP server at serverURL, given the
// challenge of its 401 (zero when it sent none). It looks where the MCP
// specification says and in that order: resource metadata (RFC 9728) at the
// challenge's URL, path-inserted, at the root; then the metadata of the
// authorization server that it names (RFC 8414, OpenID Connect). A server
// without resource metadata is taken for its own authorization server, as in
// 2025-03-26: by its metadata or, when it asks for a token and there is no
// metadata of any kind, by the paths that were fixed then.
//
// Errors are *fault.Error: Unreachable when somebody does not answer,
// BadMetadata for metadata that is missing, malformed, unsafe or about somebody
// else, NotMCP when nothing at all speaks of a sign-in, Unsupported without
// PKCE, BadURL. If ctx was cancelled the error wraps context.Canceled.
func (c *Client) Discover(ctx context.Context, serverURL string, ch Challenge) (Discovery, error) {
	ctx, cancel := context.WithTimeout(ctx, discoverTimeout)
	defer cancel()
	server, err := c.checkURL(reach{}, serverURL)
	if err != nil {
		return Discovery{}, fault.New(fault.BadURL, fmt.Sprintf("%s is not a usable server address: %s.", shown(serverURL), err),
			"Give the server's full MCP address, such as https://mcp.example.com/mcp.")
	}
	r := reach{server: hostKey(server.Hostname())}
	var tried attempts
	resource, err := c.resource(ctx, r, server, ch, &tried)
	if err != nil {
		return Discovery{}, err
	}
	m, err := c.servers(ctx, r, server, ch, resource, &tried)
	if err != nil {
		return Discovery{}, err
	}
	if m.Issuer == "" {
		return Discovery{}, nothingFound(server, ch, &tried)
	}
	m = c.manual.over(m)
	d := Discovery{
		Resource: resource, Server: m, Preset: PresetFor(m.Issuer), Scopes: chooseScopes(ch, resource, m),
	}
	d.ResourceIndicator = c.resourceIndicator(server, resource, d.Preset)
	if d.Preset.DefaultScope && len(chooseScopes(ch, resource, ServerMetadata{})) == 0 {
		about := resource.Resource
		if about == "" {
			about = indicator(server)
		}
		d.Scopes = append([]string{strings.TrimRight(about, "/") + "/.default"}, d.Scopes...)
	}
	d.BindTokens = slices.Contains(m.DPoPSigningAlgValuesSupported, ProofAlg) &&
		(ch.WantsProof() || resource.DPoPBoundAccessTokensRequired || slices.Contains(resource.DPoPSigningAlgValuesSupported, ProofAlg))
	c.log.Info("discovered", "resource", d.ResourceIndicator, "issuer", m.Issuer, "metadata", m.URL)
	return d, nil
}

// chooseServer takes the first authorization server of the list that can be
// used (RFC 9728 §7.6 leaves the choice to the client). One that is merely away
// is not passed over: credentials belong to an issuer. It returns zero metadata
// when none publishes any.
func (c *Client) chooseServer(ctx context.Context, r reach, server *url.URL, resource ResourceMetadata, tried *attempts) (ServerMetadata, error) {
	if len(resource.AuthorizationServers) == 0 {
		// Both spellings of the origin lead to this metadata (RFC 8414 §3.1), and
		// nobody has named one of them.
		base := origin(server)
		m, _, err := c.authorizationServer(ctx, r, base, []string{base, base + "/"}, tried)
		return m, err
	}
	for _, issuer := range resource.AuthorizationServers[:min(len(resource.AuthorizationServers), maxServers)] {
		m, found, err := c.authorizationServer(ctx, r, issuer, []string{issuer}, tried)
		switch {
		case found:
			return m, nil
		case err == nil:
		case fault.Is(err, fault.Unreachable), ctx.Err() != nil, !isFault(err):
			return ServerMetadata{}, err
		default:
			tried.refused(err)
		}
	}
	return ServerMetadata{}, nil
}

// chooseScopes follows MCP's scope selection strategy and SEP-2207.
func chooseScopes(ch Challenge, resource ResourceMetadata, m ServerMetadata) []string {
	scopes := strings.Fields(ch.Scope)
	if len(scopes) == 0 {
		scopes = slices.Clone(resource.ScopesSupported)
	}
	const offline = "offline_access"
	if slices.Contains(m.ScopesSupported, offline) && !slices.Contains(scopes, offline) {
		scopes = append(scopes, offline)
	}
	return scopes
}

// nothingFound says what is missing and where it was looked for.
func nothingFound(server *url.URL, ch Challenge, tried *attempts) error {
	where := shown(withoutQuery(server))
	looked := errors.New("looked at " + strings.Join(tried.tried, ", "))
	switch {
	case tried.refuse != nil:
		return tried.refuse
	case tried.status != 0:
		return fault.Wrap(looked, fault.Unreachable,
			fmt.Sprintf("The sign-in metadata of %s cannot be read now: a server answers with HTTP %d.", where, tried.status), "Try again later.")
	case ch.Scheme == "" && !tried.spoke:
		return fault.Wrap(looked, fault.NotMCP,
			fmt.Sprintf("%s says nothing about a sign-in.", where),
			"Check the address: it is often https://HOST/mcp.")
	}
	return noMetadata(where, looked)
}

func noMetadata(where string, cause error) error {
	return fault.Wrap(cause, fault.BadMetadata,
		fmt.Sprintf("%s wants a sign-in but publishes no metadata to do it with.", where),
		"Check the address; if it is right, tell whoever runs the server that it needs RFC 9728 and RFC 8414 metadata.")
}

func isFault(err error) bool {
	var f *fault.Error
	return errors.As(err, &f)
}
