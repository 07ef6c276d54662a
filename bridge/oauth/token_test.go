package oauth

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

func (s *site) authorization(cc ClientCredentials) *Authorization {
	return &Authorization{
		Issuer: s.URL, RedirectURI: redirect, Resource: "https://mcp.example.com/mcp", Verifier: secret.New("the-verifier"),
		client: cc, tokenEndpoint: s.URL + "/token",
	}
}

func (s *site) refresh(t *testing.T) (Tokens, error) {
	t.Helper()
	return newClient().Refresh(t.Context(), RefreshRequest{
		TokenEndpoint: s.URL + "/token?v=2", Client: ClientCredentials{ClientID: "c1", Secret: secret.New("grant")}, RefreshToken: secret.New("rt-old"), Resource: "https://mcp.example.com/mcp",
	})
}

func TestTokenRequests(t *testing.T) {
	basic := func(id, pw string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+pw))
	}
	hard := secret.New("p:ä +%&")
	tests := []struct {
		name          string
		client        ClientCredentials
		form          url.Values // beyond the usual
		authorization string
	}{
		{"none", ClientCredentials{ClientID: "c 1", AuthMethod: AuthNone}, url.Values{"client_id": {"c 1"}}, ""},
		{"none in spite of a secret", ClientCredentials{ClientID: "c1", Secret: hard, AuthMethod: AuthNone}, url.Values{"client_id": {"c1"}}, ""},
		{"unsaid", ClientCredentials{ClientID: "c1"}, url.Values{"client_id": {"c1"}}, ""},
		{"unsaid with a secret", ClientCredentials{ClientID: "c1", Secret: secret.New("s")}, nil, basic("c1", "s")},
		{"post", ClientCredentials{ClientID: "c1", Secret: hard, AuthMethod: AuthPost}, url.Values{"client_id": {"c1"}, "client_secret": {"p:ä +%&"}}, ""},
		{"basic, form-encoded inside", ClientCredentials{ClientID: "https://c:1", Secret: hard, AuthMethod: AuthBasic}, nil, basic("https%3A%2F%2Fc%3A1", "p%3A%C3%A4+%2B%25%26")},
		{"basic without a secret", ClientCredentials{ClientID: "c1", AuthMethod: AuthBasic}, url.Values{"client_id": {"c1"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.on("POST /token", s.sends(object{"access_token": "at", "token_type": "bearer"})).on("POST /revoke", sendsText(200, "", ""))
			c := newClient()
			if _, err := c.Exchange(t.Context(), s.authorization(tt.client), secret.New("the code")); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Refresh(t.Context(), RefreshRequest{
				TokenEndpoint: s.URL + "/token?v=2", Client: tt.client, RefreshToken: secret.New("rt-old"), Resource: "https://mcp.example.com/mcp", Scopes: []string{"a", "b"},
			}); err != nil {
				t.Fatal(err)
			}
			if err := c.Revoke(t.Context(), RevokeRequest{Endpoint: s.URL + "/revoke", Client: tt.client, Token: secret.New("rt-old"), Hint: "refresh_token"}); err != nil {
				t.Fatal(err)
			}
			wants := []struct {
				path string
				form url.Values
			}{
				{"/token", url.Values{
					"grant_type": {"authorization_code"}, "code": {"the code"}, "redirect_uri": {redirect}, "code_verifier": {"the-verifier"}, "resource": {"https://mcp.example.com/mcp"},
				}},
				{"/token?v=2", url.Values{
					"grant_type": {"refresh_token"}, "refresh_token": {"rt-old"}, "resource": {"https://mcp.example.com/mcp"}, "scope": {"a b"},
				}},
				{"/revoke", url.Values{"token": {"rt-old"}, "token_type_hint": {"refresh_token"}}},
			}
			asked := s.requests()
			if len(asked) != len(wants) {
				t.Fatalf("requests = %v", s.paths())
			}
			for i, want := range wants {
				for name, value := range tt.form {
					want.form[name] = value
				}
				r := asked[i]
				if diff := cmp.Diff(want.form, r.form(t)); diff != "" || r.Path != want.path || r.Method != http.MethodPost {
					t.Errorf("%s %s (-want +got):\n%s", r.Method, r.Path, diff)
				}
				if got := r.Header.Get("Authorization"); got != tt.authorization {
					t.Errorf("Authorization = %q, want %q", got, tt.authorization)
				}
				if r.Header.Get("Accept") != "application/json" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
					t.Errorf("headers = %v", r.Header)
				}
			}
		})
	}
}

