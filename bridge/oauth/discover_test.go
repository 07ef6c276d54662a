package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/fault"
)

func newClient() *Client { return NewClient(Config{UserAgent: "Drawbridge/test"}) }

func bearer(metadata, scope string) Challenge {
	return Challenge{Scheme: "Bearer", ResourceMetadata: metadata, Scope: scope}
}

const (
	prm     = "GET /.well-known/oauth-protected-resource"
	rfc8414 = "GET /.well-known/oauth-authorization-server"
	openid  = "GET /.well-known/openid-configuration"
)

func TestDiscoverOrder(t *testing.T) {
	tests := []struct {
		name      string
		path      string
		challenge string // path of the resource metadata in the challenge
		resource  string // where the resource metadata is
		issuer    string
		server    string // where the authorization server metadata is
		want      []string
	}{
		{
			name: "challenge's URL first", path: "/mcp", challenge: "/special", resource: "GET /special", issuer: "$SELF", server: rfc8414,
			want: []string{"GET /special", rfc8414},
		},
		{
			name: "challenge's URL gone", path: "/mcp", challenge: "/special", resource: prm + "/mcp", issuer: "$SELF", server: rfc8414,
			want: []string{"GET /special", prm + "/mcp", rfc8414},
		},
		{
			name: "path-inserted", path: "/public/mcp", resource: prm + "/public/mcp", issuer: "$SELF", server: rfc8414,
			want: []string{prm + "/public/mcp", rfc8414},
		},
		{
			name: "root", path: "/public/mcp", resource: prm, issuer: "$SELF", server: rfc8414,
			want: []string{prm + "/public/mcp", prm, rfc8414},
		},
		{
			name: "final slash and query", path: "/mcp/?k=v", resource: prm, issuer: "$SELF", server: rfc8414,
			want: []string{prm + "/mcp/?k=v", prm + "/mcp?k=v", prm, rfc8414},
		},
		{
			name: "server at the root", path: "", resource: prm, issuer: "$SELF", server: openid,
			want: []string{prm, rfc8414, openid},
		},
		{
			name: "issuer with a path, last place", path: "", resource: prm, issuer: "$SELF/tenant1", server: "GET /tenant1/.well-known/openid-configuration",
			want: []string{prm, rfc8414 + "/tenant1", openid + "/tenant1", "GET /tenant1/.well-known/openid-configuration"},
		},
		{
			name: "issuer with a final slash", path: "", resource: prm, issuer: "$SELF/", server: openid,
			want: []string{prm, rfc8414, openid},
		},
		{
			name: "issuer with path and final slash", path: "", resource: prm, issuer: "$SELF/a/", server: rfc8414 + "/a",
			want: []string{prm, rfc8414 + "/a"},
		},
		{
			name: "no resource metadata: the server's own origin, OpenID form", path: "/mcp", server: openid, issuer: "$SELF",
			want: []string{prm + "/mcp", prm, rfc8414, openid},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			if tt.resource != "" {
				s.on(tt.resource, s.sends(object{"resource": "$SELF", "authorization_servers": []string{tt.issuer}}))
			}
			s.on(tt.server, s.sends(asMetadata(object{"issuer": tt.issuer})))
			ch := bearer("", "")
			if tt.challenge != "" {
				ch.ResourceMetadata = s.URL + tt.challenge
			}
			d, err := newClient().Discover(t.Context(), s.URL+tt.path, ch)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, s.paths()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if want := strings.ReplaceAll(tt.issuer, "$SELF", s.URL); d.Server.Issuer != want || d.Server.TokenEndpoint != s.URL+"/token" {
				t.Errorf("server = %+v, want issuer %s", d.Server, want)
			}
		})
	}
}

func TestDiscoverRequestCarriesNothingOfTheUser(t *testing.T) {
	s := newSite(t)
	s.on(prm, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "spy", Value: "1"})
		s.sends(object{"resource": "$SELF", "authorization_servers": []string{"$SELF"}})(w, r)
	})
	s.on(rfc8414, s.sends(asMetadata(nil)))
	if _, err := newClient().Discover(t.Context(), s.URL, Challenge{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.requests() {
		if r.Header.Get("Cookie") != "" || r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			t.Errorf("%s %s carried %v", r.Method, r.Path, r.Header)
		}
		if r.Header.Get("Accept") != "application/json" || r.Header.Get("User-Agent") != "Drawbridge/test" || r.Header.Get("MCP-Protocol-Version") == "" {
			t.Errorf("%s %s: headers %v", r.Method, r.Path, r.Header)
		}
	}
}

