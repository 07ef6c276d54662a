package authproxy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/authproxy"
)

// A state is good once, in the browser that it was made for, for ten minutes.
func TestStates(t *testing.T) {
	r := newRig(t, nil)
	id := r.register("An editor", loop)
	b := r.browser()
	// toProvider is a sign-in up to the provider, and what it would answer.
	toProvider := func() string {
		_, page := b.get(asks(id))
		if strings.Contains(page, allowButton) {
			_, page = b.answer(page, "allow")
			return r.signsIn(leads(t, page))
		}
		resp, _ := b.get(asks(id))
		at, err := resp.Location()
		if err != nil {
			t.Fatal(err)
		}
		return r.signsIn(at)
	}
	changed := func(address string, change func(q url.Values)) string {
		u, _ := url.Parse(address)
		q := u.Query()
		change(q)
		u.RawQuery = q.Encode()
		return u.String()
	}
	used := toProvider()
	if resp, _ := b.get(used); resp.StatusCode != http.StatusFound {
		t.Fatalf("the right answer: HTTP %d", resp.StatusCode)
	}
	fresh := toProvider()
	for _, tt := range []struct {
		name, address string
		by            *browser
	}{
		{"replayed", used, b},
		{"none", changed(fresh, func(q url.Values) { q.Del("state") }), b},
		{"two", fresh + "&state=x", b},
		{"forged", changed(fresh, func(q url.Values) {
			q.Set("state", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY.QUJDREVGR0hJSktMTU5PUFFSU1RVVldY")
		}), b},
		{"one letter changed", changed(fresh, func(q url.Values) { q.Set("state", "A"+q.Get("state")[1:]) }), b},
		{"signed part cut off", changed(fresh, func(q url.Values) { q.Set("state", strings.Split(q.Get("state"), ".")[0]) }), b},
		{"too long", changed(fresh, func(q url.Values) { q.Set("state", strings.Repeat("a", 300)) }), b},
		{"in another browser", fresh, r.browser()},
		{"in another browser that signs in, too", fresh, func() *browser { o := r.browser(); o.allows(asks(id)); return o }()},
	} {
		failed := r.failed
		resp, page := tt.by.get(tt.address)
		if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Location") != "" || r.failed != failed+1 {
			t.Errorf("%s: HTTP %d, to %q, %d failures noted\n%s", tt.name, resp.StatusCode, resp.Header.Get("Location"), r.failed-failed, page)
		}
	}
	if resp, _ := b.get(fresh); resp.StatusCode != http.StatusFound {
		t.Errorf("the others' tries spoilt it: HTTP %d", resp.StatusCode)
	}
	late := toProvider()
	r.later(10*time.Minute + time.Second)
	if resp, _ := b.get(late); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("after ten minutes: HTTP %d", resp.StatusCode)
	}
	if n := r.idp.asked("authorization_code"); n != 0 {
		t.Errorf("the provider was asked for tokens %d times", n)
	}
}

// endless is a store that forgets nothing by itself.
type endless struct{ *authproxy.Memory }

func (e endless) Put(ctx context.Context, key string, value []byte, _ time.Duration) error {
	return e.Memory.Put(ctx, key, value, 1000*time.Hour)
}

// A state ends by itself, whatever the store thinks.
func TestStatesEnd(t *testing.T) {
	r := newRig(t, func(c *authproxy.Config, _ *authproxy.UpstreamConfig) { c.Store = endless{authproxy.NewMemory(nil)} })
	b := r.browser()
	_, page := b.get(asks(r.register("An editor", loop)))
	_, page = b.answer(page, "allow")
	address := r.signsIn(leads(t, page))
	r.later(10*time.Minute + time.Second)
	if resp, _ := b.get(address); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("HTTP %d", resp.StatusCode)
	}
}

