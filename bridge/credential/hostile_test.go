package credential_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// endless answers JSON that never ends, until the reader has had enough.
func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"resource":"`)
	for {
		if _, err := io.WriteString(w, strings.Repeat("x", 64<<10)); err != nil {
			return
		}
	}
}

// huge is a document of two megabytes.
func huge(doc object) http.HandlerFunc {
	doc["more"] = strings.Repeat("x", 2<<20)
	return sends(http.StatusOK, doc)
}

// TestHostileServers: what a malicious or broken server, or one in between, can
// do to a sign-in. Each is refused with a reason that names what is wrong, no
// code, token or secret gets to anybody else, nothing is stored, and as soon as
// the servers are honest the same account signs in.
func TestHostileServers(t *testing.T) {
	const metadataHost = "http://169.254.169.254" // where clouds keep their secrets
	for name, c := range map[string]struct {
		does   func(s *script, elsewhere string)
		code   fault.Code
		says   []string // words of the reason
		opened int      // browsers; 1 where the trouble begins after it
	}{
		// What the browser is to open.
		"javascript: to open": {
			func(s *script, _ string) {
				s.on(atIssuer, sends(200, s.metadata(object{"authorization_endpoint": "javascript:alert(document.cookie)//"})))
			},
			fault.BadMetadata,
			[]string{"authorization_endpoint", "javascript:"},
			0,
		},
		"file: to open": {
			func(s *script, _ string) {
				s.on(atIssuer, sends(200, s.metadata(object{"authorization_endpoint": "file:///etc/passwd"})))
			},
			fault.BadMetadata,
			[]string{"authorization_endpoint", "file:///etc/passwd"},
			0,
		},
		"another program to open": {
			func(s *script, _ string) {
				s.on(atIssuer, sends(200, s.metadata(object{"authorization_endpoint": "ms-settings://privacy"})))
			},
			fault.BadMetadata,
			[]string{"authorization_endpoint", "scheme is not https"},
			0,
		},
		"clear text to open": {
			func(s *script, _ string) {
				s.on(atIssuer, sends(200, s.metadata(object{"authorization_endpoint": "http://auth.example.com/authorize"})))
			},
			fault.BadMetadata,
			[]string{"authorization_endpoint", "not https"},
			0,
		},
		"a name and password to open": {
			func(s *script, _ string) {
				s.on(atIssuer, sends(200, s.metadata(object{"authorization_endpoint": "https://login.example.com@evil.example/authorize"})))
			},
			fault.BadMetadata,
			[]string{"authorization_endpoint", "user name"},
			0,
		},
		"an address with a shell in it to open": {
			func(s *script, _ string) {
				s.on(atIssuer, sends(200, s.metadata(object{"authorization_endpoint": "https://a.example/$(id)\n`id`"})))
			},
			fault.BadMetadata,
			[]string{"authorization_endpoint", "not a URL"},
			0,
		},
		// Mixed-up issuers.
		"metadata of another issuer": {
			func(s *script, _ string) {
				s.on(atIssuer, sends(200, s.metadata(object{"issuer": "https://evil.example"})))
			},
			fault.BadMetadata,
			[]string{"evil.example", "calls itself"},
			0,
		},
		"metadata with a slash too many": {
			func(s *script, _ string) { s.on(atIssuer, sends(200, s.metadata(object{"issuer": s.base + "/"}))) },
			fault.BadMetadata,
			[]string{"calls itself"},
			0,
		},
		"metadata about another resource": {
			func(s *script, _ string) {
				s.on(atResource, sends(200, s.resource(object{"resource": "https://bank.example/mcp"})))
			},
			fault.BadMetadata,
			[]string{"bank.example", "is about"},
			0,
		},
		"an answer of another issuer": {
			func(s *script, _ string) { s.on(atBrowser, s.goesBack(object{"iss": "https://evil.example"})) },
			fault.Refused,
			[]string{"evil.example", "somebody could be in between"},
			1,
		},
		"an answer of an issuer that differs by a slash": {
			func(s *script, _ string) { s.on(atBrowser, s.goesBack(object{"iss": s.base + "/"})) },
			fault.Refused,
			[]string{"somebody could be in between"},
			1,
		},
		"an answer of nobody, where one is promised": {
			func(s *script, _ string) { s.on(atBrowser, s.goesBack(object{"iss": nil})) },
			fault.Refused,
			[]string{"although that server promises it"},
			1,
		},
		"an error of another issuer": {
			func(s *script, _ string) {
				s.on(atBrowser, s.goesBack(object{"code": nil, "iss": "https://evil.example", "error": "access_denied", "error_description": "call 555-0100"}))
			},
			fault.Refused,
			[]string{"evil.example", "somebody could be in between"},
			1,
		},
		// Open redirects.
		"the code redirected elsewhere": {
			func(s *script, elsewhere string) { s.on(atToken, redirects(307, elsewhere+"/token")) },
			fault.Refused,
			[]string{"did not complete the sign-in"},
			1,
		},
		"the registration redirected elsewhere": {
			func(s *script, elsewhere string) { s.on(atRegister, redirects(307, elsewhere+"/register")) },
			fault.Refused,
			[]string{"does not register Drawbridge", "HTTP 307"},
			0,
		},
		"resource metadata redirected to a link-local address": {
			func(s *script, _ string) { s.on(atResource, redirects(302, metadataHost+"/latest/meta-data/")) },
			fault.BadMetadata,
			[]string{"169.254.169.254", "does not go there"},
			0,
		},
		"issuer metadata redirected to a link-local address": {
			func(s *script, _ string) { s.on(atIssuer, redirects(302, metadataHost+"/")) },
			fault.BadMetadata,
			[]string{"169.254.169.254", "does not go there"},
			0,
		},
		"metadata redirected to clear text": {
			func(s *script, _ string) { s.on(atIssuer, redirects(301, "http://auth.example.com/metadata")) },
			fault.BadMetadata,
			[]string{"auth.example.com", "not https"},
			0,
		},
		"metadata redirected to a file": {
			func(s *script, _ string) { s.on(atIssuer, redirects(302, "file:///etc/passwd")) },
			fault.BadMetadata,
			[]string{"does not go there"},
			0,
		},
		"metadata redirected for ever": {
			func(s *script, _ string) {
				s.on(atIssuer, redirects(302, s.base+"/.well-known/oauth-authorization-server"))
			},
			fault.Unreachable,
			[]string{"does not answer"},
			0,
		},
		// Too much of it.
		"endless resource metadata": {
			func(s *script, _ string) { s.on(atResource, endless) },
			fault.BadMetadata,
			[]string{"over 1048576 bytes"},
			0,
		},
		"endless issuer metadata": {
			func(s *script, _ string) { s.on(atIssuer, endless) },
			fault.BadMetadata,
			[]string{"over 1048576 bytes"},
			0,
		},
		"huge issuer metadata": {
			func(s *script, _ string) { s.on(atIssuer, huge(s.metadata(nil))) },
			fault.BadMetadata,
			[]string{"over 1048576 bytes"},
			0,
		},
		"an endless registration": {
			func(s *script, _ string) { s.on(atRegister, endless) },
			fault.BadMetadata,
			[]string{"over 1048576 bytes"},
			0,
		},
		"endless tokens": {
			func(s *script, _ string) { s.on(atToken, endless) },
			fault.BadMetadata,
			[]string{"over 1048576 bytes"},
			1,
		},
		"huge headers": {
			func(s *script, _ string) {
				s.on(atIssuer, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("X-Much", strings.Repeat("x", 1<<20))
					w.WriteHeader(200)
				})
			},
			fault.Unreachable,
			[]string{"does not answer"},
			0,
		},
		"more scopes than an address holds": {
			func(s *script, _ string) {
				s.on(atResource, sends(200, s.resource(object{"scopes_supported": strings.Split(strings.Repeat("scope ", 20_000), " ")})))
			},
			fault.BadMetadata,
			[]string{"20000 scopes are asked for"},
			0,
		},
		"a token that is two headers": {
			func(s *script, _ string) {
				s.on(atToken, sends(200, s.tokens(object{"access_token": "a\r\nX-Admin: yes"})))
			},
			fault.Refused,
			[]string{"did not complete the sign-in"},
			1,
		},
		"a client that is asked to do without PKCE": {
			func(s *script, _ string) {
				s.on(atIssuer, sends(200, s.metadata(object{"code_challenge_methods_supported": []string{"plain"}})))
			},
			fault.Unsupported,
			[]string{"PKCE", "S256"},
			0,
		},
		// Addresses where a server on this computer has no business.
		"an issuer at a link-local address": {
			func(s *script, _ string) {
				s.on(atResource, sends(200, s.resource(object{"authorization_servers": []string{"https://169.254.169.254/"}})))
			},
			fault.BadMetadata,
			[]string{"169.254.169.254", "link-local"},
			0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, thief := newScript(t), newScript(t)
			a, p := s.account(nil), &passer{t: t}
			c.does(s, thief.URL)
			refusedFor(t, p.signIn(a), c.code, c.says)
			if len(p.opened) != c.opened {
				t.Errorf("browser opened %d times: %v", len(p.opened), p.opened)
			}
			if strings.Contains(p.last, "555-0100") {
				t.Errorf("the browser shows a stranger's words: %s", p.last)
			}
			if n := len(thief.requests("")); n != 0 {
				t.Errorf("%d requests went elsewhere", n)
			}
			if got := bearer(t, a); !got.IsZero() {
				t.Error("a token is stored")
			}
			s.honestAgain()
			if err := p.signIn(a); err != nil || bearer(t, a).Reveal() != "a1" {
				t.Errorf("afterwards, with honest servers: %v", err)
			}
		})
	}
}

