package credential_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// TestMetadataDocumentClient: with a document's address the client is that, where
// the provider takes such, and nothing is registered; elsewhere it registers.
func TestMetadataDocumentClient(t *testing.T) {
	const document = "https://client.example/drawbridge.json"
	for _, taken := range []bool{true, false} {
		s := newScript(t)
		s.on(atIssuer, sends(200, s.metadata(object{"client_id_metadata_document_supported": taken})))
		a, p := s.account(func(server *config.Server) { server.OAuth.ClientMetadataURL = document }), &passer{t: t}
		if err := p.signIn(a); err != nil {
			t.Fatal(err)
		}
		want, registrations := "c1", 1
		if taken {
			want, registrations = document, 0
		}
		f, err := a.Facts()
		if got := s.requests(atToken)[0].form; err != nil || f.ClientID != want || got.Get("client_id") != want || got.Has("client_secret") {
			t.Errorf("taken %v: the client is %q, %v; the token request %v", taken, f.ClientID, err, got)
		}
		if n := len(s.requests(atRegister)); n != registrations {
			t.Errorf("taken %v: %d registrations", taken, n)
		}
	}
}

// TestEndpointsByHand: a server that publishes nothing is used at the endpoints
// that a person gives, and no metadata is asked for.
func TestEndpointsByHand(t *testing.T) {
	s := newScript(t)
	s.on(atMCP, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	s.on(atResource, http.NotFound)
	s.on(atIssuer, http.NotFound)
	a := s.account(func(server *config.Server) {
		server.ClientID = "mine"
		server.OAuth.Endpoints = config.Endpoints{Authorization: s.base + "/authorize", Token: s.base + "/token"}
		server.OAuth.Resource = "urn:mine"
		server.OAuth.AuthorizeParams = map[string]string{"tenant": "t1"}
	})
	s.on(atBrowser, func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("tenant") != "t1" || q.Get("resource") != "urn:mine" || q.Get("code_challenge_method") != "S256" {
			t.Errorf("asked for %v", q)
		}
		s.goesBack(object{"iss": nil})(w, r)
	})
	p := &passer{t: t}
	if err := p.signIn(a); err != nil || bearer(t, a).Reveal() != "a1" {
		t.Fatalf("SignIn = %v", err)
	}
	if form := s.requests(atToken)[0].form; form.Get("client_id") != "mine" || form.Get("resource") != "urn:mine" {
		t.Errorf("token request: %v", form)
	}
	if n := len(s.requests(atIssuer)); n != 0 {
		t.Errorf("metadata was asked for %d times", n)
	}
}

// TestIssuerOfEndpointsByHand: the answer says who it is from (RFC 9207), and nobody
// has said who that is to be. The person learns what to give, and then it goes on.
func TestIssuerOfEndpointsByHand(t *testing.T) {
	s := newScript(t)
	s.on(atMCP, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	realm := s.base + "/realms/x"
	s.on(atBrowser, s.goesBack(object{"iss": realm}))
	server := config.Server{Name: "notes", URL: s.base + "/mcp", ClientID: "mine"}
	server.OAuth.Endpoints = config.Endpoints{Authorization: s.base + "/authorize", Token: s.base + "/token"}
	m := s.process(nil)
	err := (&passer{t: t}).signIn(m.Account(server, ""))
	if p := fault.Public(err); !fault.Is(err, fault.Refused) || !strings.Contains(p.What, realm) || !strings.Contains(p.Next, "--issuer") {
		t.Errorf("SignIn = %v", err)
	}
	if n := len(s.requests(atToken)); n != 0 {
		t.Errorf("%d token requests", n)
	}
	server.OAuth.Endpoints.Issuer = realm
	if err := (&passer{t: t}).signIn(m.Account(server, "")); err != nil {
		t.Errorf("with its issuer: %v", err)
	}
}

// TestForgottenBeforeASignIn: a registration that is old is looked at before a
// person is sent to a page that only says "unknown client".
func TestForgottenBeforeASignIn(t *testing.T) {
	for name, c := range map[string]struct {
		page          http.HandlerFunc // for the old client
		registrations int
	}{
		"forgotten":               {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }, 2},
		"forgotten, in its words": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, 2},
		"a page against robots": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cf-Mitigated", "challenge")
			w.WriteHeader(http.StatusForbidden)
		}, 1},
		"too many requests": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, 1},
		"a sign-in by Kerberos": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", "Negotiate")
			w.WriteHeader(http.StatusUnauthorized)
		}, 1},
		"a broken page": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, 1},
	} {
		s := newScript(t)
		var mu sync.Mutex
		ahead := time.Duration(0)
		a := s.accountAt(func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Round(0).Add(ahead)
		})
		p := &passer{t: t}
		if err := p.signIn(a); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		ahead = 2 * time.Hour
		mu.Unlock()
		s.on(atRegister, sends(http.StatusCreated, object{"client_id": "c2", "token_endpoint_auth_method": "none"}))
		looked := false
		s.on(atBrowser, func(w http.ResponseWriter, r *http.Request) {
			if !looked { // before the person comes
				looked = true
				if r.Header.Get("Cookie") != "" {
					t.Errorf("%s: cookies went along", name)
				}
				c.page(w, r)
				return
			}
			s.goesBack(nil)(w, r)
		})
		if err := p.signIn(a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(s.requests(atRegister)); n != c.registrations {
			t.Errorf("%s: %d registrations, want %d", name, n, c.registrations)
		}
	}
}

