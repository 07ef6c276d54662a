package credential_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gojwt "github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// keyFile is a private key in PEM.
func keyFile(t *testing.T, key crypto.PrivateKey) string {
	t.Helper()
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return textFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
}

func textFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// machine is a client that needs no person: it has a secret.
func machine(t *testing.T, s *script, change func(*config.Server)) *credential.Account {
	t.Helper()
	a := s.account(func(server *config.Server) {
		server.ClientID, server.OAuth.Grant = "robot", config.ClientCredentials
		if change != nil {
			change(server)
		}
	})
	if err := a.SetClientSecret(t.Context(), secret.New("s3cret")); err != nil {
		t.Fatal(err)
	}
	return a
}

// firstToken is the first token: the server has refused a request without one.
func firstToken(t *testing.T, a *credential.Account) secret.String {
	t.Helper()
	if err := a.Reject(t.Context(), credential.Rejection{Status: 401}); err != nil {
		t.Fatal(err)
	}
	return bearer(t, a)
}

// TestGrantsWithoutAPerson: the first call gets a token by the grant of the
// settings, without a sign-in; the client shows who it is as metadata or settings
// say; what is refused gets another token by the same grant.
func TestGrantsWithoutAPerson(t *testing.T) {
	const jwt = "e30.e30.c2ln"
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		methods []string
		change  func(*config.Server)
		want    map[string]string // of the token request; "" for what must not be there
		basic   bool
		key     crypto.PublicKey
	}{
		"a secret in the header": {
			methods: []string{"client_secret_basic"}, basic: true,
			want: map[string]string{"grant_type": "client_credentials", "client_secret": "", "refresh_token": ""},
		},
		"a secret in the form": {
			methods: []string{"client_secret_post"},
			want:    map[string]string{"grant_type": "client_credentials", "client_id": "robot", "client_secret": "s3cret"},
		},
		"as the settings say": {
			methods: []string{"client_secret_basic", "client_secret_post"},
			change:  func(s *config.Server) { s.OAuth.TokenEndpointAuthMethod = "client_secret_post" },
			want:    map[string]string{"client_id": "robot", "client_secret": "s3cret"},
		},
		"an ES256 key": {
			change: func(s *config.Server) { s.OAuth.PrivateKeyFile = keyFile(t, ec) },
			want:   map[string]string{"grant_type": "client_credentials", "client_secret": ""}, key: &ec.PublicKey,
		},
		"an RS256 key": {
			change: func(s *config.Server) { s.OAuth.PrivateKeyFile, s.OAuth.PrivateKeyAlg = keyFile(t, rsaKey), "RS256" },
			want:   map[string]string{"grant_type": "client_credentials", "client_secret": ""}, key: &rsaKey.PublicKey,
		},
		"a workload's identity in a file": {
			change: func(s *config.Server) {
				s.ClientID, s.OAuth.Grant, s.OAuth.Assertion = "", config.JWTBearer, config.Assertion{File: textFile(t, jwt+"\n")}
			},
			want: map[string]string{"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": jwt, "client_secret": ""},
		},
		"a workload's identity by a command": {
			change: func(s *config.Server) {
				s.OAuth.Grant, s.OAuth.Assertion = config.JWTBearer, config.Assertion{Command: []string{"/bin/sh", "-c", "test -n \"$DRAWBRIDGE_ISSUER$DRAWBRIDGE_RESOURCE\" && echo " + jwt}}
			},
			methods: []string{"client_secret_basic"}, basic: true,
			want: map[string]string{"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": jwt},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			s.on(atIssuer, sends(200, s.metadata(object{"authorization_endpoint": nil, "code_challenge_methods_supported": nil, "token_endpoint_auth_methods_supported": c.methods})))
			a := machine(t, s, c.change)
			first := firstToken(t, a)
			s.on(atToken, sends(200, s.tokens(object{"access_token": "a2"})))
			if err := a.Reject(t.Context(), credential.Rejection{Token: first, Status: 401}); err != nil || bearer(t, a).Reveal() != "a2" {
				t.Errorf("refused: %v", err)
			}
			asked := s.requests(atToken)
			if len(asked) != 2 || len(s.requests(atRegister))+len(s.requests(atBrowser)) != 0 {
				t.Fatalf("%d token requests, %d registrations, %d browsers", len(asked), len(s.requests(atRegister)), len(s.requests(atBrowser)))
			}
			for _, r := range asked {
				for member, value := range c.want {
					if r.form.Get(member) != value {
						t.Errorf("%s is %q, want %q", member, r.form.Get(member), value)
					}
				}
				if r.form.Get("resource") != s.base+"/mcp" || strings.HasPrefix(r.header.Get("Authorization"), "Basic ") != c.basic {
					t.Errorf("request %v, %q", r.form, r.header.Get("Authorization"))
				}
				if c.key == nil {
					continue
				}
				claims := gojwt.RegisteredClaims{}
				_, err := gojwt.ParseWithClaims(r.form.Get("client_assertion"), &claims, func(*gojwt.Token) (any, error) { return c.key, nil })
				if err != nil || claims.Issuer != "robot" || claims.Subject != "robot" || !slices.Equal(claims.Audience, gojwt.ClaimStrings{s.base}) {
					t.Errorf("the assertion says %+v, %v", claims, err)
				}
			}
			if asked[0].form.Get("client_assertion") != "" && asked[0].form.Get("client_assertion") == asked[1].form.Get("client_assertion") {
				t.Error("an assertion was sent twice")
			}
			if f, err := a.Facts(); err != nil || f.State != credential.SignedIn || !f.Renewable {
				t.Errorf("facts %+v, %v", f, err)
			}
		})
	}
}