// refusedFor checks that an error says why in words.
func refusedFor(t *testing.T, err error, code fault.Code, says []string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("the sign-in ended with %v, want a reason", err)
	}
	public := fault.Public(err)
	if public.Code != code || public.What == "" || public.Next == "" || strings.ContainsAny(public.What+public.Next, "\r\n\x1b") {
		t.Errorf("refused as %s: %q, %q; want %s", public.Code, public.What, public.Next, code)
	}
	for _, word := range says {
		if !strings.Contains(public.What+" "+public.Next, word) {
			t.Errorf("%q, %q do not say %q", public.What, public.Next, word)
		}
	}
}

// TestPublicServerPointsInside: a server on a public address names addresses of
// this computer or of the network behind it. By a proxy, which would go there:
// nobody dials here, so each address is looked at before it is asked for.
func TestPublicServerPointsInside(t *testing.T) {
	for _, inside := range []string{
		"http://127.0.0.1:8080", "https://localhost", "https://admin.localhost", "https://[::1]", "http://10.0.0.1", "https://172.16.0.9",
		"https://192.168.1.1", "https://100.64.0.7", "https://[fd00::1]", "https://[::ffff:10.0.0.1]", "https://169.254.169.254", "https://0.0.0.0",
	} {
		for what, does := range map[string]func(*script){
			"the place of the metadata": func(s *script) {
				s.on(atMCP, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+inside+`/metadata"`)
					w.WriteHeader(http.StatusUnauthorized)
				})
			},
			"the issuer": func(s *script) {
				s.on(atResource, sends(200, s.resource(object{"authorization_servers": []string{inside}})))
			},
			"the authorization endpoint": func(s *script) {
				s.on(atIssuer, sends(200, s.metadata(object{"authorization_endpoint": inside + "/reboot"})))
			},
			"the token endpoint":        func(s *script) { s.on(atIssuer, sends(200, s.metadata(object{"token_endpoint": inside + "/"}))) },
			"the registration endpoint": func(s *script) { s.on(atIssuer, sends(200, s.metadata(object{"registration_endpoint": inside + "/"}))) },
			"the keys":                  func(s *script) { s.on(atIssuer, sends(200, s.metadata(object{"jwks_uri": inside + "/"}))) },
			"a redirect":                func(s *script) { s.on(atIssuer, redirects(302, inside+"/")) },
		} {
			t.Run(what+" at "+inside, func(t *testing.T) {
				s := newScript(t)
				s.base = "http://203.0.113.7"
				a := s.account(func(server *config.Server) { server.AllowHTTP = true })
				does(s)
				p := &passer{t: t}
				u, err := url.Parse(inside)
				if err != nil {
					t.Fatal(err)
				}
				refusedFor(t, p.signIn(a), fault.BadMetadata, []string{u.Hostname(), "where the server itself is not"})
				for _, r := range s.requests("") {
					if r.host != "203.0.113.7" {
						t.Errorf("the proxy was asked for %s at %s", r.what, r.host)
					}
				}
				if len(p.opened) != 0 {
					t.Errorf("the browser was sent to %v", p.opened)
				}
			})
		}
	}
}

