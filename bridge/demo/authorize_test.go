package demo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/demo"
)

func withForm(r *http.Request, form url.Values) *http.Request {
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Body = io.NopCloser(strings.NewReader(form.Encode()))
	return r
}

func errorOf(t *testing.T, body []byte) string {
	t.Helper()
	var got struct{ Error string }
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("the answer is %q: %v", body, err)
	}
	return got.Error
}

func set(name, value string) func(url.Values) {
	return func(q url.Values) {
		if value == "" {
			q.Del(name)
		} else {
			q.Set(name, value)
		}
	}
}

func TestAuthorizeTellsTheClientWhatIsWrong(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	tests := map[string]struct {
		change func(url.Values)
		want   string
	}{
		"no challenge":            {set("code_challenge", ""), "invalid_request"},
		"plain challenge":         {set("code_challenge_method", "plain"), "invalid_request"},
		"method left out":         {set("code_challenge_method", ""), "invalid_request"},
		"malformed challenge":     {set("code_challenge", "short"), "invalid_request"},
		"implicit":                {set("response_type", "token"), "unsupported_response_type"},
		"fragment mode":           {set("response_mode", "fragment"), "invalid_request"},
		"no resource":             {set("resource", ""), "invalid_target"},
		"another resource":        {set("resource", "https://example.com/mcp"), "invalid_target"},
		"resource without path":   {set("resource", d.Issuer()), "invalid_target"},
		"two resources":           {func(q url.Values) { q.Add("resource", d.URL()) }, "invalid_target"},
		"unknown scope":           {set("scope", "mcp admin"), "invalid_scope"},
		"nobody may be asked":     {set("prompt", "none"), "interaction_required"},
		"a parameter given twice": {func(q url.Values) { q.Add("scope", "mcp") }, "invalid_request"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			resp, _ := p.do(p.request(http.MethodGet, p.authorizeURL(tt.change), nil))
			if resp.StatusCode != http.StatusSeeOther {
				t.Fatalf("status %d, want a redirect", resp.StatusCode)
			}
			to, err := resp.Location()
			if err != nil {
				t.Fatal(err)
			}
			q := to.Query()
			got := map[string]string{"error": q.Get("error"), "state": q.Get("state"), "iss": q.Get("iss"), "code": q.Get("code")}
			want := map[string]string{"error": tt.want, "state": "the-state", "iss": d.Issuer(), "code": ""}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
	if n := d.Counts().Authorizations; n != 0 {
		t.Errorf("%d authorizations counted, want none", n)
	}
}

func TestAuthorizeNeverRedirectsToAnUnknownAddress(t *testing.T) {
	p := newProgram(t, start(t, demo.Config{}), nil)
	tests := map[string]func(url.Values){
		"unknown client":   set("client_id", "nobody"),
		"no client":        set("client_id", ""),
		"no redirect":      set("redirect_uri", ""),
		"another site":     set("redirect_uri", "https://evil.example/callback"),
		"another path":     set("redirect_uri", p.callback.URL+"/other"),
		"another name":     set("redirect_uri", "http://localhost/callback"),
		"a longer path":    set("redirect_uri", p.redirectURI()+"/more"),
		"a query added":    set("redirect_uri", p.redirectURI()+"?x=1"),
		"a fragment added": set("redirect_uri", p.redirectURI()+"#x"),
		"credentials":      set("redirect_uri", "http://evil@127.0.0.1/callback"),
		"two of them":      func(q url.Values) { q.Add("redirect_uri", p.redirectURI()) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			resp, _ := p.do(p.request(http.MethodGet, p.authorizeURL(change), nil))
			if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Location") != "" {
				t.Errorf("status %d, Location %q; want 400 and no redirect", resp.StatusCode, resp.Header.Get("Location"))
			}
		})
	}
}

// page gets the sign-in page as one browser and gives its form and cookie.
func (p *program) page() (url.Values, *http.Cookie, *http.Response) {
	p.t.Helper()
	resp, body := p.do(p.request(http.MethodGet, p.authorizeURL(nil), nil))
	form := url.Values{"person": {ada}, "decision": {"allow"}}
	for _, m := range regexp.MustCompile(`type="hidden" name="(\w+)" value="([^"]+)"`).FindAllStringSubmatch(string(body), -1) {
		form.Set(m[1], m[2])
	}
	cookies := resp.Cookies()
	if len(cookies) != 1 || form.Get("csrf") == "" || form.Get("request") == "" {
		p.t.Fatalf("the page has no form or cookie: %v %v", form, cookies)
	}
	return form, cookies[0], resp
}