func TestDiscoverScopes(t *testing.T) {
	tests := []struct {
		name                          string
		challenge                     string
		resource, authorizationServer any
		want                          []string
	}{
		{"of the challenge", "a b", []string{"c"}, nil, []string{"a", "b"}},
		{"of the resource", "", []string{"c", "d"}, []string{"x"}, []string{"c", "d"}},
		{"none", "", nil, []string{"x"}, nil},
		{"offline_access joins", "a", nil, []string{"offline_access", "x"}, []string{"a", "offline_access"}},
		{"offline_access alone", "", nil, []string{"offline_access"}, []string{"offline_access"}},
		{"offline_access once", "offline_access a", nil, []string{"offline_access"}, []string{"offline_access", "a"}},
		{"one string for a list", "", "c d", nil, []string{"c", "d"}},
		{"odd items", "", []any{"c", 1, nil, "d"}, 7, []string{"c", "d"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.on(prm, s.sends(object{"resource": "$SELF", "authorization_servers": []string{"$SELF"}, "scopes_supported": tt.resource}))
			s.on(rfc8414, s.sends(asMetadata(object{"scopes_supported": tt.authorizationServer})))
			d, err := newClient().Discover(t.Context(), s.URL, bearer("", tt.challenge))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, d.Scopes); diff != "" {
				t.Errorf("scopes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDiscoverResource(t *testing.T) {
	const other = "http://127.0.0.1:1"
	tests := []struct {
		name, path, resource string
		ok                   bool
	}{
		{"identical", "/a/mcp", "$SELF/a/mcp", true},
		{"origin", "/a/mcp", "$SELF", true},
		{"origin with slash", "/a/mcp", "$SELF/", true},
		{"parent path", "/a/mcp", "$SELF/a", true},
		{"slash more", "/a/mcp", "$SELF/a/mcp/", true},
		{"another origin", "/a/mcp", other + "/a/mcp", false},
		{"another host by name", "/a/mcp", "https://evil.example/a/mcp", false},
		{"another scheme", "/a/mcp", "https://$HOST/a/mcp", false},
		{"sibling", "/a/mcp", "$SELF/a/mcp2", false},
		{"child", "/a", "$SELF/a/mcp", false},
		{"prefix that is no parent", "/abc", "$SELF/ab", false},
		{"fragment", "/a", "$SELF/a#x", false},
		{"another query", "/a", "$SELF/a?tenant=2", false},
		{"missing", "/a", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			resource := strings.NewReplacer("$SELF", s.URL, "$HOST", strings.TrimPrefix(s.URL, "http://")).Replace(tt.resource)
			s.on("GET /meta", s.sends(object{"resource": resource, "authorization_servers": []string{"$SELF"}}))
			s.on(rfc8414, s.sends(asMetadata(nil)))
			d, err := newClient().Discover(t.Context(), s.URL+tt.path, bearer(s.URL+"/meta", ""))
			if tt.ok {
				if err != nil || d.ResourceIndicator != resource {
					t.Errorf("indicator = %q, %v; want %q byte for byte", d.ResourceIndicator, err, resource)
				}
				return
			}
			if tt.resource == "" {
				wantFault(t, err, fault.BadMetadata, s.URL+"/meta")
			} else {
				wantFault(t, err, fault.BadMetadata, resource, s.URL+tt.path)
			}
			if got := s.paths(); len(got) != 1 {
				t.Errorf("went on after the mismatch: %v", got)
			}
		})
	}
}

func TestIndicatorWithoutMetadata(t *testing.T) {
	for raw, want := range map[string]string{
		"https://mcp.example.com/mcp":          "https://mcp.example.com/mcp",
		"https://mcp.example.com/mcp/":         "https://mcp.example.com/mcp",
		"https://mcp.example.com/":             "https://mcp.example.com",
		"HTTPS://MCP.Example.COM:443/Mcp":      "https://mcp.example.com/Mcp",
		"https://mcp.example.com:8443/mcp?k=v": "https://mcp.example.com:8443/mcp",
		"https://[::1]:8443/a%2Fb":             "https://[::1]:8443/a%2Fb",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := indicator(u); got != want {
			t.Errorf("indicator(%s) = %s, want %s", raw, got, want)
		}
	}
}

func TestDiscoverRefusesServerMetadata(t *testing.T) {
	tests := []struct {
		name    string
		issuer  string
		changes object
		code    fault.Code
		words   []string
	}{
		{"issuer with a slash more", "$SELF", object{"issuer": "$SELF/"}, fault.BadMetadata, []string{`$SELF/"`, `$SELF"`}},
		{"issuer with a slash less", "$SELF/", object{"issuer": "$SELF"}, fault.BadMetadata, []string{`$SELF/"`, `$SELF"`}},
		{"another issuer", "$SELF", object{"issuer": "https://evil.example"}, fault.BadMetadata, []string{"https://evil.example", "$SELF"}},
		{"no issuer", "$SELF", object{"issuer": nil}, fault.BadMetadata, []string{"$SELF"}},
		{"issuer with a query", "$SELF?a=b", nil, fault.BadMetadata, []string{"query"}},
		{"issuer not https", "http://auth.example.com", nil, fault.BadMetadata, []string{"not https"}},
		{"issuer not a web address", "javascript:alert(1)", nil, fault.BadMetadata, []string{"javascript:alert(1)"}},
		{"no PKCE", "$SELF", object{"code_challenge_methods_supported": nil}, fault.Unsupported, []string{"PKCE", "$SELF"}},
		{"plain PKCE only", "$SELF", object{"code_challenge_methods_supported": []string{"plain"}}, fault.Unsupported, []string{"S256"}},
		{"no authorization endpoint", "$SELF", object{"authorization_endpoint": nil}, fault.BadMetadata, []string{"authorization_endpoint"}},
		{"no token endpoint", "$SELF", object{"token_endpoint": nil}, fault.BadMetadata, []string{"token_endpoint"}},
		{"script for an endpoint", "$SELF", object{"authorization_endpoint": "javascript:alert(1)"}, fault.BadMetadata, []string{"authorization_endpoint"}},
		{"file for an endpoint", "$SELF", object{"authorization_endpoint": "file:///etc/passwd"}, fault.BadMetadata, []string{"authorization_endpoint"}},
		{"clear text", "$SELF", object{"token_endpoint": "http://auth.example.com/token"}, fault.BadMetadata, []string{"token_endpoint", "not https"}},
		{"fragment", "$SELF", object{"authorization_endpoint": "$SELF/a#b"}, fault.BadMetadata, []string{"fragment"}},
		{"user information", "$SELF", object{"token_endpoint": "https://u:p@auth.example.com/"}, fault.BadMetadata, []string{"user name"}},
		{"unsafe keys", "$SELF", object{"jwks_uri": "http://keys.example.com/"}, fault.BadMetadata, []string{"jwks_uri"}},
		{"link-local", "$SELF", object{"registration_endpoint": "https://169.254.169.254/latest"}, fault.BadMetadata, []string{"registration_endpoint", "link-local"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.on(prm, s.sends(object{"resource": "$SELF", "authorization_servers": []string{tt.issuer}}))
			doc := asMetadata(object{"issuer": tt.issuer})
			for name, value := range tt.changes {
				doc[name] = value
			}
			s.on(rfc8414, s.sends(doc))
			_, err := newClient().Discover(t.Context(), s.URL, bearer("", ""))
			for i := range tt.words {
				tt.words[i] = strings.ReplaceAll(tt.words[i], "$SELF", s.URL)
			}
			wantFault(t, err, tt.code, tt.words...)
		})
	}
}

func TestDiscoverUsesTheRightDocumentBehindAWrongOne(t *testing.T) {
	s := newSite(t)
	s.on(prm, s.sends(object{"resource": "$SELF", "authorization_servers": []string{"$SELF/t"}}))
	s.on(rfc8414+"/t", s.sends(asMetadata(object{"issuer": "$SELF", "token_endpoint": "$SELF/wrong"})))
	s.on("GET /t/.well-known/openid-configuration", s.sends(asMetadata(object{"issuer": "$SELF/t"})))
	d, err := newClient().Discover(t.Context(), s.URL, Challenge{})
	if err != nil || d.Server.TokenEndpoint != s.URL+"/token" || d.Server.Issuer != s.URL+"/t" {
		t.Errorf("server = %+v, %v", d.Server, err)
	}
}

func TestDiscoverTakesTheNextAuthorizationServer(t *testing.T) {
	s := newSite(t)
	s.on(prm, s.sends(object{"resource": "$SELF", "authorization_servers": []string{"$SELF/none", "$SELF/unfit", "$SELF/good"}}))
	s.on(rfc8414+"/unfit", s.sends(asMetadata(object{"issuer": "$SELF/unfit", "code_challenge_methods_supported": nil})))
	s.on(rfc8414+"/good", s.sends(asMetadata(object{"issuer": "$SELF/good"})))
	d, err := newClient().Discover(t.Context(), s.URL, Challenge{})
	if err != nil || d.Server.Issuer != s.URL+"/good" {
		t.Errorf("issuer = %q, %v", d.Server.Issuer, err)
	}
}

func TestDiscoverDocuments(t *testing.T) {
	html := sendsText(200, "text/html", "<!doctype html><title>Welcome</title>")
	broken := sendsText(200, "application/json", `{"resource": `)
	tests := []struct {
		name      string
		challenge Challenge
		metadata  string // path in the challenge
		answers   map[string]http.HandlerFunc
		code      fault.Code
		words     []string
	}{
		{"nothing, no challenge", Challenge{}, "", nil, fault.NotMCP, []string{"log: /.well-known/oauth-protected-resource/mcp (HTTP 404)", "log: /.well-known/openid-configuration (HTTP 404)", "https://HOST/mcp"}},
		{"nothing, but a challenge", bearer("", ""), "", nil, fault.BadMetadata, []string{"log: /.well-known/oauth-authorization-server (HTTP 404)"}},
		{"a site that answers everything with its home page", Challenge{}, "", map[string]http.HandlerFunc{prm + "/mcp": html, prm: html, rfc8414: html, openid: html}, fault.NotMCP, []string{"log: not JSON"}},
		{"home page where the challenge points", bearer("", ""), "/meta", map[string]http.HandlerFunc{"GET /meta": html}, fault.BadMetadata, []string{"/meta", "not valid JSON"}},
		{"broken JSON", bearer("", ""), "", map[string]http.HandlerFunc{prm: broken}, fault.BadMetadata, []string{"not valid JSON", "/.well-known/oauth-protected-resource"}},
		{"a list", bearer("", ""), "", map[string]http.HandlerFunc{prm: sendsText(200, "application/json", `[1]`)}, fault.BadMetadata, []string{"not valid JSON"}},
		{"too long", bearer("", ""), "", map[string]http.HandlerFunc{prm: sendsText(200, "application/json", `{"a":"`+strings.Repeat("x", maxBody)+`"}`)}, fault.BadMetadata, []string{"over"}},
		{"broken down", bearer("", ""), "", map[string]http.HandlerFunc{rfc8414: sendsText(503, "text/plain", "x")}, fault.Unreachable, []string{"503"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			for what, answer := range tt.answers {
				s.on(what, answer)
			}
			if tt.metadata != "" {
				tt.challenge.ResourceMetadata = s.URL + tt.metadata
			}
			_, err := newClient().Discover(t.Context(), s.URL+"/mcp", tt.challenge)
			wantFault(t, err, tt.code, tt.words...)
		})
	}
}

func TestDiscoverTakesJSONUnderAnotherName(t *testing.T) {
	s := newSite(t)
	s.on(prm, sendsText(200, "text/plain", `{"resource":"`+s.URL+`","authorization_servers":"`+s.URL+`"}`))
	s.on(rfc8414, s.sends(asMetadata(nil)))
	if _, err := newClient().Discover(t.Context(), s.URL, Challenge{}); err != nil {
		t.Error(err)
	}
}

func TestDiscoverBadAddresses(t *testing.T) {
	c := newClient()
	for _, raw := range []string{"", "mcp", "/mcp", "ftp://mcp.example.com", "http://mcp.example.com/mcp", "https://", "https://u:p@h/", "https://h/#x", "%"} {
		_, err := c.Discover(t.Context(), raw, Challenge{})
		wantFault(t, err, fault.BadURL)
	}
	for _, raw := range []string{"javascript:alert(1)", "http://meta.example.com/x", "https://10.1.2.3.4.5/#", "https://169.254.169.254/x"} {
		s := newSite(t)
		_, err := c.Discover(t.Context(), s.URL, bearer(raw, ""))
		wantFault(t, err, fault.BadMetadata)
		if len(s.paths()) != 0 {
			t.Errorf("%s: asked %v", raw, s.paths())
		}
	}
}

func TestDiscoverAway(t *testing.T) {
	s := newSite(t)
	s.Close()
	_, err := newClient().Discover(t.Context(), s.URL, Challenge{})
	wantFault(t, err, fault.Unreachable, strings.TrimPrefix(s.URL, "http://"))
}

func TestDiscoverSlowAndCancelled(t *testing.T) {
	s := newSite(t)
	s.on(prm, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := newClient().Discover(ctx, s.URL, Challenge{})
	wantFault(t, err, fault.Unreachable, "in time")

	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = newClient().Discover(ctx, s.URL, Challenge{})
	var f *fault.Error
	if !errors.Is(err, context.Canceled) || errors.As(err, &f) {
		t.Errorf("after cancelling: %v", err)
	}
}

// Credentials belong to an issuer: one that is down for a minute must not move
// everybody to another.
func TestDiscoverDoesNotPassOverAServerThatIsAway(t *testing.T) {
	s, away := newSite(t), newSite(t)
	away.Close()
	s.on(prm, s.sends(object{"resource": "$SELF", "authorization_servers": []string{away.URL, "$SELF"}}))
	s.on(rfc8414, s.sends(asMetadata(nil)))
	_, err := newClient().Discover(t.Context(), s.URL, Challenge{})
	wantFault(t, err, fault.Unreachable, strings.TrimPrefix(away.URL, "http://"))
}
