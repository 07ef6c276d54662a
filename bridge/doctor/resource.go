package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
)

// resourceMetadata finds and judges the metadata of the server (RFC 9728). It
// reports whether there is an authorization server to go on with.
func (w *walk) resourceMetadata(ctx context.Context) bool {
	places := oauth.ResourceURLs(w.Server.URL, w.challenge)
	m, err := w.oauth.ResourceMetadata(ctx, w.Server.URL, w.challenge)
	seen := w.documents()
	doc, has := seen.judged(err == nil)
	l := report.Line{ID: "resource.metadata", Title: "Its metadata can be found", Ref: "RFC 9728 §3.1, §5.1"}
	switch {
	case has:
		l.Status, l.Got = report.OK, doc.url.String()
		if seen.tries() > 1 {
			l.Got += fmt.Sprintf(" (the %d. of %d places)", seen.tries(), len(places))
		}
		w.add(l)
	case err != nil:
		w.fail(l, err)
		return false
	default:
		l.Status, l.Got = report.Warn, "none: "+seen.words()
		l.Remedy = "Tell whoever runs the server: MCP demands protected resource metadata (RFC 9728) since 2025-06-18. Drawbridge looks for a sign-in at the server's own address, as in 2025-03-26."
		w.add(l)
		return true
	}
	w.judgeResource(doc, err == nil)
	if err != nil {
		if !w.failed(report.Resource) {
			w.fail(report.Line{ID: "resource.usable", Title: "Its metadata can be used", Ref: "RFC 9728 §3.3"}, err)
		}
		return false
	}
	w.resource = m
	return true
}

// judgeResource looks at the members of the document. accepted says whether
// Drawbridge uses it: then nothing in it is red.
func (w *walk) judgeResource(doc document, accepted bool) {
	w.contentType("resource.type", "RFC 9728 §3.2", doc)
	resource := doc.text("resource")
	l := report.Line{ID: "resource.identifier", Title: "It is about this server, by the same address", Ref: "RFC 9728 §3.3", Exchanges: doc.exchange()}
	switch {
	case resource == w.Server.URL:
		l.Status, l.Got = report.OK, resource
	case accepted:
		l.Status, l.Got = report.Warn, fmt.Sprintf("resource is %q, the address is %q", resource, w.shownURL())
		l.Remedy = "It is taken, being of the same origin and a parent path. Tell whoever runs the server that the two should be identical."
	case resource == "":
		l.Status, l.Got, l.Remedy = report.Fail, "no resource member", "Tell whoever runs the server: its metadata lacks `resource` (RFC 9728 §2)."
	default:
		l.Status, l.Got = report.Fail, fmt.Sprintf("resource is %q, the address is %q", resource, w.shownURL())
		l.Remedy = "If the former is the server you mean, add it by that address; otherwise tell whoever runs the server."
	}
	w.add(l)
	if l.Status == report.Fail {
		return
	}
	servers := doc.list("authorization_servers")
	l = report.Line{ID: "resource.authorization_servers", Title: "It names its authorization server", Ref: "RFC 9728 §2; " + mcpAuth, Exchanges: doc.exchange()}
	l.Status, l.Got = report.OK, strings.Join(servers, ", ")
	if len(servers) == 0 {
		l.Status, l.Got = report.Warn, "it names none"
		l.Remedy = "Tell whoever runs the server: MCP demands at least one. Drawbridge looks at the server's own address."
	}
	w.add(l)
	scopes := doc.list("scopes_supported")
	l = report.Line{ID: "resource.scopes", Title: "It says which scopes there are", Ref: "RFC 9728 §2; " + mcpAuth, Status: report.OK, Got: strings.Join(scopes, " "), Exchanges: doc.exchange()}
	if len(scopes) == 0 {
		l.Got = "it does not (optional)"
	}
	w.add(l)
	if methods := doc.list("bearer_methods_supported"); len(methods) > 0 && !contains(methods, "header") {
		w.add(report.Line{
			ID: "resource.bearer_methods", Title: "It takes tokens in the Authorization header", Ref: "RFC 9728 §2, RFC 6750 §2.1", Status: report.Warn,
			Got: "bearer_methods_supported: " + strings.Join(methods, ", "), Remedy: "Tell whoever runs the server: MCP sends tokens in the header only.", Exchanges: doc.exchange(),
		})
	}
}

