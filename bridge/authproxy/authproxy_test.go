package authproxy_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/authproxy"
	"drawbridge/bridge/secret"
)

// The whole way: the provider sees its one client and a PKCE of the bridge's own,
// the client gets the provider's access token and a refresh token that is good at
// the bridge only.
func TestSignIn(t *testing.T) {
	r := newRig(t, nil)
	id := r.register("An editor", loop)
	b := r.browser()
	resp, page := b.get(asks(id))
	for _, want := range []string{"“An editor”", "127.0.0.1:9999", "notes", "mcp", strings.TrimPrefix(r.idp.URL, "http://")} {
		if !strings.Contains(page, want) {
			t.Errorf("the page that asks does not name %q:\n%s", want, page)
		}
	}
	csp := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "script") || resp.Header.Get("X-Frame-Options") != "DENY" ||
		resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(page, "<script") {
		t.Errorf("the page that asks: %v", resp.Header)
	}
	_, page = b.answer(page, "allow")
	at := leads(t, page)
	q := at.Query()
	if at.Path != "/auth" || q.Get("client_id") != "the-bridge" || q.Get("redirect_uri") != base+"/oauth/callback" || q.Get("code_challenge_method") != "S256" ||
		q.Get("scope") != "mcp" || q.Has("resource") || strings.Contains(asks(id), q.Get("code_challenge")) {
		t.Errorf("the provider is asked %v", at)
	}
	resp, _ = b.get(r.signsIn(at))
	back, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	status, said := r.token(redeems(id, back.Query().Get("code")))
	if status != 200 || said["access_token"] != "token-for-bridge" || said["token_type"] != "Bearer" || said["expires_in"] != float64(300) || said["scope"] != "mcp" {
		t.Fatalf("HTTP %d %v", status, said)
	}
	if _, ok := said["id_token"]; ok {
		t.Error("the client gets the ID token, too")
	}
	refresh, _ := said["refresh_token"].(string)
	if refresh == "" || strings.Contains(refresh, "refresh-of-the-provider") {
		t.Fatalf("the refresh token is %q", refresh)
	}
	status, said = r.token(url.Values{"grant_type": {"refresh_token"}, "client_id": {id}, "refresh_token": {refresh}})
	if status != 200 || said["access_token"] != "token-for-bridge" || said["refresh_token"] == "" {
		t.Errorf("HTTP %d %v", status, said)
	}
	if got := r.kinds(); !slices.Equal(got, []string{"signed_in", "refreshed"}) || r.events[0].Who.Subject != "ada" || r.events[0].Client != "An editor" || r.events[0].Server != "notes" {
		t.Errorf("the record: %+v", r.events)
	}
	r.quiet(back.Query().Get("code"), refresh, q.Get("state"))
}

// A yes is remembered for this client, this browser and these wishes.
func TestConsentIsRemembered(t *testing.T) {
	r := newRig(t, nil)
	id, other := r.register("An editor", loop), r.register("An editor", loop)
	b := r.browser()
	b.allows(asks(id))
	again := func(b *browser, request string) bool {
		t.Helper()
		resp, _ := b.get(request)
		to, err := resp.Location()
		return err == nil && strings.HasPrefix(to.String(), r.idp.URL)
	}
	anotherPort := strings.Replace(loop, "9999", "10001", 1)
	for _, tt := range []struct {
		name, request string
		want          bool
	}{
		{"the same", asks(id), true},
		{"another port of loopback", asks(id, "redirect_uri", anotherPort), true},
		{"another client of the same name", asks(other), false},
		{"more scopes", asks(id, "scope", "mcp openid"), false},
		{"another resource", asks(id, "resource", base+"/notes/sse"), false},
		{"all resources", asks(id, "resource", ""), false},
	} {
		if got := again(b, tt.request); got != tt.want {
			t.Errorf("%s: sent on without a question: %v", tt.name, got)
		}
	}
	if again(r.browser(), asks(id)) {
		t.Error("another browser was sent on without a question")
	}
	r.later(31 * 24 * time.Hour)
	if again(b, asks(id)) {
		t.Error("after 31 days nobody was asked")
	}
}