// TestDeviceSignIn: the person gets the code, and a client that was forgotten
// meanwhile is registered once more before anybody is asked.
func TestDeviceSignIn(t *testing.T) {
	for _, forgotten := range []bool{false, true} {
		s := newScript(t)
		s.on(atIssuer, sends(200, s.metadata(object{"device_authorization_endpoint": s.base + "/device"})))
		starts, asked := 0, 0
		s.on("POST /device", func(w http.ResponseWriter, r *http.Request) {
			if starts++; forgotten && starts == 1 {
				sends(http.StatusUnauthorized, object{"error": "invalid_client"})(w, r)
				return
			}
			sends(200, object{"device_code": "d1", "user_code": "ABCD-EFGH", "verification_uri": s.base + "/code", "interval": 1, "expires_in": 60})(w, r)
		})
		s.on(atToken, func(w http.ResponseWriter, r *http.Request) {
			if asked++; asked == 1 {
				sends(400, object{"error": "authorization_pending"})(w, r)
				return
			}
			sends(200, s.tokens(nil))(w, r)
		})
		a := s.account(func(server *config.Server) { server.OAuth.Grant = config.DeviceCode })
		var shown []credential.DeviceCode
		err := a.SignIn(t.Context(), credential.UI{Code: func(c credential.DeviceCode) { shown = append(shown, c) }})
		if err != nil || bearer(t, a).Reveal() != "a1" {
			t.Fatalf("forgotten %v: %v", forgotten, err)
		}
		if len(shown) != 1 || shown[0].Code != "ABCD-EFGH" || shown[0].URL != s.base+"/code" || time.Until(shown[0].ExpiresAt) > time.Minute {
			t.Errorf("the person was shown %+v", shown)
		}
		if n := len(s.requests(atRegister)); n != map[bool]int{false: 1, true: 2}[forgotten] {
			t.Errorf("forgotten %v: %d registrations", forgotten, n)
		}
		if form := s.requests(atToken)[1].form; form.Get("device_code") != "d1" || form.Get("resource") != s.base+"/mcp" {
			t.Errorf("token request: %v", form)
		}
	}
}

// TestDeviceSignInWhereThereIsNone says so.
func TestDeviceSignInWhereThereIsNone(t *testing.T) {
	s := newScript(t)
	a := s.account(func(server *config.Server) { server.OAuth.Grant = config.DeviceCode })
	refusedFor(t, a.SignIn(t.Context(), credential.UI{}), fault.Unsupported, []string{"no sign-in on another device", "--grant"})
}

