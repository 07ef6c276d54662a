package credential_test

import (
	"net/http"
	"strings"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// TestGivenClientGoesToNoOtherIssuer: the MCP server names another authorization
// server than the one that the person's client was used at. Neither its secret nor
// its ID goes there, in the browser, on another device or without a person, whoever
// of the accounts it is and also after a sign-out; unless the person names the issuer.
func TestGivenClientGoesToNoOtherIssuer(t *testing.T) {
	for _, grant := range []string{config.AuthorizationCode, config.DeviceCode, config.ClientCredentials} {
		t.Run(grant, func(t *testing.T) {
			s, other := newScript(t), newScript(t)
			for _, at := range []*script{s, other} {
				at.on(atIssuer, sends(200, at.metadata(object{"device_authorization_endpoint": at.base + "/device"})))
				at.on("POST /device", sends(200, object{"device_code": "d1", "user_code": "ABCD", "verification_uri": at.base + "/code", "interval": 1}))
			}
			m := s.process(nil)
			server := config.Server{Name: "notes", URL: s.base + "/mcp", ClientID: "mine", OAuth: config.OAuth{Grant: grant}}
			a := m.Account(server, "")
			if err := a.SetClientSecret(t.Context(), secret.New("s3cret")); err != nil {
				t.Fatal(err)
			}
			signIn := func(a *credential.Account) error { return (&passer{t: t}).signIn(a) }
			if err := signIn(a); err != nil {
				t.Fatal(err)
			}
			s.on(atResource, sends(200, s.resource(object{"authorization_servers": []string{other.base}})))
			refused := func(when string, a *credential.Account) {
				t.Helper()
				err := signIn(a)
				p := fault.Public(err)
				if !fault.Is(err, fault.Refused) || !strings.Contains(p.What, other.base) || !strings.Contains(p.What, s.base) || !strings.Contains(p.Next, "--issuer "+other.base) {
					t.Errorf("%s: %v", when, err)
				}
				for _, r := range other.requests("") {
					if r.what != atIssuer {
						t.Errorf("%s: %s went there", when, r.what)
					}
				}
			}
			refused("signed in", a)
			refused("another account", m.Account(server, "work"))
			if grant != config.ClientCredentials { // its token may be minted anew before it is asked for
				if err := a.SignOut(t.Context()); err != nil {
					t.Fatal(err)
				}
				refused("signed out", a)
			}
			server.OAuth.Endpoints.Issuer = other.base
			said := m.Account(server, "")
			if err := said.SetClientSecret(t.Context(), secret.New("s3cret")); err != nil {
				t.Fatal(err)
			}
			if err := signIn(said); err != nil || len(other.requests(atToken)) == 0 {
				t.Errorf("the person has named it: %v", err)
			}
		})
	}
}

// A client that Drawbridge registered is another one at another issuer anyway.
func TestRegisteredClientIsOneOfEachIssuer(t *testing.T) {
	s, other := newScript(t), newScript(t)
	other.on(atRegister, sends(http.StatusCreated, object{"client_id": "c2", "token_endpoint_auth_method": "none"}))
	a := s.account(nil)
	if err := (&passer{t: t}).signIn(a); err != nil {
		t.Fatal(err)
	}
	s.on(atResource, sends(200, s.resource(object{"authorization_servers": []string{other.base}})))
	if err := (&passer{t: t}).signIn(a); err != nil {
		t.Fatal(err)
	}
	if got := other.requests(atToken); len(got) != 1 || got[0].form.Get("client_id") != "c2" {
		t.Errorf("%+v", got)
	}
}