// TestIdentityAssertion: the company's provider turns the person's ID token into
// an assertion for the server's authorization server, which turns that into a
// token; nobody's browser opens, and no secret of the one gets to the other.
func TestIdentityAssertion(t *testing.T) {
	const idToken = "e30.e30.aWQ"
	s, idp := newScript(t), newScript(t)
	idp.on(atToken, sends(200, object{
		"access_token": "e30.e30.amFn", "issued_token_type": "urn:ietf:params:oauth:token-type:id-jag", "token_type": "N_A", "expires_in": 300,
	}))
	a := machine(t, s, func(server *config.Server) {
		server.OAuth.Grant, server.Scopes = config.IDJAG, []string{"read"}
		server.OAuth.Assertion = config.Assertion{File: textFile(t, idToken)}
		server.OAuth.IdentityProvider = config.IdentityProvider{Issuer: idp.base, ClientID: "us"}
	})
	if err := a.SetIDPSecret(t.Context(), secret.New("company")); err != nil {
		t.Fatal(err)
	}
	if got := firstToken(t, a); got.Reveal() != "a1" {
		t.Fatalf("token %q", got.Reveal())
	}
	exchange, grant := idp.requests(atToken), s.requests(atToken)
	if len(exchange) != 1 || len(grant) != 1 {
		t.Fatalf("%d requests at the company's, %d at the server's", len(exchange), len(grant))
	}
	for member, value := range map[string]string{
		"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "requested_token_type": "urn:ietf:params:oauth:token-type:id-jag",
		"audience": s.base, "resource": s.base + "/mcp", "scope": "read", "subject_token": idToken, "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
	} {
		if exchange[0].form.Get(member) != value {
			t.Errorf("at the company's %s is %q, want %q", member, exchange[0].form.Get(member), value)
		}
	}
	if f := grant[0].form; f.Get("assertion") != "e30.e30.amFn" || f.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Errorf("at the server's: %v", f)
	}
	if user, pass, _ := (&http.Request{Header: exchange[0].header}).BasicAuth(); user != "us" || pass != "company" {
		t.Errorf("the client at the company's is %q, %q", user, pass)
	}
	if strings.Contains(grant[0].body, idToken) || strings.Contains(grant[0].body, "company") || strings.Contains(exchange[0].body, "s3cret") {
		t.Error("a secret of the one got to the other")
	}
}

// TestStepUpWithoutAPerson: a server that wants more permission gets a token with
// the union at once, once; what is granted stays with the next renewal.
func TestStepUpWithoutAPerson(t *testing.T) {
	for _, given := range [][]string{nil, {"read"}} {
		s := newScript(t)
		s.on(atResource, sends(200, s.resource(object{"scopes_supported": []string{"read"}})))
		a := machine(t, s, func(server *config.Server) { server.Scopes = given })
		old := firstToken(t, a)
		wants := func(token secret.String, scope string) error {
			return a.StepUp(t.Context(), credential.Rejection{Token: token, Status: 403, Challenge: []string{`Bearer error="insufficient_scope", scope="` + scope + `"`}})
		}
		s.on(atToken, sends(400, object{"error": "invalid_scope"}))
		if err := wants(old, "root"); !fault.Is(err, fault.Refused) || !strings.Contains(fault.Public(err).What, `"root"`) {
			t.Errorf("more than there is: %v", err)
		}
		if got := bearer(t, a); !got.Equal(old) {
			t.Error("what there was is gone")
		}
		s.on(atToken, sends(200, s.tokens(object{"access_token": "a2"})))
		if err := wants(old, "write"); err != nil {
			t.Fatalf("StepUp = %v", err)
		}
		next := bearer(t, a)
		asked := s.requests(atToken)
		if got := asked[len(asked)-1].form.Get("scope"); next.Reveal() != "a2" || !slices.Equal(sorted(got), []string{"read", "write"}) {
			t.Errorf("the token %q for %q", next.Reveal(), got)
		}
		if f, err := a.Facts(); err != nil || f.State != credential.SignedIn || len(f.Wanted) > 0 || f.Problem != nil {
			t.Errorf("facts %+v, %v", f, err)
		}
		if err := wants(next, "write"); !fault.Is(err, fault.Refused) {
			t.Errorf("the same again: %v", err)
		}
		s.on(atToken, sends(200, s.tokens(object{"access_token": "a3"})))
		if err := a.Reject(t.Context(), credential.Rejection{Token: next, Status: 401}); err != nil {
			t.Error(err)
		}
		asked = s.requests(atToken)
		if got := asked[len(asked)-1].form.Get("scope"); !slices.Equal(sorted(got), []string{"read", "write"}) {
			t.Errorf("renewed for %q", got)
		}
		if n := len(s.requests(atBrowser)); n != 0 {
			t.Errorf("%d browsers", n)
		}
	}
}

func sorted(scopes string) []string {
	all := strings.Fields(scopes)
	slices.Sort(all)
	return all
}

// TestRefusedGrantAsksNobody: a grant that is refused, or an endpoint that is
// away, is no sign-in that a person could make.
func TestRefusedGrantAsksNobody(t *testing.T) {
	for code, answer := range map[fault.Code]http.HandlerFunc{
		fault.Refused:     sends(http.StatusUnauthorized, object{"error": "invalid_client"}),
		fault.Unreachable: sends(http.StatusServiceUnavailable, object{}),
	} {
		s := newScript(t)
		s.on(atToken, answer)
		a := machine(t, s, nil)
		err := a.Reject(t.Context(), credential.Rejection{Status: 401})
		if !fault.Is(err, code) {
			t.Errorf("%s: %v", code, err)
		}
		if f, err := a.Facts(); err != nil || f.State == credential.SignInNeeded || f.Problem == nil {
			t.Errorf("%s: facts %+v, %v", code, f, err)
		}
	}
}
