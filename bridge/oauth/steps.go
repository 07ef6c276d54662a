package oauth

import (
	"context"
	"slices"

	"drawbridge/bridge/fault"
)

// ResourceMetadata is the first half of Discover alone, for who wants to look at
// each step: the metadata of the MCP server at serverURL, or zero when it
// publishes none. Errors are those of Discover.
func (c *Client) ResourceMetadata(ctx context.Context, serverURL string, ch Challenge) (ResourceMetadata, error) {
	ctx, cancel := context.WithTimeout(ctx, discoverTimeout)
	defer cancel()
	server, err := c.checkURL(reach{}, serverURL)
	if err != nil {
		return ResourceMetadata{}, fault.New(fault.BadURL, shown(serverURL)+" is not a usable server address: "+err.Error()+".", "")
	}
	return c.resource(ctx, reach{server: hostKey(server.Hostname())}, server, ch, &attempts{})
}

// ResourceURLs are the places for the metadata of the MCP server at serverURL
// that Discover looks at, in its order: the challenge's first, if it names one.
func ResourceURLs(serverURL string, ch Challenge) []string {
	server, err := (&Client{allowHTTP: true}).checkURL(reach{}, serverURL)
	if err != nil {
		return nil
	}
	var all []string
	if ch.ResourceMetadata != "" {
		all = append(all, ch.ResourceMetadata)
	}
	for _, u := range resourceURLs(server) {
		if !slices.Contains(all, u) {
			all = append(all, u)
		}
	}
	return all
}

// ServerURLs are the places for the metadata of an authorization server that
// Discover looks at, in its order.
func ServerURLs(issuer string) []string {
	u, err := (&Client{allowHTTP: true}).checkURL(reach{}, issuer)
	if err != nil {
		return nil
	}
	return serverURLs(u)
}

// FallbackIssuer is the identifier under which Discover looks for the metadata
// of a server that names no authorization server (MCP 2025-03-26): its origin.
func FallbackIssuer(serverURL string) string {
	u, err := (&Client{allowHTTP: true}).checkURL(reach{}, serverURL)
	if err != nil {
		return ""
	}
	return origin(u)
}

// CheckURL says why an address that the server or its authorization server
// published must not be used, or nil: see Config.Server.
func (c *Client) CheckURL(ctx context.Context, raw string) error {
	_, err := c.checkTarget(ctx, reach{server: c.server}, raw)
	return err
}
