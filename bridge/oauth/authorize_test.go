package oauth

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

func goodRequest() AuthorizationRequest {
	return AuthorizationRequest{
		Metadata: ServerMetadata{
			Issuer: "https://auth.example.com", AuthorizationEndpoint: "https://auth.example.com/authorize",
			TokenEndpoint: "https://auth.example.com/token", CodeChallengeMethodsSupported: []string{"S256"},
		},
		Client: ClientCredentials{ClientID: "c&1"}, RedirectURI: redirect, Resource: "https://mcp.example.com/a b", Scopes: []string{"x", "y"},
	}
}

func TestNewAuthorization(t *testing.T) {
	tests := []struct {
		name, endpoint, start string
		change                func(*AuthorizationRequest)
		extra                 url.Values // beyond the usual
		without               []string
	}{
		{name: "plain", endpoint: "https://auth.example.com/authorize", start: "https://auth.example.com/authorize?"},
		{name: "endpoint with a query", endpoint: "https://auth.example.com/a?p=policy%201", start: "https://auth.example.com/a?p=policy%201&", extra: url.Values{"p": {"policy 1"}}},
		{name: "endpoint with an empty query", endpoint: "https://auth.example.com/a?", start: "https://auth.example.com/a?"},
		{
			name: "offline_access", endpoint: "https://auth.example.com/a", start: "https://auth.example.com/a?",
			change: func(r *AuthorizationRequest) { r.Scopes = []string{"x", "y", "offline_access"} },
			extra:  url.Values{"prompt": {"consent"}, "scope": {"x y offline_access"}},
		},
		{
			name: "extra", endpoint: "https://auth.example.com/a", start: "https://auth.example.com/a?",
			change: func(r *AuthorizationRequest) {
				r.Extra = url.Values{"access_type": {"offline"}, "prompt": {"login"}}
				r.Scopes = []string{"offline_access"}
			},
			extra: url.Values{"access_type": {"offline"}, "prompt": {"login"}, "scope": {"offline_access"}},
		},
		{
			name: "select account", endpoint: "https://auth.example.com/a", start: "https://auth.example.com/a?",
			change: func(r *AuthorizationRequest) { r.SelectAccount, r.LoginHint = true, "ada@example.com" },
			extra:  url.Values{"prompt": {"select_account"}, "login_hint": {"ada@example.com"}},
		},
		{
			name: "select account, offline_access", endpoint: "https://auth.example.com/a", start: "https://auth.example.com/a?",
			change: func(r *AuthorizationRequest) { r.SelectAccount, r.Scopes = true, []string{"offline_access"} },
			extra:  url.Values{"prompt": {"consent select_account"}, "scope": {"offline_access"}},
		},
		{
			name: "select account, which the server does not list", endpoint: "https://auth.example.com/a", start: "https://auth.example.com/a?",
			change: func(r *AuthorizationRequest) {
				r.SelectAccount, r.Metadata.PromptValuesSupported = true, []string{"none", "login"}
			},
			extra: url.Values{"prompt": {"login"}},
		},
		{
			name: "select account, and the server lists no way", endpoint: "https://auth.example.com/a", start: "https://auth.example.com/a?",
			change: func(r *AuthorizationRequest) {
				r.SelectAccount, r.Metadata.PromptValuesSupported = true, []string{"none"}
			},
		},
		{
			name: "no scopes", endpoint: "https://auth.example.com/a", start: "https://auth.example.com/a?",
			change: func(r *AuthorizationRequest) { r.Scopes = nil }, without: []string{"scope"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := goodRequest()
			r.Metadata.AuthorizationEndpoint = tt.endpoint
			if tt.change != nil {
				tt.change(&r)
			}
			a, err := NewAuthorization(r)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(a.URL, tt.start) {
				t.Errorf("URL = %s", a.URL)
			}
			u, err := url.Parse(a.URL)
			if err != nil {
				t.Fatal(err)
			}
			want := url.Values{
				"response_type": {"code"}, "client_id": {"c&1"}, "redirect_uri": {redirect}, "scope": {"x y"}, "state": {a.State.Reveal()},
				"resource": {"https://mcp.example.com/a b"}, "code_challenge_method": {"S256"},
				"code_challenge": {oauth2.S256ChallengeFromVerifier(a.Verifier.Reveal())},
			}
			for name, value := range tt.extra {
				want[name] = value
			}
			for _, name := range tt.without {
				want.Del(name)
			}
			if diff := cmp.Diff(want, u.Query()); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
			if strings.Contains(a.URL, a.Verifier.Reveal()) || len(a.State.Reveal()) < 22 || len(a.Verifier.Reveal()) < 43 {
				t.Error("state or verifier is weak or shown")
			}
			if a.Issuer != r.Metadata.Issuer || a.RedirectURI != redirect || a.Resource != r.Resource {
				t.Errorf("recorded %+v", a)
			}
		})
	}
	a, errA := NewAuthorization(goodRequest())
	b, errB := NewAuthorization(goodRequest())
	if errA != nil || errB != nil || a.State.Equal(b.State) || a.Verifier.Equal(b.Verifier) {
		t.Error("state or verifier repeats")
	}
}