// contentType judges the type that a document came with.
func (w *walk) contentType(id, ref string, doc document) {
	if kind := doc.contentType(); kind != "application/json" {
		w.add(report.Line{
			ID: id, Title: "The document says that it is JSON", Ref: ref, Status: report.Warn, Exchanges: doc.exchange(),
			Got: fmt.Sprintf("Content-Type: %q", kind), Remedy: "Tell whoever runs the server: it should be application/json.",
		})
	}
}

// issuer is whose metadata is looked for.
func (w *walk) issuer() string {
	switch given := w.Server.OAuth.Endpoints.Issuer; {
	case given != "":
		return given
	case len(w.resource.AuthorizationServers) > 0:
		return w.resource.AuthorizationServers[0]
	}
	return oauth.FallbackIssuer(w.Server.URL)
}

// serverMetadata finds and judges the metadata of the authorization server
// (RFC 8414). It reports whether somebody could sign in there.
func (w *walk) serverMetadata(ctx context.Context) bool {
	d, err := w.oauth.Discover(ctx, w.Server.URL, w.challenge)
	seen := w.documents().about("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
	doc, has := seen.judged(err == nil)
	issuer := w.issuer()
	defer func() { w.provider(oauth.PresetFor(issuer), issuer) }()
	l := report.Line{ID: "issuer.metadata", Title: "Its metadata can be found", Ref: "RFC 8414 §3.1, OpenID Connect Discovery §4; " + mcpAuth, Exchanges: seen.exchanges()}
	if !has {
		switch {
		case err == nil && d.Server.Guessed:
			return w.guessed(ctx, l, d)
		case err == nil:
			l.Got = "the endpoints that you gave: " + d.Server.TokenEndpoint
			l.Status, l.Exchanges = report.OK, []int{}
			if w.Server.OAuth.Endpoints.Token == "" {
				l.Got = "none for " + issuer + "; the endpoints that are known of " + d.Preset.Name + " are used"
			}
			w.add(l)
			w.found, w.usable = d, true
			return true
		case err != nil && fault.Is(err, fault.Unreachable):
			w.fail(l, err)
		case err != nil:
			l.Status, l.Got = report.Fail, fmt.Sprintf("none for %q: %s", issuer, seen.words())
			l.Remedy = fault.Public(err).Next
			w.add(l)
		}
		return false
	}
	l.Status, l.Got = report.OK, doc.url.String()
	w.add(l)
	w.contentType("issuer.type", "RFC 8414 §3.2", doc)
	w.judgeServer(ctx, doc, issuer, err == nil)
	if err != nil {
		if !w.failed(report.Issuer) {
			w.fail(report.Line{ID: "issuer.usable", Title: "Its metadata can be used", Ref: "RFC 8414 §3.3", Exchanges: seen.exchanges()}, err)
		}
		return false
	}
	w.found, w.usable = d, true
	return true
}

// guessed looks whether anybody is at the paths of MCP 2025-03-26, which are used
// where there is no metadata of any kind.
func (w *walk) guessed(ctx context.Context, l report.Line, d oauth.Discovery) bool {
	l.Exchanges = nil
	status := 0
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Server.AuthorizationEndpoint, nil)
	if err == nil {
		var resp *http.Response
		if resp, err = w.oauth.HTTPClient().Do(req); err == nil {
			status = resp.StatusCode
			_ = resp.Body.Close()
		}
	}
	if err != nil || status == http.StatusNotFound {
		l.Status, l.Got = report.Fail, fmt.Sprintf("none: %s", w.documents().words())
		l.Remedy = "Check the address; if it is right, tell whoever runs the server that it needs RFC 9728 and RFC 8414 metadata. Endpoints that you know: --authorization-endpoint, --token-endpoint"
		w.add(l)
		return false
	}
	l.Ref = "MCP 2025-03-26, authorization: fallbacks"
	l.Status, l.Got = report.Warn, fmt.Sprintf("none; there is something at %s (HTTP %d)", d.Server.AuthorizationEndpoint, status)
	l.Remedy = "Drawbridge uses /authorize, /token and /register there, as in 2025-03-26. Tell whoever runs the server that it needs RFC 9728 and RFC 8414 metadata."
	w.add(l)
	w.found, w.usable = d, true
	return true
}