// TestBoundTokens: where both servers can, tokens are bound to a key (ADR 0015),
// which another process has, too; a nonce that the server wants is in the next
// proof; a refresh is proven with the same key.
func TestBoundTokens(t *testing.T) {
	s := newScript(t)
	s.on(atIssuer, sends(200, s.metadata(object{"dpop_signing_alg_values_supported": []string{"ES256"}})))
	s.on(atResource, sends(200, s.resource(object{"dpop_bound_access_tokens_required": true})))
	var proofs []object
	s.on(atToken, func(w http.ResponseWriter, r *http.Request) {
		proof := claimsOf(t, r.Header.Get("DPoP"))
		proofs = append(proofs, proof)
		w.Header().Set("DPoP-Nonce", "n1")
		if proof["nonce"] != "n1" {
			sends(400, object{"error": "use_dpop_nonce"})(w, r)
			return
		}
		sends(200, s.tokens(object{"token_type": "DPoP"}))(w, r)
	})
	a, p := s.account(nil), &passer{t: t}
	if err := p.signIn(a); err != nil || !a.Bound() {
		t.Fatalf("SignIn = %v, bound %v", err, a.Bound())
	}
	if len(proofs) != 2 || proofs[0]["htu"] != s.base+"/token" || proofs[0]["htm"] != "POST" || proofs[0]["jti"] == proofs[1]["jti"] {
		t.Errorf("proofs: %v", proofs)
	}
	if got := s.requests(atBrowser); len(got) != 1 {
		t.Fatalf("%d authorizations", len(got))
	}
	other := s.again(a)
	if _, err := other.Bearer(t.Context()); err != nil || !other.Bound() {
		t.Fatalf("another process: %v, bound %v", err, other.Bound())
	}
	if err := other.Reject(t.Context(), credential.Rejection{Token: bearer(t, other), Status: 401}); err != nil && !strings.Contains(err.Error(), "just given") {
		t.Fatal(err)
	}
	if len(proofs) < 3 || proofs[len(proofs)-1]["jwk"] != proofs[0]["jwk"] || proofs[len(proofs)-1]["nonce"] != "n1" {
		t.Errorf("the refresh was proven by %v", proofs[len(proofs)-1])
	}

	// The authorization server's offer alone is not enough.
	alone := newScript(t)
	alone.on(atIssuer, sends(200, alone.metadata(object{"dpop_signing_alg_values_supported": []string{"ES256"}})))
	b := alone.account(nil)
	if err := p.signIn(b); err != nil || b.Bound() || alone.requests(atToken)[0].header.Get("DPoP") != "" {
		t.Errorf("by one side alone: %v, bound %v", err, b.Bound())
	}
	// Demanded in words, and not to be had.
	c := newScript(t).account(func(server *config.Server) { server.OAuth.DPoP = config.DPoPAlways })
	refusedFor(t, p.signIn(c), fault.Unsupported, []string{"DPoP", "--dpop"})
}

// claimsOf are the claims of a proof, and its key as text.
func claimsOf(t *testing.T, proof string) object {
	t.Helper()
	parts := strings.Split(proof, ".")
	if len(parts) != 3 {
		t.Errorf("no proof: %q", proof)
		return object{}
	}
	var claims object
	var header struct {
		Key json.RawMessage `json:"jwk"`
	}
	for i, into := range []any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			t.Error(err)
		}
	}
	claims["jwk"] = string(header.Key)
	return claims
}

// TestUserinfoSaysWhoItIs: opaque tokens say nothing, so the provider is asked;
// one that does not say is no obstacle.
func TestUserinfoSaysWhoItIs(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"says":    {sends(200, object{"sub": "u1", "email": "ada@example.com"}), "ada@example.com"},
		"refuses": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, ""},
		"endless": {endless, ""},
	} {
		s := newScript(t)
		s.on(atIssuer, sends(200, s.metadata(object{"userinfo_endpoint": s.base + "/userinfo"})))
		s.on(atUserinfo, c.answer)
		a, p := s.account(nil), &passer{t: t}
		if err := p.signIn(a); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if f, err := a.Facts(); err != nil || f.Display() != c.want {
			t.Errorf("%s: signed in as %q, %v", name, f.Display(), err)
		}
		if asked := s.requests(atUserinfo); len(asked) != 1 || asked[0].header.Get("Authorization") != "Bearer a1" {
			t.Errorf("%s: asked %d times", name, len(asked))
		}
		said, err := a.Ask(t.Context())
		if err != nil || said.Who.Email != c.want || (said.WhoError == nil) != (c.want != "") {
			t.Errorf("%s: asked again it is %+v, %v", name, said, err)
		}
		if !fault.Is(said.IntrospectError, fault.Unsupported) || said.Active {
			t.Errorf("%s: without introspection it says %+v", name, said)
		}
	}
}
