package oauth

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/fault"
)

const redirect = "http://127.0.0.1:43117/callback"

func TestRegisterSendsANativeClient(t *testing.T) {
	for _, tt := range []struct {
		supported []string
		want      string
	}{
		{nil, "none"},
		{[]string{"client_secret_post", "none"}, "none"},
		{[]string{"client_secret_post", "client_secret_basic"}, "client_secret_basic"},
		{[]string{"client_secret_post"}, "client_secret_post"},
	} {
		s := newSite(t)
		s.on("POST /register", s.sendsStatus(http.StatusCreated, object{"client_id": "c1"}))
		m := ServerMetadata{Issuer: s.URL, RegistrationEndpoint: s.URL + "/register", TokenEndpointAuthMethodsSupported: tt.supported}
		cc, err := newClient().Register(t.Context(), m, RegistrationRequest{ClientName: "Drawbridge", RedirectURI: redirect})
		if err != nil {
			t.Fatal(err)
		}
		if cc.ClientID != "c1" || cc.AuthMethod != "none" || !cc.SecretExpiresAt.IsZero() {
			t.Errorf("client = %+v", cc)
		}
		sent := s.requests()
		if len(sent) != 1 || sent[0].Header.Get("Content-Type") != "application/json" || sent[0].Header.Get("Accept") != "application/json" {
			t.Fatalf("requests = %+v", sent)
		}
		var got object
		if err := json.Unmarshal([]byte(sent[0].Body), &got); err != nil {
			t.Fatal(err)
		}
		want := object{
			"client_name": "Drawbridge", "redirect_uris": []any{redirect}, "response_types": []any{"code"},
			"grant_types": []any{"authorization_code", "refresh_token"}, "application_type": "native", "token_endpoint_auth_method": tt.want,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("registration (-want +got):\n%s", diff)
		}
	}
}

func TestRegisterAnswer(t *testing.T) {
	s := newSite(t)
	m := ServerMetadata{Issuer: s.URL, RegistrationEndpoint: s.URL + "/register"}
	for _, expires := range []any{1893456000, "1893456000"} {
		s.on("POST /register", s.sends(object{
			"client_id": "c2", "client_secret": "s3cret", "client_secret_expires_at": expires, "token_endpoint_auth_method": "client_secret_post",
		}))
		cc, err := newClient().Register(t.Context(), m, RegistrationRequest{RedirectURI: redirect})
		if err != nil || cc.Secret.Reveal() != "s3cret" || cc.AuthMethod != AuthPost || !cc.SecretExpiresAt.Equal(time.Unix(1893456000, 0)) {
			t.Errorf("client = %+v, %v", cc, err)
		}
	}
	s.on("POST /register", s.sends(object{"client_id": "c3", "client_secret": "x", "client_secret_expires_at": 0}))
	if cc, err := newClient().Register(t.Context(), m, RegistrationRequest{}); err != nil || !cc.SecretExpiresAt.IsZero() || cc.AuthMethod != AuthBasic {
		t.Errorf("client = %+v, %v", cc, err)
	}
}

func TestChooseAuthMethod(t *testing.T) {
	tests := []struct {
		registered string
		secret     bool
		supported  []string
		want       string
	}{
		{"", false, nil, AuthNone},
		{"client_secret_basic", false, []string{"client_secret_basic"}, AuthNone},
		{"", true, nil, AuthBasic},
		{"client_secret_post", true, nil, AuthPost},
		{"client_secret_post", true, []string{"client_secret_basic", "client_secret_post"}, AuthPost},
		{"none", true, []string{"client_secret_basic", "client_secret_post"}, AuthBasic}, // Glewlwyd
		{"none", true, []string{"none", "client_secret_post"}, AuthNone},
		{"", true, []string{"client_secret_post", "none"}, AuthPost},
		{"private_key_jwt", true, []string{"private_key_jwt", "client_secret_post"}, AuthPost},
		{"", true, []string{"none"}, AuthNone},
	}
	for _, tt := range tests {
		if got := chooseAuthMethod(tt.registered, tt.secret, tt.supported); got != tt.want {
			t.Errorf("registered %q, secret %v, supported %v: %s, want %s", tt.registered, tt.secret, tt.supported, got, tt.want)
		}
	}
	if got := AuthMethodFor(ServerMetadata{TokenEndpointAuthMethodsSupported: []string{"client_secret_post"}}, true); got != AuthPost {
		t.Errorf("AuthMethodFor = %s", got)
	}
}

func TestRegisterRefusals(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		code   fault.Code
		words  []string
	}{
		{"no endpoint", nil, fault.Unsupported, []string{"--client-id", "http://127.0.0.1/callback (any port)"}},
		{"redirect refused", sendsText(400, "application/json", `{"error":"invalid_redirect_uri","error_description":"https only"}`), fault.Refused, []string{"invalid_redirect_uri", "--client-id"}},
		{"bare text", sendsText(403, "text/plain", "Forbidden"), fault.Refused, []string{"HTTP 403", "--client-id"}},
		{"unknown route", sendsText(422, "text/html", "<p>"), fault.Refused, []string{"HTTP 422"}},
		{"error with 200", sendsText(200, "application/json", `{"error":"access_denied"}`), fault.Refused, []string{"access_denied"}},
		{"hostile error code", sendsText(400, "application/json", `{"error":"\u001b[2J<script>"}`), fault.Refused, []string{"HTTP 400"}},
		{"no client id", sendsText(201, "application/json", `{}`), fault.BadMetadata, []string{"without a client id"}},
		{"not JSON", sendsText(200, "text/html", `<html>`), fault.BadMetadata, []string{"without a client id"}},
		{"busy", sendsText(429, "text/plain", ``), fault.Unreachable, []string{"429"}},
		{"down", sendsText(502, "text/plain", ``), fault.Unreachable, []string{"502"}},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, fault.Refused, []string{"307"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			m := ServerMetadata{Issuer: s.URL}
			if tt.answer != nil {
				s.on("POST /register", tt.answer)
				m.RegistrationEndpoint = s.URL + "/register"
			}
			_, err := newClient().Register(t.Context(), m, RegistrationRequest{RedirectURI: redirect})
			wantFault(t, err, tt.code, append(tt.words, s.URL)...)
			if n := len(s.requests()); n > 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestRegisterKeepsTheServersTextForTheLog(t *testing.T) {
	s := newSite(t)
	s.on("POST /register", sendsText(400, "application/json", `{"error":"invalid_client_metadata","error_description":"the words\nof the server"}`))
	_, err := newClient().Register(t.Context(), ServerMetadata{RegistrationEndpoint: s.URL + "/register"}, RegistrationRequest{})
	var te *TokenError
	if !errors.As(err, &te) || te.Code != "invalid_client_metadata" || te.Description != "the words of the server" {
		t.Errorf("cause = %+v", te)
	}
	if strings.Contains(fault.Public(err).What, "words") {
		t.Error("the server's text is shown")
	}
}