func TestNewAuthorizationRefusals(t *testing.T) {
	r := goodRequest()
	r.Metadata.CodeChallengeMethodsSupported = nil
	_, err := NewAuthorization(r)
	wantFault(t, err, fault.Unsupported, "PKCE")
	for _, endpoint := range []string{"", "javascript:alert(1)", "authorize", "https:///x"} {
		r = goodRequest()
		r.Metadata.AuthorizationEndpoint = endpoint
		_, err = NewAuthorization(r)
		wantFault(t, err, fault.BadMetadata)
	}
	for _, name := range ours {
		r = goodRequest()
		r.Extra = url.Values{name: {"x"}}
		_, err = NewAuthorization(r)
		wantFault(t, err, fault.Usage, name)
	}
}

// The table of RFC 9207 §2.4 as MCP sharpens it.
func TestIssuerOfTheAnswer(t *testing.T) {
	const issuer = "https://auth.example.com/t"
	tests := []struct {
		name       string
		advertised bool
		iss        []string
		ok         bool
	}{
		{"advertised, fits", true, []string{issuer}, true},
		{"advertised, differs", true, []string{"https://evil.example"}, false},
		{"advertised, absent", true, nil, false},
		{"advertised, empty", true, []string{""}, false},
		{"not advertised, fits", false, []string{issuer}, true},
		{"not advertised, differs", false, []string{"https://evil.example"}, false},
		{"not advertised, absent", false, nil, true},
		{"not advertised, empty", false, []string{""}, false},
		{"slash more", true, []string{issuer + "/"}, false},
		{"case", true, []string{"https://AUTH.example.com/t"}, false},
		{"default port", true, []string{"https://auth.example.com:443/t"}, false},
		{"percent-encoding", true, []string{"https://auth.example.com/%74"}, false},
		{"twice", true, []string{issuer, issuer}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := &Authorization{Issuer: issuer, issRequired: tt.advertised}
			code, err := a.answer(url.Values{"code": {"c"}, "iss": tt.iss})
			if tt.ok {
				if err != nil || code.Reveal() != "c" {
					t.Errorf("code %q, %v", code.Reveal(), err)
				}
			} else {
				wantFault(t, err, fault.Refused, issuer)
				if !code.IsZero() {
					t.Error("the code is believed")
				}
			}
			// An error response is judged by the same table before it is believed.
			_, err = a.answer(url.Values{"error": {"access_denied"}, "error_description": {"call 555"}, "iss": tt.iss})
			if tt.ok {
				wantFault(t, err, fault.SignInRefused, "declined")
			} else {
				wantFault(t, err, fault.Refused, issuer)
				if strings.Contains(err.Error(), "declined") || strings.Contains(err.Error(), "555") || strings.Contains(err.Error(), "access_denied") {
					t.Errorf("acts on the error of a stranger: %v", err)
				}
			}
		})
	}
}

func TestErrorAnswers(t *testing.T) {
	a := &Authorization{Issuer: "https://auth.example.com"}
	tests := []struct {
		query string
		code  fault.Code
		words []string
	}{
		{"error=access_denied", fault.SignInRefused, []string{"declined"}},
		{"error=temporarily_unavailable", fault.Unreachable, nil},
		{"error=server_error&error_description=x", fault.Unreachable, nil},
		{"error=invalid_scope", fault.Refused, []string{"--scope"}},
		{"error=invalid_target", fault.Refused, nil},
		{"error=unauthorized_client", fault.Refused, []string{"unauthorized_client"}},
		{"error=%3Cscript%3E%0A", fault.Refused, nil},
		{"error=a&code=b", fault.Refused, nil},
		{"error=a&error=b", fault.Refused, []string{"twice"}},
		{"code=a&code=b", fault.Refused, []string{"twice"}},
		{"code=", fault.Refused, []string{"neither"}},
		{"", fault.Refused, []string{"neither"}},
	}
	for _, tt := range tests {
		q, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		code, err := a.answer(q)
		wantFault(t, err, tt.code, append(tt.words, "auth.example.com")...)
		if !code.Equal(secret.String{}) || strings.Contains(fault.Public(err).What, "script") {
			t.Errorf("%s: code %v, %v", tt.query, code, err)
		}
	}
}