func TestTokenAnswers(t *testing.T) {
	type plainTokens struct {
		Access, Refresh, ID, Scope string
		ExpiresIn                  time.Duration
	}
	tests := []struct {
		name, contentType, body string
		want                    plainTokens
	}{
		{
			"all", "application/json", `{"access_token":"at","refresh_token":"rt","id_token":"it","token_type":"Bearer","expires_in":3600,"scope":"a b"}`,
			plainTokens{"at", "rt", "it", "a b", time.Hour},
		},
		{"least", "application/json;charset=UTF-8", `{"access_token":"at"}`, plainTokens{Access: "at"}},
		{"lifetime as text", "application/json", `{"access_token":"at","token_type":"bearer","expires_in":"60"}`, plainTokens{Access: "at", ExpiresIn: time.Minute}},
		{"lifetime with a fraction", "application/json", `{"access_token":"at","expires_in":1.5}`, plainTokens{Access: "at", ExpiresIn: 1500 * time.Millisecond}},
		{"lifetimes that make no sense", "application/json", `{"access_token":"at","expires_in":-5}`, plainTokens{Access: "at"}},
		{"no lifetime", "application/json", `{"access_token":"at","expires_in":null,"refresh_token":null}`, plainTokens{Access: "at"}},
		{"endless lifetime", "application/json", `{"access_token":"at","expires_in":1e300}`, plainTokens{Access: "at", ExpiresIn: 100 * 365 * 24 * time.Hour}},
		{"JSON under another name", "text/html", ` {"access_token":"at"}`, plainTokens{Access: "at"}},
		{
			"GitHub's form", "application/x-www-form-urlencoded; charset=utf-8", "access_token=gho_x&scope=repo%2Cgist&token_type=bearer",
			plainTokens{Access: "gho_x", Scope: "repo gist"},
		},
		{"a form as text", "text/plain", "access_token=at&expires_in=60\n", plainTokens{Access: "at", ExpiresIn: time.Minute}},
		{"Slack", "application/json", `{"ok":true,"access_token":"xoxp","refresh_token":"xoxe","expires_in":43200,"authed_user":{"id":"U"}}`, plainTokens{Access: "xoxp", Refresh: "xoxe", ExpiresIn: 12 * time.Hour}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.on("POST /token", sendsText(200, tt.contentType, tt.body))
			tokens, err := s.refresh(t)
			if err != nil {
				t.Fatal(err)
			}
			got := plainTokens{tokens.Access.Reveal(), tokens.Refresh.Reveal(), tokens.ID.Reveal(), tokens.Scope, tokens.ExpiresIn}
			if diff := cmp.Diff(tt.want, got); diff != "" || tokens.Type != "Bearer" {
				t.Errorf("tokens of type %q (-want +got):\n%s", tokens.Type, diff)
			}
		})
	}
}