// A no goes back to the client and into the record, and is not remembered.
func TestDenied(t *testing.T) {
	r := newRig(t, nil)
	id := r.register("An editor", loop)
	b := r.browser()
	_, page := b.get(asks(id))
	_, page = b.answer(page, "deny")
	at := leads(t, page)
	if q := at.Query(); at.Host != "127.0.0.1:9999" || q.Get("error") != "access_denied" || q.Get("state") != "state-of-the-client" || q.Get("iss") != base || q.Has("code") {
		t.Errorf("the client is told %v", at)
	}
	if got := r.kinds(); !slices.Equal(got, []string{"denied"}) {
		t.Errorf("the record: %v", got)
	}
	if _, page = b.get(asks(id)); !strings.Contains(page, allowButton) {
		t.Error("a no was remembered")
	}
	// The same at the provider.
	_, page = b.answer(page, "allow")
	state := leads(t, page).Query().Get("state")
	resp, _ := b.get(base + authproxy.CallbackPath + "?error=access_denied&error_description=a+text+of+the+provider&state=" + url.QueryEscape(state))
	back, err := resp.Location()
	if err != nil || back.Query().Get("error") != "access_denied" || strings.Contains(back.String(), "text") {
		t.Errorf("the client is told %v %v", back, err)
	}
}

// What a client may ask for is bounded, and it is told through its redirect URI.
func TestWishes(t *testing.T) {
	r := newRig(t, nil)
	id := r.register("An editor", loop)
	for _, tt := range []struct{ name, value, says string }{
		{"response_type", "token", "unsupported_response_type"},
		{"response_mode", "fragment", "invalid_request"},
		{"code_challenge", "", "invalid_request"},
		{"code_challenge", strings.Repeat("a", 300), "invalid_request"},
		{"code_challenge_method", "plain", "invalid_request"},
		{"code_challenge_method", "", "invalid_request"},
		{"resource", "https://other.example/mcp", "invalid_target"},
		{"resource", base + "/unknown/mcp", "invalid_target"},
		{"resource", base + ".other.example/notes/mcp", "invalid_target"},
		{"scope", "mcp admin", "invalid_scope"},
		{"scope", strings.Repeat("mcp ", 1000), "invalid_scope"},
	} {
		resp, _ := r.browser().get(asks(id, tt.name, tt.value))
		back, err := resp.Location()
		if err != nil || back.Host != "127.0.0.1:9999" || back.Query().Get("error") != tt.says || back.Query().Get("iss") != base || back.Query().Get("state") == "" {
			t.Errorf("%s=%.40s: HTTP %d, to %v", tt.name, tt.value, resp.StatusCode, back)
		}
	}
}

func TestRegister(t *testing.T) {
	r := newRig(t, func(c *authproxy.Config, _ *authproxy.UpstreamConfig) {
		c.Redirects = authproxy.Redirects{Domains: []string{"editor.example"}, Schemes: []string{"cursor"}}
	})
	status, said := r.post(authproxy.RegisterPath, "application/json",
		`{"client_name":"An\u202eeditor\n","redirect_uris":["https://evil.example/cb","https://editor.example/cb","cursor://anysphere/cb"],"token_endpoint_auth_method":"client_secret_post"}`)
	uris, _ := said["redirect_uris"].([]any)
	if status != 201 || len(uris) != 2 || said["token_endpoint_auth_method"] != "none" || said["client_secret"] != nil || said["client_name"] != "Aneditor" {
		t.Errorf("HTTP %d %v", status, said)
	}
	for _, tt := range []struct {
		name, kind, body string
		status           int
		says             string
	}{
		{"no redirect", "application/json", `{}`, 400, "invalid_redirect_uri"},
		{"a foreign one", "application/json", `{"redirect_uris":["https://evil.example/cb"]}`, 400, "invalid_redirect_uri"},
		{"many", "application/json", `{"redirect_uris":["` + strings.Repeat(`http://127.0.0.1/","`, 20) + `"]}`, 400, "invalid_redirect_uri"},
		{"long together", "application/json", `{"redirect_uris":["` + strings.Repeat(`http://127.0.0.1/`+strings.Repeat("a", 900)+`","`, 5) + `http://127.0.0.1/"]}`, 400, "invalid_client_metadata"},
		{"no JSON", "application/json", `redirect_uris`, 400, "invalid_client_metadata"},
		{"a form", "text/plain", `{}`, 415, "invalid_client_metadata"},
		{"too large", "application/json", `{"a":"` + strings.Repeat("a", 256<<10) + `"}`, 413, "invalid_client_metadata"},
		{"client credentials", "application/json", `{"redirect_uris":["` + loop + `"],"grant_types":["client_credentials"]}`, 400, "invalid_client_metadata"},
	} {
		if status, said := r.post(authproxy.RegisterPath, tt.kind, tt.body); status != tt.status || said["error"] != tt.says {
			t.Errorf("%s: HTTP %d %v", tt.name, status, said)
		}
	}
}