// Of those who come with one state at the same time one gets a code.
func TestOneStateAtOnce(t *testing.T) {
	r := newRig(t, nil)
	b := r.browser()
	_, page := b.get(asks(r.register("An editor", loop)))
	_, page = b.answer(page, "allow")
	address := r.signsIn(leads(t, page))
	var good atomic.Int32
	var work sync.WaitGroup
	for range 20 {
		work.Go(func() {
			req := httptest.NewRequest(http.MethodGet, address, nil)
			for name, value := range b.cookies {
				req.AddCookie(&http.Cookie{Name: name, Value: value})
			}
			w := httptest.NewRecorder()
			r.proxy.Callback(w, req)
			if w.Code == http.StatusFound {
				good.Add(1)
			}
		})
	}
	work.Wait()
	if good.Load() != 1 {
		t.Errorf("%d of 20 got a code", good.Load())
	}
}

// An answer that is somebody else's is not believed (RFC 9207).
func TestMixUp(t *testing.T) {
	r := newRig(t, nil)
	r.idp.issParam = true
	id := r.register("An editor", loop)
	for _, tt := range []struct {
		iss  []string
		good bool
	}{{[]string{r.idp.URL}, true}, {nil, false}, {[]string{"https://other.example"}, false}, {[]string{r.idp.URL, r.idp.URL}, false}} {
		b := r.browser()
		_, page := b.get(asks(id))
		_, page = b.answer(page, "allow")
		resp, _ := b.get(r.signsIn(leads(t, page)) + "&" + url.Values{"iss": tt.iss}.Encode())
		back, err := resp.Location()
		if err != nil || back.Query().Has("code") != tt.good || !tt.good && back.Query().Get("error") != "server_error" {
			t.Errorf("iss %q: HTTP %d, to %v", tt.iss, resp.StatusCode, back)
		}
	}
}