func TestTokenErrors(t *testing.T) {
	tests := []struct {
		name      string
		answer    http.HandlerFunc
		fault     fault.Code
		want      TokenError
		temporary bool
	}{
		{"invalid_grant", sendsText(400, "application/json", `{"error":"invalid_grant","error_description":"gone"}`), fault.Refused, TokenError{Status: 400, Code: "invalid_grant", Description: "gone"}, false},
		{"invalid_client", sendsText(401, "application/json", `{"error":"invalid_client"}`), fault.Refused, TokenError{Status: 401, Code: "invalid_client"}, false},
		{"invalid_target", sendsText(400, "application/json", `{"error":"invalid_target"}`), fault.Refused, TokenError{Status: 400, Code: "invalid_target"}, false},
		{"a short secret is no hole", sendsText(400, "application/json", `{"error":"invalid_grant"}`), fault.Refused, TokenError{Status: 400, Code: "invalid_grant"}, false},
		{"body without error", sendsText(400, "application/json", `{"message":"no"}`), fault.Refused, TokenError{Status: 400}, false},
		{"empty body", sendsText(400, "", ``), fault.Refused, TokenError{Status: 400}, false},
		{"bare text", sendsText(403, "text/plain", `Forbidden`), fault.Refused, TokenError{Status: 403}, false},
		{"page", sendsText(404, "text/html", `<html>error=x</html>`), fault.Refused, TokenError{Status: 404, Page: true}, false},
		{"form", sendsText(400, "application/x-www-form-urlencoded", `error=bad_verification_code&error_description=a+b`), fault.Refused, TokenError{Status: 400, Code: "invalid_grant", Description: "bad_verification_code: a b"}, false},
		{"GitHub: error with 200", sendsText(200, "application/json", `{"error":"bad_refresh_token"}`), fault.Refused, TokenError{Status: 200, Code: "invalid_grant", Description: "bad_refresh_token"}, false},
		{"GitHub: error with 200, as a form", sendsText(200, "application/x-www-form-urlencoded; charset=utf-8", `error=incorrect_client_credentials&error_description=The+client_id+is+wrong.`), fault.Refused, TokenError{Status: 200, Code: "invalid_client", Description: "incorrect_client_credentials: The client_id is wrong."}, false},
		{"Slack: ok false with 200", sendsText(200, "application/json", `{"ok":false,"error":"invalid_refresh_token"}`), fault.Refused, TokenError{Status: 200, Code: "invalid_grant", Description: "invalid_refresh_token"}, false},
		{"ok false and no more", sendsText(200, "application/json", `{"ok":false}`), fault.Refused, TokenError{Status: 200}, false},
		{"error as an object", sendsText(400, "application/json", `{"error":{"message":"x"}}`), fault.Refused, TokenError{Status: 400, Code: "unknown"}, false},
		{"no token", sendsText(200, "application/json", `{"token_type":"bearer"}`), fault.Refused, TokenError{Status: 200}, false},
		{"a token that fits no header", sendsText(200, "application/json", `{"access_token":"a\r\nX: y"}`), fault.Refused, TokenError{Status: 200}, false},
		{"not an answer", sendsText(200, "text/html", `<html>`), fault.Refused, TokenError{Status: 200, Page: true}, false},
		{"a page that claims to be JSON", sendsText(401, "application/json", ` <!DOCTYPE html>`), fault.Refused, TokenError{Status: 401, Page: true}, false},
		{"Microsoft wants the person", sendsText(400, "application/json", `{"error":"interaction_required","error_description":"AADSTS50076"}`), fault.Refused, TokenError{Status: 400, Code: "invalid_grant", Description: "interaction_required: AADSTS50076"}, false},
		{"down", sendsText(503, "text/html", `x`), fault.Unreachable, TokenError{Status: 503, Page: true}, true},
		{"busy", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "7")
			sendsText(429, "application/json", `{"error":"invalid_grant"}`)(w, r)
		}, fault.Unreachable, TokenError{Status: 429, Code: "invalid_grant", RetryAfter: 7 * time.Second}, true},
		{"says so itself", sendsText(400, "application/json", `{"error":"temporarily_unavailable"}`), fault.Unreachable, TokenError{Status: 400, Code: "temporarily_unavailable"}, true},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusPermanentRedirect)
		}, fault.BadMetadata, TokenError{Status: 308}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.on("POST /token", tt.answer)
			_, err := s.refresh(t)
			wantFault(t, err, tt.fault)
			var got *TokenError
			if !errors.As(err, &got) {
				t.Fatalf("no TokenError in %v", err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" || got.Temporary() != tt.temporary {
				t.Errorf("Temporary %v, TokenError (-want +got):\n%s", got.Temporary(), diff)
			}
			if n := len(s.requests()); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

func TestTokenOfAnotherType(t *testing.T) {
	s := newSite(t)
	s.on("POST /token", s.sends(object{"access_token": "at", "token_type": "DPoP"}))
	_, err := s.refresh(t)
	wantFault(t, err, fault.Unsupported, "DPoP", "Bearer")
}

func TestRetryAfterIsBounded(t *testing.T) {
	for value, want := range map[string]time.Duration{"": 0, "x": 0, "-1": 0, "30": 30 * time.Second, "99999999": maxRetryAfter, "Mon, 01 Jan 2001 00:00:00 GMT": 0} {
		doc := &document{status: 503, header: http.Header{"Retry-After": {value}}}
		if got := newTokenError(doc, nil).RetryAfter; got != want {
			t.Errorf("Retry-After %q: %s, want %s", value, got, want)
		}
	}
	doc := &document{status: 503, header: http.Header{"Retry-After": {time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)}}}
	if got := newTokenError(doc, nil).RetryAfter; got < 50*time.Second || got > time.Minute {
		t.Errorf("Retry-After with a date: %s", got)
	}
}