// TestTokensDoNotFollowRedirects: what carries a token to a signed-in account's
// servers goes where it was meant to go, or nowhere.
func TestTokensDoNotFollowRedirects(t *testing.T) {
	for what, do := range map[string]func(*credential.Account) error{
		atUserinfo: func(*credential.Account) error { return nil }, // asked at the sign-in
		atRevoke: func(a *credential.Account) error {
			if err := a.SignOut(t.Context()); !errors.Is(err, credential.ErrNotRevoked) {
				return errors.Join(errors.New("the sign-out says that it was revoked"), err)
			}
			return nil
		},
		atKeys: func(a *credential.Account) error {
			_, err := a.Report(t.Context())
			return err
		},
	} {
		s, thief := newScript(t), newScript(t)
		s.on(atIssuer, sends(200, s.metadata(object{"userinfo_endpoint": s.base + "/userinfo", "revocation_endpoint": s.base + "/revoke", "jwks_uri": s.base + "/jwks"})))
		to := thief.URL + "/take"
		if what == atKeys { // no token goes there; but not everywhere either
			to = "http://169.254.169.254/"
		}
		s.on(what, redirects(307, to))
		a, p := s.account(nil), &passer{t: t}
		if err := p.signIn(a); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if err := do(a); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if len(s.requests(what)) == 0 && what != atKeys {
			t.Errorf("%s was not asked for: nothing was tried", what)
		}
		if n := len(thief.requests("")); n != 0 {
			t.Errorf("%s: %d requests followed the redirect", what, n)
		}
	}
}