// Nobody is sent to an address that is not the client's, nor told by it.
func TestForeignRedirects(t *testing.T) {
	r := newRig(t, func(c *authproxy.Config, _ *authproxy.UpstreamConfig) {
		c.Redirects = authproxy.Redirects{Domains: []string{"editor.example", "*.apps.example"}, Schemes: []string{"cursor"}, Exact: []string{"https://exact.example/cb?a=b"}}
	})
	all := []string{loop, "https://editor.example/cb", "https://a.apps.example/cb", "cursor://anysphere/cb", "https://exact.example/cb?a=b", "http://[::1]/cb", "http://localhost/cb"}
	id := r.register("An editor", all...)
	for _, uri := range all {
		if resp, page := r.browser().get(asks(id, "redirect_uri", uri)); resp.StatusCode != 200 || !strings.Contains(page, allowButton) {
			t.Errorf("%s: HTTP %d", uri, resp.StatusCode)
		}
	}
	foreign := []string{
		"", "https://evil.example/cb", "https://editor.example.evil.example/cb", "https://evileditor.example/cb", "https://apps.example/cb", "https://editor.example/other",
		"https://editor.example:8443/cb", "https://editor.example@evil.example/cb", "https://ada@editor.example/cb", "https://fakeapps.example/cb", "https://a.fakeapps.example/cb", "http://ada@127.0.0.1/cb", "https://editor.example/cb|", "http://127.0.0.1/#", "cursor://x/y#z", "https://editor.example\\@evil.example/cb", "https://editor.example/cb#x", "https://editor.example/cb?x=y",
		"http://editor.example/cb", "http://127.0.0.1.evil.example/callback", "http://127.0.0.1:9999/other", "http://127.1/callback", "http://192.0.2.1/callback", "http://localhost:9999/callback",
		"http://127.0.0.1:9999@evil.example/callback", "https://exact.example/cb", "https://exact.example/cb?a=b&c=d", "vscode://x/cb", "cursor:anysphere", "cursor://other/cb",
		"javascript:alert(1)", "javascript://%0aalert(1)", "data:text/html,x", "//evil.example/cb", "/cb", "https:///cb", " " + loop, loop + "\n", loop + strings.Repeat("a", 2000),
	}
	for _, uri := range foreign {
		resp, page := r.browser().get(asks(id, "redirect_uri", uri))
		if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Location") != "" || strings.Contains(page, allowButton) || strings.Contains(page, "http-equiv") || strings.Contains(page, "href") {
			t.Errorf("%q: HTTP %d, to %q", uri, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
	if resp, _ := r.browser().get(asks(id) + "&redirect_uri=" + url.QueryEscape("https://evil.example")); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("two redirect URIs: HTTP %d", resp.StatusCode)
	}
	// Nor can they be registered, but for those that another client may have.
	for _, uri := range foreign {
		if slices.Contains([]string{"https://editor.example/other", "https://editor.example/cb?x=y", "http://127.0.0.1:9999/other", "http://localhost:9999/callback", "cursor://other/cb"}, uri) {
			continue
		}
		raw, _ := json.Marshal(map[string]any{"redirect_uris": []string{uri}})
		if status, said := r.post(authproxy.RegisterPath, "application/json", string(raw)); status != http.StatusBadRequest || said["error"] != "invalid_redirect_uri" {
			t.Errorf("%q is registered: HTTP %d %v", uri, status, said)
		}
	}
	// What was registered before the list became shorter does not count any more.
	if resp, page := newRig(t, nil).browser().get(asks(id, "redirect_uri", "https://editor.example/cb")); resp.StatusCode != http.StatusBadRequest || strings.Contains(page, allowButton) {
		t.Errorf("a host that is no longer on the list: HTTP %d", resp.StatusCode)
	}
	none := newRig(t, func(c *authproxy.Config, _ *authproxy.UpstreamConfig) { c.Redirects.NoLoopback = true })
	if status, _ := none.post(authproxy.RegisterPath, "application/json", `{"redirect_uris":["`+loop+`"]}`); status != http.StatusBadRequest {
		t.Errorf("loopback where it is not allowed: HTTP %d", status)
	}
}

// A code is good once, for a minute, for its client, redirect URI and verifier.
func TestCodes(t *testing.T) {
	r := newRig(t, nil)
	id, other := r.register("An editor", loop), r.register("Another", loop)
	b := r.browser()
	wrong := strings.Replace(verifier, "a-verifier", "b-verifier", 1)
	for _, tt := range []struct {
		name, says string
		form       func(code string) url.Values
	}{
		{"another client's", "invalid_grant", func(code string) url.Values { return redeems(other, code) }},
		{"another verifier", "invalid_grant", func(code string) url.Values { return redeems(id, code, "code_verifier", wrong) }},
		{"the challenge as verifier", "invalid_grant", func(code string) url.Values {
			u, _ := url.Parse(asks(id))
			return redeems(id, code, "code_verifier", u.Query().Get("code_challenge"))
		}},
		{"another redirect URI", "invalid_grant", func(code string) url.Values {
			return redeems(id, code, "redirect_uri", strings.Replace(loop, "9999", "1", 1))
		}},
		{"no redirect URI", "invalid_grant", func(code string) url.Values { return redeems(id, code, "redirect_uri", "") }},
		{"another resource", "invalid_target", func(code string) url.Values { return redeems(id, code, "resource", base+"/notes/sse") }},
		{"too late", "invalid_grant", func(code string) url.Values { r.later(61 * time.Second); return redeems(id, code) }},
	} {
		code, _ := r.browser().allows(asks(id))
		if status, said := r.token(tt.form(code)); status != 400 || said["error"] != tt.says || said["access_token"] != nil {
			t.Errorf("%s: HTTP %d %v", tt.name, status, said)
		}
		// Whoever tried, the code is used up.
		if status, said := r.token(redeems(id, code)); status != 400 || said["error"] != "invalid_grant" {
			t.Errorf("%s, then the right client: HTTP %d %v", tt.name, status, said)
		}
	}
	if n := r.idp.asked("authorization_code"); n != 0 {
		t.Errorf("the provider was asked for tokens %d times", n)
	}
	code, _ := b.allows(asks(id))
	for _, tt := range []struct {
		name string
		form url.Values
		says string
	}{
		{"no verifier", redeems(id, code, "code_verifier", ""), "invalid_request"},
		{"a short verifier", redeems(id, code, "code_verifier", "short"), "invalid_request"},
		{"a code that is too long", redeems(id, strings.Repeat("a", 513)), "invalid_request"},
		{"a code that was never made", redeems(id, strings.Repeat("a", 43)), "invalid_grant"},
		{"two codes", func() url.Values { f := redeems(id, code); f.Add("code", "x"); return f }(), "invalid_request"},
		{"no client", redeems("", code), "invalid_client"},
		{"a client that is made up", redeems("dbc_e30.AAAA", code), "invalid_client"},
		{"a client with another redirect URI written into it", redeems(strings.Replace(id, "dbc_ey", "dbc_eY", 1), code), "invalid_client"},
		{"a password", url.Values{"grant_type": {"password"}, "client_id": {id}}, "unsupported_grant_type"},
	} {
		if status, said := r.token(tt.form); status < 400 || said["error"] != tt.says {
			t.Errorf("%s: HTTP %d %v", tt.name, status, said)
		}
	}
	if status, said := r.token(redeems(id, code)); status != 200 {
		t.Errorf("the right one: HTTP %d %v", status, said)
	}
	if status, said := r.token(redeems(id, code)); status != 400 || said["error"] != "invalid_grant" {
		t.Errorf("twice: HTTP %d %v", status, said)
	}
	if n := r.idp.asked("authorization_code"); n != 1 {
		t.Errorf("the provider was asked for tokens %d times", n)
	}
}

// A refresh token is its client's and this bridge's, and is no other sealed thing.
func TestRefreshTokens(t *testing.T) {
	r := newRig(t, nil)
	id, other := r.register("An editor", loop), r.register("Another", loop)
	b := r.browser()
	code, _ := b.allows(asks(id))
	_, said := r.token(redeems(id, code))
	token := said["refresh_token"].(string)
	for _, tt := range []struct{ name, client, token, resource, scope, says string }{
		{"another client's", other, token, "", "", "invalid_grant"},
		{"the provider's own", id, "refresh-of-the-provider", "", "", "invalid_grant"},
		{"one letter changed", id, "A" + token[1:], "", "", "invalid_grant"},
		{"the cookie", id, b.cookies["__Host-drawbridge-consent"], "", "", "invalid_grant"},
		{"none", id, "", "", "", "invalid_request"},
		{"another resource", id, token, base + "/notes/sse", "", "invalid_target"},
		{"more scopes", id, token, "", "mcp openid", "invalid_scope"},
	} {
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {tt.client}, "refresh_token": {tt.token}}
		if tt.resource != "" {
			form.Set("resource", tt.resource)
		}
		if tt.scope != "" {
			form.Set("scope", tt.scope)
		}
		if status, said := r.token(form); status < 400 || said["error"] != tt.says {
			t.Errorf("%s: HTTP %d %v", tt.name, status, said)
		}
	}
	if n := r.idp.asked("refresh_token"); n != 0 {
		t.Errorf("the provider was asked %d times", n)
	}
	if status, said := r.token(url.Values{"grant_type": {"refresh_token"}, "client_id": {id}, "refresh_token": {token}, "scope": {"mcp offline_access"}}); status != 200 {
		t.Errorf("the scopes of the sign-in, and offline_access: HTTP %d %v", status, said)
	}
}