// A request that a server may have acted on is never sent again, neither by us
// nor by net/http.
func TestTokenRequestIsSentOnce(t *testing.T) {
	s := newSite(t)
	s.on("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_ = conn.Close()
	})
	for range 3 {
		_, err := s.refresh(t)
		wantFault(t, err, fault.Unreachable)
		var te *TokenError
		if errors.As(err, &te) {
			t.Errorf("a lost answer is taken for one: %v", te)
		}
	}
	if n := len(s.requests()); n != 3 {
		t.Errorf("3 refreshes reached the server %d times", n)
	}
}

func TestTokenRequestEndsWithContext(t *testing.T) {
	s := newSite(t)
	s.on("POST /token", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := newClient().Refresh(ctx, RefreshRequest{TokenEndpoint: s.URL + "/token"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

func TestRevokeErrors(t *testing.T) {
	s := newSite(t)
	s.on("POST /revoke", sendsText(400, "application/json", `{"error":"unsupported_token_type"}`))
	err := newClient().Revoke(t.Context(), RevokeRequest{Endpoint: s.URL + "/revoke", Token: secret.New("t")})
	wantFault(t, err, fault.Refused, "unsupported_token_type")
}

// A server may quote what it was sent, as it came or encoded.
func TestNoSecretInErrorsOrLog(t *testing.T) {
	secrets := []string{"rt-SECRET/1+", "cs-SECRET/2+", "code-SECRET/3+", "ver-SECRET/4+"}
	s := newSite(t)
	s.on("POST /token", func(w http.ResponseWriter, r *http.Request) {
		var echo []string
		for _, x := range secrets {
			echo = append(echo, x, url.QueryEscape(x))
		}
		s.sendsStatus(400, object{"error": "bad " + echo[0], "error_description": strings.Join(echo[:8:8], " "), "echo": r.Header})(w, r)
	})
	s.on("POST /revoke", s.sendsStatus(400, object{"error": "x", "error_description": secrets[0]}))
	var logged bytes.Buffer
	c := NewClient(Config{Log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	cc := ClientCredentials{ClientID: "c1", Secret: secret.New(secrets[1]), AuthMethod: AuthPost}
	a := s.authorization(cc)
	a.Verifier = secret.New(secrets[3])
	_, err1 := c.Exchange(t.Context(), a, secret.New(secrets[2]))
	_, err2 := c.Refresh(t.Context(), RefreshRequest{TokenEndpoint: s.URL + "/token?key=" + secrets[1], Client: cc, RefreshToken: secret.New(secrets[0])})
	err3 := c.Revoke(t.Context(), RevokeRequest{Endpoint: s.URL + "/revoke", Client: cc, Token: secret.New(secrets[0])})
	s.Close()
	_, err4 := c.Refresh(t.Context(), RefreshRequest{TokenEndpoint: s.URL + "/token", Client: cc, RefreshToken: secret.New(secrets[0])})
	for i, out := range []string{fmt.Sprintf("%v %+v", err1, err1), fmt.Sprintf("%v %+v", err2, err2), err3.Error(), err4.Error(), logged.String()} {
		used := map[int][]string{0: {secrets[1], secrets[2], secrets[3]}, 1: {secrets[0], secrets[1]}, 2: {secrets[0]}, 3: secrets, 4: secrets}[i]
		for _, x := range used {
			if strings.Contains(out, x) || strings.Contains(out, url.QueryEscape(x)) {
				t.Errorf("output %d shows %s: %s", i, x, out)
			}
		}
		if out == "" {
			t.Errorf("output %d is empty", i)
		}
	}
}
