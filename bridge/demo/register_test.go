package demo_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"drawbridge/bridge/demo"
)

func TestRegistrationChecksRedirectURIs(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	tests := map[string]bool{
		"http://127.0.0.1/callback":           true,
		"http://127.0.0.1:4321/callback":      true,
		"http://[::1]:4321/callback":          true,
		"http://localhost:4321/callback":      true,
		"http://127.0.0.1/callback?x=1":       true,
		"https://127.0.0.1/callback":          false,
		"https://example.com/callback":        false,
		"http://192.0.2.1/callback":           false,
		"http://127.0.0.1.example.com/":       false,
		"http://localhost.example.com/":       false,
		"http://127.0.0.1@example.com/":       false,
		"http://example.com@127.0.0.1/":       false,
		"http://127.0.0.1/callback#fragment":  false,
		"http://127.0.0.1/callback#":          false,
		"http:127.0.0.1":                      false,
		"javascript:alert(1)":                 false,
		"data:text/html,x":                    false,
		"com.example.app:/callback":           false,
		"/callback":                           false,
		"":                                    false,
		"http://[fe80::1%25lo]:4321/callback": false,
	}
	for uri, good := range tests {
		t.Run(uri, func(t *testing.T) {
			status, got := p.postJSON("/register", map[string]any{"redirect_uris": []string{uri}})
			if good && status != http.StatusCreated {
				t.Errorf("refused: %v", got)
			}
			if !good && (status != http.StatusBadRequest || got["error"] != "invalid_redirect_uri") {
				t.Errorf("status %d, error %v; want invalid_redirect_uri", status, got["error"])
			}
		})
	}
}

func TestRegistrationRefusesBadMetadata(t *testing.T) {
	p := newProgram(t, start(t, demo.Config{}), nil)
	uris := []string{"http://127.0.0.1/cb"}
	tests := map[string]struct {
		metadata map[string]any
		want     string
	}{
		"no redirect":        {map[string]any{"client_name": "x"}, "invalid_redirect_uri"},
		"implicit":           {map[string]any{"redirect_uris": uris, "response_types": []string{"token"}}, "invalid_client_metadata"},
		"password grant":     {map[string]any{"redirect_uris": uris, "grant_types": []string{"authorization_code", "password"}}, "invalid_client_metadata"},
		"no code grant":      {map[string]any{"redirect_uris": uris, "grant_types": []string{"refresh_token"}}, "invalid_client_metadata"},
		"web application":    {map[string]any{"redirect_uris": uris, "application_type": "web"}, "invalid_client_metadata"},
		"private_key_jwt":    {map[string]any{"redirect_uris": uris, "token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"},
		"unknown scope":      {map[string]any{"redirect_uris": uris, "scope": "mcp admin"}, "invalid_client_metadata"},
		"of another type":    {map[string]any{"redirect_uris": "http://127.0.0.1/cb"}, "invalid_client_metadata"},
		"longer than 64 KiB": {map[string]any{"redirect_uris": uris, "x": strings.Repeat("x", 70<<10)}, "invalid_client_metadata"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			status, got := p.postJSON("/register", tt.metadata)
			if status != http.StatusBadRequest || got["error"] != tt.want {
				t.Errorf("status %d, error %v; want 400, %s", status, got["error"], tt.want)
			}
		})
	}
}

func TestAClientNameCannotDisturbThePage(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, func(m map[string]any) {
		m["client_name"] = "<script>alert(1)</script>\u202egnp.exe\n"
	})
	_, body := p.do(p.request(http.MethodGet, p.authorizeURL(nil), nil))
	if page := string(body); strings.Contains(page, "<script") || strings.Contains(page, "\u202e") {
		t.Errorf("the name got into the page unescaped:\n%s", page)
	}
}

func TestClientsProveThemselvesAsRegistered(t *testing.T) {
	d := start(t, demo.Config{})
	for _, method := range []string{"client_secret_basic", "client_secret_post", "none"} {
		t.Run(method, func(t *testing.T) {
			p := newProgram(t, d, func(m map[string]any) { m["token_endpoint_auth_method"] = method })
			if (p.secret == "") != (method == "none") {
				t.Fatalf("client_secret = %q for %s", p.secret, method)
			}
			// Every way of proving but the registered one is refused, and
			// does not cost the code.
			form := p.exchangeForm(p.signIn(ada, nil))
			for _, sent := range []string{"client_secret_basic", "client_secret_post", "none"} {
				if sent != method {
					if status, got := p.prove(sent, "secret"+p.secret, form); status != http.StatusUnauthorized || got != "invalid_client" {
						t.Errorf("%s with a wrong secret: status %d, error %q", sent, status, got)
					}
				}
			}
			if method != "none" {
				if status, got := p.prove(method, p.secret+"x", form); status != http.StatusUnauthorized || got != "invalid_client" {
					t.Errorf("wrong secret: status %d, error %q", status, got)
				}
			}
			if status, got := p.prove(method, p.secret, form); status != http.StatusOK {
				t.Errorf("the registered way: status %d, error %q", status, got)
			}
		})
	}
}

// prove sends a token request with a secret by one of the methods.
func (p *program) prove(method, secret string, form url.Values) (int, string) {
	p.t.Helper()
	sent := url.Values{}
	for k, v := range form {
		sent[k] = v
	}
	r := p.request(http.MethodPost, p.demo.Issuer()+"/token", nil)
	switch method {
	case "client_secret_basic":
		pair := url.QueryEscape(p.id) + ":" + url.QueryEscape(secret)
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	case "client_secret_post":
		sent.Set("client_secret", secret)
	}
	r = withForm(r, sent)
	resp, body := p.do(r)
	return resp.StatusCode, errorOf(p.t, body)
}