// The yes counts only from the page that this browser was shown.
func TestConsentCannotBeSkipped(t *testing.T) {
	r := newRig(t, nil)
	id := r.register("An editor", loop)
	victim := r.browser()
	_, page := victim.get(asks(id))
	good := hidden.FindStringSubmatch(page)[1]
	attacker := r.browser()
	_, page = attacker.get(asks(id))
	foreign := hidden.FindStringSubmatch(page)[1]
	for _, tt := range []struct {
		name, request, answer, origin string
		by                            *browser
	}{
		{"another page's form", good, "allow", "https://evil.example", victim},
		{"a page without an origin", good, "allow", "null", victim},
		{"no origin", good, "allow", "", victim},
		{"another browser's form", foreign, "allow", base, victim},
		{"no cookie", good, "allow", base, r.browser()},
		{"no form", "", "allow", base, victim},
		{"a form that is made up", strings.Repeat("A", 200), "allow", base, victim},
		{"no answer", good, "", base, victim},
		{"the cookie as form", victim.form(), "allow", base, victim},
	} {
		resp, page := tt.by.submit(url.Values{"request": {tt.request}, "answer": {tt.answer}}, tt.origin)
		if resp.StatusCode != http.StatusForbidden || strings.Contains(page, "http-equiv") || tt.by.cookies["__Host-drawbridge-consent"] != "" {
			t.Errorf("%s: HTTP %d\n%s", tt.name, resp.StatusCode, page)
		}
	}
	// Nor by a cookie of one's own making, or another's purpose.
	for _, value := range []string{"x", victim.form(), good} {
		victim.cookies["__Host-drawbridge-consent"] = value
		if resp, page := victim.get(asks(id)); resp.StatusCode != 200 || !strings.Contains(page, allowButton) {
			t.Errorf("a cookie of one's own making: HTTP %d", resp.StatusCode)
		}
	}
	delete(victim.cookies, "__Host-drawbridge-consent")
	r.later(11 * time.Minute)
	if resp, _ := victim.submit(url.Values{"request": {good}, "answer": {"allow"}}, base); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a form that is over: HTTP %d", resp.StatusCode)
	}
}