// A client is known by every bridge with the key, and by none with another.
func TestClientsOutliveTheBridge(t *testing.T) {
	first := newRig(t, nil)
	id := first.register("An editor", loop)
	if _, page := newRig(t, nil).browser().get(asks(id)); !strings.Contains(page, allowButton) {
		t.Errorf("after a restart the client is not known:\n%s", page)
	}
	other := newRig(t, func(c *authproxy.Config, _ *authproxy.UpstreamConfig) {
		c.Key = secret.New("another key that has 32 bytes and more, too")
	})
	if resp, page := other.browser().get(asks(id)); resp.StatusCode != 400 || strings.Contains(page, allowButton) {
		t.Errorf("a bridge with another key knows the client: HTTP %d", resp.StatusCode)
	}
}

func TestMetadata(t *testing.T) {
	r := newRig(t, nil)
	w := httptest.NewRecorder()
	r.proxy.Metadata(w, httptest.NewRequest(http.MethodGet, base+"/.well-known/oauth-authorization-server", nil))
	for _, want := range []string{`"issuer":"` + base + `"`, `"registration_endpoint":"` + base + `/oauth/register"`, `"code_challenge_methods_supported":["S256"]`, `"authorization_response_iss_parameter_supported":true`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the metadata lacks %s: %s", want, w.Body)
		}
	}
}