func (p *program) submit(form url.Values, cookie *http.Cookie, origin string) *http.Response {
	p.t.Helper()
	r := withForm(p.request(http.MethodPost, p.demo.Issuer()+"/authorize", nil), form)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	resp, _ := p.do(r)
	return resp
}

func TestAFormFromElsewhereAllowsNothing(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	form, cookie, _ := p.page()
	other, otherCookie, _ := p.page()
	with := func(name, value string) url.Values {
		changed := url.Values{}
		for k, v := range form {
			changed[k] = v
		}
		changed.Set(name, value)
		return changed
	}
	tests := map[string]struct {
		form   url.Values
		cookie *http.Cookie
		origin string
		want   int
	}{
		"no cookie":           {form, nil, d.Issuer(), http.StatusForbidden},
		"another browser":     {form, otherCookie, d.Issuer(), http.StatusForbidden},
		"no csrf":             {with("csrf", ""), cookie, d.Issuer(), http.StatusForbidden},
		"another page's csrf": {with("csrf", other.Get("csrf")), cookie, d.Issuer(), http.StatusForbidden},
		"another site":        {form, cookie, "https://evil.example", http.StatusForbidden},
		"an unknown request":  {with("request", "nothing"), cookie, d.Issuer(), http.StatusBadRequest},
		"an unknown person":   {with("person", "eve@example.com"), cookie, d.Issuer(), http.StatusBadRequest},
		"an unknown decision": {with("decision", "maybe"), cookie, d.Issuer(), http.StatusBadRequest},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			resp := p.submit(tt.form, tt.cookie, tt.origin)
			if resp.StatusCode != tt.want || resp.Header.Get("Location") != "" {
				t.Errorf("status %d, Location %q; want %d and no redirect", resp.StatusCode, resp.Header.Get("Location"), tt.want)
			}
		})
	}
	// None of that cost the person their page; the answer itself does.
	if resp := p.submit(form, cookie, d.Issuer()); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("the real form: status %d, want a redirect", resp.StatusCode)
	}
	if resp := p.submit(form, cookie, d.Issuer()); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("the real form a second time: status %d, want 400", resp.StatusCode)
	}
}

func TestAPageWaitsTenMinutes(t *testing.T) {
	c := newClock()
	p := newProgram(t, start(t, demo.Config{Now: c.Now}), nil)
	form, cookie, _ := p.page()
	c.turn(10 * time.Minute)
	if resp := p.submit(form, cookie, ""); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d after ten minutes, want 400", resp.StatusCode)
	}
}

func TestDenyIsTold(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	form, cookie, _ := p.page()
	form.Set("decision", "deny")
	resp := p.submit(form, cookie, d.Issuer())
	to, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	q := to.Query()
	if q.Get("error") != "access_denied" || q.Get("state") != "the-state" || q.Get("iss") != d.Issuer() || q.Has("code") {
		t.Errorf("the client is told %v", q)
	}
}

func TestThePageIsGuardedAndSaysWhatItIsFor(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	resp, body := p.do(p.request(http.MethodGet, p.authorizeURL(set("login_hint", grace)), nil))
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; " +
			"form-action 'self' " + p.callback.URL,
		"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "same-origin", "Cache-Control": "no-store",
	}
	for name, value := range want {
		if got := resp.Header.Get(name); got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	cookie := resp.Header.Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Lax", "Path=/authorize"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie %q lacks %s", cookie, part)
		}
	}
	for _, part := range []string{
		"Test program", d.URL(), "Use the demo server as you", "Stay signed in", "Ada Lovelace",
		`value="` + grace + `" required checked`, `<legend>Sign in as</legend>`, `lang="en"`,
	} {
		if !strings.Contains(string(body), part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	if strings.Contains(string(body), "See your name itself") {
		t.Error("the page shows a scope that was not asked for")
	}
}

func TestThePersonIsNotFooled(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	tests := map[string]struct{ url, email, want string }{
		"off loopback":       {"https://example.com/authorize", ada, "loopback only"},
		"nobody of there":    {p.authorizeURL(nil), "eve@example.com", "nobody on the page"},
		"an error page":      {p.authorizeURL(set("client_id", "nobody")), ada, "status 400"},
		"not a sign-in page": {p.callback.URL, ada, "no sign-in form"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := demo.SignInAsPerson(t.Context(), tt.url, tt.email)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