// What a client calls itself is text on the page, and nothing else.
func TestNamesOnThePage(t *testing.T) {
	r := newRig(t, nil)
	_, page := r.browser().get(asks(r.register(`<script>alert(1)</script>"'><b>`, loop)))
	if strings.Contains(page, "<script") || strings.Contains(page, "<b>") {
		t.Errorf("HTML of the client's is on the page:\n%s", page)
	}
}

// Pages do not come into frames, and scripts do not get them.
func TestOnlyPagesOfTheirOwn(t *testing.T) {
	r := newRig(t, nil)
	id := r.register("An editor", loop)
	for _, h := range [][2]string{{"Sec-Fetch-Dest", "iframe"}, {"Sec-Fetch-Dest", "image"}, {"Sec-Fetch-Mode", "cors"}, {"Sec-Fetch-Mode", "no-cors"}} {
		for _, address := range []string{asks(id), base + authproxy.CallbackPath + "?code=x&state=y"} {
			req := httptest.NewRequest(http.MethodGet, address, nil)
			req.Header.Set(h[0], h[1])
			if resp := r.serve(req); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%v: HTTP %d", h, resp.StatusCode)
			}
		}
	}
}

// Whoever comes too often waits, everywhere.
func TestLimits(t *testing.T) {
	r := newRig(t, nil)
	id := r.register("An editor", loop)
	r.wait = 1500 * time.Millisecond
	for _, req := range []*http.Request{
		httptest.NewRequest(http.MethodGet, asks(id), nil),
		httptest.NewRequest(http.MethodGet, base+authproxy.CallbackPath, nil),
		httptest.NewRequest(http.MethodPost, base+authproxy.TokenPath, nil),
		httptest.NewRequest(http.MethodPost, base+authproxy.RegisterPath, nil),
	} {
		if resp := r.serve(req); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "2" {
			t.Errorf("%s: HTTP %d, Retry-After %q", req.URL.Path, resp.StatusCode, resp.Header.Get("Retry-After"))
		}
	}
}

// Large bodies are not read to their end.
func TestLargeTokenRequests(t *testing.T) {
	r := newRig(t, nil)
	form := url.Values{"grant_type": {"authorization_code"}, "x": {strings.Repeat("a", 1<<20)}}
	if status, said := r.token(form); status != http.StatusRequestEntityTooLarge || said["error"] != "invalid_request" {
		t.Errorf("HTTP %d %v", status, said)
	}
}

// Sign-ins that nobody ends push out none of those under way, and fill no memory.
func TestManySignIns(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	m := authproxy.NewMemory(func() time.Time { return now })
	ctx := t.Context()
	if err := m.Put(ctx, "first", []byte("x"), time.Minute); err != nil {
		t.Fatal(err)
	}
	full := 0
	for i := range 10000 {
		if m.Put(ctx, fmt.Sprint(i), []byte("x"), time.Minute) != nil {
			full++
		}
	}
	if _, ok, _ := m.Take(ctx, "first"); !ok || full < 5000 {
		t.Errorf("the first is there: %v; %d were refused", ok, full)
	}
	now = now.Add(2 * time.Minute)
	if err := m.Put(ctx, "later", []byte("x"), time.Minute); err != nil {
		t.Errorf("when the others are over: %v", err)
	}
}