// Settings that cannot be meant are refused at the start.
func TestSettings(t *testing.T) {
	for name, change := range map[string]func(*authproxy.Config){
		"http":         func(c *authproxy.Config) { c.Base = "http://bridge.example" },
		"everywhere":   func(c *authproxy.Config) { c.Base = "https://0.0.0.0:7420" },
		"a path":       func(c *authproxy.Config) { c.Base = base + "/below" },
		"a short key":  func(c *authproxy.Config) { c.Key = secret.New("short") },
		"javascript":   func(c *authproxy.Config) { c.Redirects.Schemes = []string{"javascript"} },
		"https scheme": func(c *authproxy.Config) { c.Redirects.Schemes = []string{"https"} },
		"a top domain": func(c *authproxy.Config) { c.Redirects.Domains = []string{"*.com/x"} },
		"every host":   func(c *authproxy.Config) { c.Redirects.Domains = []string{"*"} },
		"exact http":   func(c *authproxy.Config) { c.Redirects.Exact = []string{"http://editor.example/cb"} },
		"exact data":   func(c *authproxy.Config) { c.Redirects.Exact = []string{"data://x/y"} },
	} {
		c := newRig(t, nil).cfg
		change(&c)
		if _, err := authproxy.New(c); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// The provider's words stay in the log; the client learns what it can act on.
func TestTheProviderSaysNo(t *testing.T) {
	for _, tt := range []struct {
		status int
		says   string
		want   int
		code   string
	}{
		{400, `{"error":"invalid_grant","error_description":"a text of the provider"}`, 400, "invalid_grant"},
		{401, `{"error":"invalid_client","error_description":"a text of the provider"}`, 500, "server_error"},
		{503, `a text of the provider`, 503, "temporarily_unavailable"},
	} {
		r := newRig(t, nil)
		id := r.register("An editor", loop)
		code, _ := r.browser().allows(asks(id))
		r.idp.status, r.idp.says = tt.status, tt.says
		status, said := r.token(redeems(id, code))
		if status != tt.want || said["error"] != tt.code || strings.Contains(said["error_description"].(string), "text of the provider") {
			t.Errorf("HTTP %d of the provider: HTTP %d %v", tt.status, status, said)
		}
		r.quiet(code)
	}
}

// What the guard would not let in is not handed out.
func TestTokensThatTheGuardRefuses(t *testing.T) {
	for audience, want := range map[string]string{"other": "server_error", "revoked": "invalid_grant"} {
		r := newRig(t, nil)
		r.idp.audience = audience
		id := r.register("An editor", loop)
		code, _ := r.browser().allows(asks(id))
		if status, said := r.token(redeems(id, code)); status < 400 || said["error"] != want || said["access_token"] != nil || said["refresh_token"] != nil {
			t.Errorf("a token for %s: HTTP %d %v", audience, status, said)
		}
		if got := r.kinds(); !slices.Equal(got, []string{"denied"}) {
			t.Errorf("the record: %v", got)
		}
	}
}

// A client that signs out ends the sign-in at the provider, and only its own.
func TestRevoke(t *testing.T) {
	r := newRig(t, nil)
	id, other := r.register("An editor", loop), r.register("Another", loop)
	code, _ := r.browser().allows(asks(id))
	_, said := r.token(redeems(id, code))
	token := said["refresh_token"].(string)
	revoke := func(id, token string) int {
		status, _ := r.post(authproxy.RevokePath, "application/x-www-form-urlencoded", url.Values{"client_id": {id}, "token": {token}}.Encode())
		return status
	}
	for _, tt := range []struct {
		name, id, token string
		want            int
	}{
		{"another client's", other, token, 400},
		{"nobody's", "dbc_x", token, 401},
		{"no token", id, "", 400},
		{"a token of somebody else's", id, "token-for-bridge", 200},
	} {
		if got := revoke(tt.id, tt.token); got != tt.want || len(r.idp.revoked) != 0 {
			t.Errorf("%s: HTTP %d, the provider was told %q", tt.name, got, r.idp.revoked)
		}
	}
	if got := revoke(id, token); got != 200 || !slices.Equal(r.idp.revoked, []string{"refresh-of-the-provider"}) {
		t.Errorf("HTTP %d, the provider was told %q", got, r.idp.revoked)
	}
	if got := r.kinds(); !slices.Equal(got, []string{"signed_in", "revoked"}) {
		t.Errorf("the record: %v", got)
	}
	r.idp.status = 503
	if got := revoke(id, token); got != 503 {
		t.Errorf("the provider is away: HTTP %d", got)
	}
	r.quiet(token)
}

// A guard that cannot tell for a moment costs nobody the sign-in; one that cannot
// for longer hands out nothing.
func TestTheGuardIsAway(t *testing.T) {
	for away, want := range map[int]int{2: 200, 100: 503} {
		asked := 0
		r := newRig(t, func(c *authproxy.Config, _ *authproxy.UpstreamConfig) {
			c.Accept = func(context.Context, secret.String) (authproxy.Who, error) {
				if asked++; asked <= away {
					return authproxy.Who{}, authproxy.ErrAway
				}
				return authproxy.Who{Subject: "ada"}, nil
			}
		})
		id := r.register("An editor", loop)
		code, _ := r.browser().allows(asks(id))
		if status, said := r.token(redeems(id, code)); status != want || (said["access_token"] != nil) != (want == 200) {
			t.Errorf("away %d times: HTTP %d %v", away, status, said)
		}
	}
}

// A provider whose access tokens are its own: the ID token takes their place.
func TestIDToken(t *testing.T) {
	r := newRig(t, func(c *authproxy.Config, u *authproxy.UpstreamConfig) {
		u.IDToken, u.Scopes = true, []string{"openid"}
		u.Params = url.Values{"access_type": {"offline"}}
	})
	id := r.register("An editor", loop)
	b := r.browser()
	_, page := b.get(asks(id))
	_, page = b.answer(page, "allow")
	if q := leads(t, page).Query(); q.Get("scope") != "openid mcp" || q.Get("access_type") != "offline" {
		t.Errorf("the provider is asked %v", q)
	}
	resp, _ := b.get(r.signsIn(leads(t, page)))
	back, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	if status, said := r.token(redeems(id, back.Query().Get("code"))); status != 500 || !strings.Contains(r.log.String(), "another audience") {
		t.Errorf("HTTP %d %v: the guard was asked about another token than the ID token", status, said)
	}
}