// TestForgedCallbacks: while a sign-in is pending, others come to its callback:
// another page in the same browser, a program on this computer. Each is told
// that it is not the answer, and the person's own one still counts.
func TestForgedCallbacks(t *testing.T) {
	s := newScript(t)
	a := s.account(nil)
	p := &passer{t: t}
	p.before = func(address string) {
		u, err := url.Parse(address)
		if err != nil {
			t.Error(err)
			return
		}
		callback := u.Query().Get("redirect_uri") + "?"
		for name, forged := range map[string]url.Values{
			"without a state":           {"code": {"forged"}},
			"with a wrong state":        {"code": {"forged"}, "state": {"guess"}, "iss": {s.base}},
			"with an empty state":       {"code": {"forged"}, "state": {""}},
			"with two states":           {"code": {"forged"}, "state": {"guess", u.Query().Get("state")}},
			"of another issuer":         {"code": {"forged"}, "state": {"guess"}, "iss": {"https://evil.example"}},
			"with an error":             {"error": {"access_denied"}, "state": {"guess"}, "iss": {s.base}},
			"with an error and nothing": {"error": {"access_denied"}, "error_description": {"call 555-0100"}},
			"with a script":             {"code": {"<script>forged</script>"}, "state": {"<script>"}},
		} {
			page := visit(t, callback+forged.Encode())
			if !strings.Contains(page, "Not the answer that was awaited") || strings.Contains(page, "forged") || strings.Contains(page, "555-0100") {
				t.Errorf("%s: the page says %s", name, page)
			}
		}
	}
	if err := p.signIn(a); err != nil || bearer(t, a).Reveal() != "a1" {
		t.Fatalf("the person's own answer: %v", err)
	}
	if !strings.Contains(p.last, "Signed in to notes") || len(p.opened) != 1 {
		t.Errorf("the browser was opened %d times and ended on %s", len(p.opened), p.last)
	}
	for _, r := range s.requests(atToken) {
		if r.form.Get("code") != "code1" {
			t.Errorf("the code %q was redeemed", r.form.Get("code"))
		}
	}
}
