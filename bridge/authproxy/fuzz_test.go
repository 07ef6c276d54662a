package authproxy_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"drawbridge/bridge/authproxy"
)

// FuzzAuthorize: whatever a client registers and asks for, a browser is sent only to
// a place on the lists that the client has registered, and never to the provider
// without a question.
func FuzzAuthorize(f *testing.F) {
	for _, uri := range []string{loop, "https://editor.example/cb?a=b", "cursor://anysphere/cb", "https://editor.example@evil.example/", "http://127.0.0.1:1@evil.example", "http://[::1]:1/", "javascript://x", "https://editor.example\\.evil.example/"} {
		f.Add(uri, "state="+url.QueryEscape(uri)+"&response_type=code")
	}
	r := newRig(f, func(c *authproxy.Config, _ *authproxy.UpstreamConfig) {
		c.Redirects, c.Log = authproxy.Redirects{Domains: []string{"editor.example"}, Schemes: []string{"cursor"}}, nil
	})
	f.Fuzz(func(t *testing.T, uri, query string) {
		r.t = t                             // of one input after another
		uri = strings.ToValidUTF8(uri, "?") // as JSON has it
		quoted, err := json.Marshal(uri)
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequest(http.MethodPost, base+authproxy.RegisterPath, strings.NewReader(`{"redirect_uris":[`+string(quoted)+`]}`))
		req.Header.Set("Content-Type", "application/json")
		resp := r.serve(req)
		allowed := resp.StatusCode == http.StatusCreated
		if u, err := url.Parse(uri); allowed && (err != nil || u.User != nil || u.Fragment != "" ||
			u.Scheme != "cursor" && u.Hostname() != "editor.example" && !slices.Contains([]string{"localhost", "::1"}, strings.ToLower(u.Hostname())) && !strings.HasPrefix(u.Hostname(), "127.") && !strings.HasPrefix(u.Hostname(), "::ffff:127.") && u.Hostname() != "0:0:0:0:0:0:0:1") {
			t.Errorf("%q is registered", uri)
		}
		id := "x"
		if allowed {
			id = r.register("An editor", uri)
		}
		req = httptest.NewRequest(http.MethodGet, base+authproxy.AuthorizePath, nil)
		req.URL.RawQuery = query + "&" + url.Values{"client_id": {id}, "redirect_uri": {uri}}.Encode()
		resp = r.serve(req)
		to := resp.Header.Get("Location")
		before, _, _ := strings.Cut(uri, "?")
		if to != "" && (!allowed || !strings.HasPrefix(strings.ToLower(to), strings.ToLower(before[:strings.Index(before, ":")+1]))) || strings.HasPrefix(to, r.idp.URL) {
			t.Errorf("%q with %q leads to %q", uri, query, to)
		}
	})
}
