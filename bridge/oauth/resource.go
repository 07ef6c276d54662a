package oauth

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"drawbridge/bridge/fault"
)

const resourceSuffix = "/.well-known/oauth-protected-resource"

// ResourceMetadata is what a protected MCP server says about itself (RFC 9728
// §2). The zero value stands for "it publishes none".
type ResourceMetadata struct {
	// URL is where the document was found.
	URL string
	// Resource is the identifier, byte for byte as published.
	Resource string
	// AuthorizationServers are issuer identifiers, byte for byte as published.
	AuthorizationServers []string
	// ScopesSupported are the scopes that a first sign-in asks for when the
	// challenge names none.
	ScopesSupported []string
	// DPoPSigningAlgValuesSupported: the server can check proofs (RFC 9449 §5.1);
	// DPoPBoundAccessTokensRequired: it takes no tokens without (RFC 9728 §2).
	DPoPSigningAlgValuesSupported []string
	DPoPBoundAccessTokensRequired bool
	// ResourceName and Documentation are for people; quote them before showing them.
	ResourceName, Documentation string
}

// attempts remembers what discovery tried, for the error that says so.
type attempts struct {
	tried  []string
	status int   // of the first answer of 500 or more
	refuse error // the first document that was found but must not be used
	spoke  bool  // something answered with JSON
}

func (a *attempts) note(rawURL, what string) {
	if u, err := url.Parse(rawURL); err == nil {
		rawURL = withoutQuery(u)
	}
	a.tried = append(a.tried, plain(rawURL)+" ("+what+")")
}

// refused keeps the first refusal: the candidates come in order of authority.
func (a *attempts) refused(err error) {
	if a.refuse == nil {
		a.refuse = err
	}
}

// read fetches one metadata document into a JSON value. found is false when
// there is none. What was named by somebody (and not merely guessed from the
// specification) must be JSON: many sites answer guesses with their home page.
func (c *Client) read(ctx context.Context, r reach, rawURL string, named bool, tried *attempts, into any) (found bool, err error) {
	doc, err := c.get(ctx, r, rawURL)
	if err != nil {
		return false, err
	}
	switch {
	case doc.status >= 500 && tried.status == 0:
		tried.status = doc.status
		fallthrough
	case !doc.ok():
		tried.note(rawURL, fmt.Sprintf("HTTP %d", doc.status))
		return false, nil
	case !named && !doc.saysJSON():
		tried.note(rawURL, "not JSON")
		return false, nil
	}
	if err := doc.object(into); err != nil {
		return false, fault.Wrap(err, fault.BadMetadata,
			fmt.Sprintf("The sign-in metadata at %s is not valid JSON.", shown(rawURL)),
			"Check the server's address; if it is right, tell whoever runs the server.")
	}
	tried.spoke = true
	return true, nil
}

// resourceURLs are the places for the metadata of server, in order (RFC 9728
// §3.1 and MCP: the path-inserted form, then the root).
func resourceURLs(server *url.URL) []string {
	root := origin(server) + resourceSuffix
	path := server.EscapedPath()
	if path == "" || path == "/" {
		return []string{root}
	}
	query := ""
	if server.RawQuery != "" {
		query = "?" + server.RawQuery
	}
	urls := []string{root + path + query}
	if short := strings.TrimRight(path, "/"); short != path {
		urls = append(urls, root+short+query)
	}
	return append(urls, root)
}

// resource finds and checks the metadata of server. Without any it returns the
// zero value and no error.
func (c *Client) resource(ctx context.Context, r reach, server *url.URL, ch Challenge, tried *attempts) (ResourceMetadata, error) {
	type place struct {
		url   string
		named bool
	}
	var places []place
	if ch.ResourceMetadata != "" {
		if _, err := c.checkURL(r, ch.ResourceMetadata); err != nil {
			return ResourceMetadata{}, fault.New(fault.BadMetadata,
				fmt.Sprintf("The server names %s as the place of its sign-in metadata, and that cannot be used: %s.", shown(ch.ResourceMetadata), err),
				"Tell whoever runs the server.")
		}
		places = append(places, place{ch.ResourceMetadata, true})
	}
	for _, u := range resourceURLs(server) {
		if u != ch.ResourceMetadata {
			places = append(places, place{u, false})
		}
	}
	for _, p := range places {
		var doc struct {
			Resource      string `json:"resource"`
			Servers       list   `json:"authorization_servers"`
			Scopes        list   `json:"scopes_supported"`
			Name          string `json:"resource_name"`
			Documentation string `json:"resource_documentation"`
			DPoPAlgs      list   `json:"dpop_signing_alg_values_supported"`
			DPoPRequired  bool   `json:"dpop_bound_access_tokens_required"`
		}
		found, err := c.read(ctx, r, p.url, p.named, tried, &doc)
		if err != nil {
			return ResourceMetadata{}, err
		}
		if !found {
			continue
		}
		if err := checkResource(server, doc.Resource, p.url); err != nil {
			return ResourceMetadata{}, err
		}
		return ResourceMetadata{
			URL: p.url, Resource: doc.Resource, AuthorizationServers: doc.Servers, ScopesSupported: doc.Scopes,
			ResourceName: doc.Name, Documentation: doc.Documentation,
			DPoPSigningAlgValuesSupported: doc.DPoPAlgs, DPoPBoundAccessTokensRequired: doc.DPoPRequired,
		}, nil
	}
	return ResourceMetadata{}, nil
}

// checkResource refuses metadata that is about somebody else. RFC 9728 §3.3
// wants identity; many servers publish their origin or a parent path instead,
// and every MCP client takes that, since a token for the origin reaches nobody
// but its owner. Another origin is never taken.
func checkResource(server *url.URL, resource, where string) error {
	if resource == "" {
		return fault.New(fault.BadMetadata,
			fmt.Sprintf("The sign-in metadata at %s does not say which resource it is about.", shown(where)),
			"Tell whoever runs the server: its metadata lacks `resource` (RFC 9728 §2).")
	}
	u, err := url.Parse(resource)
	if err == nil && u.Fragment == "" && !strings.Contains(resource, "#") && u.User == nil &&
		origin(u) == origin(server) && under(u.EscapedPath(), server.EscapedPath()) &&
		(u.RawQuery == "" || u.RawQuery == server.RawQuery) {
		return nil
	}
	return fault.New(fault.BadMetadata,
		fmt.Sprintf("The metadata at %s is about %s, but the server is %s.", shown(where), shown(resource), shown(withoutQuery(server))),
		"If the former is the server you mean, add it by that address; otherwise tell whoever runs the server.")
}

// under reports whether path is parent or lies below it, segment by segment.
func under(parent, path string) bool {
	parent, path = strings.TrimRight(parent, "/"), strings.TrimRight(path, "/")
	return path == parent || strings.HasPrefix(path, parent+"/")
}

// origin is scheme, host and port in the one form that compares (RFC 6454 §4).
func origin(u *url.URL) string {
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || (scheme == "https" && port == "443") || (scheme == "http" && port == "80") {
		return scheme + "://" + host
	}
	return scheme + "://" + host + ":" + port
}

// indicator is the value of `resource` for a server that publishes none: its
// address without query (it may hold a key), fragment and final slash.
func indicator(server *url.URL) string {
	return origin(server) + strings.TrimRight(server.EscapedPath(), "/")
}
