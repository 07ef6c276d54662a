package credential_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// elsewhere signs in to the demo as another program would and gives up what it got.
func elsewhere(t *testing.T, w *world) credential.Adopted {
	t.Helper()
	a := w.process()
	w.signIn(a)
	raw, err := w.vault.Get(t.Context(), a.Key()+"/tokens")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Access   string    `json:"access_token"`
		Refresh  string    `json:"refresh_token"`
		ClientID string    `json:"client_id"`
		Issuer   string    `json:"issuer"`
		Issued   time.Time `json:"issued_at"`
		Expires  time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal([]byte(raw.Reveal()), &r); err != nil || r.Refresh == "" {
		t.Fatalf("the stored record: %v", err)
	}
	// From here on the computer is another one.
	dir := t.TempDir()
	w.vault, w.paths = vault.NewMemory(), config.Paths{Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state")}
	return credential.Adopted{
		Tokens:   oauth.Tokens{Access: secret.New(r.Access), Refresh: secret.New(r.Refresh)},
		IssuedAt: r.Issued, ExpiresAt: r.Expires, Issuers: []string{"", r.Issuer},
		Client: oauth.ClientCredentials{ClientID: r.ClientID},
	}
}

// TestAdopt: the token of the other program is used as it is, its refresh token
// once, and nobody signs in again.
func TestAdopt(t *testing.T) {
	w := newWorld(t, time.Minute)
	in := elsewhere(t, w)
	before := w.demo.Counts()
	a, other := w.process(), w.process()
	bearer(t, other) // knows that there is none
	if err := a.CanAdopt(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if s := bearer(t, w.process()); !s.IsZero() {
		t.Error("CanAdopt has taken it over")
	}
	if err := a.Adopt(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if !bearer(t, a).Equal(in.Tokens.Access) || !bearer(t, w.process()).Equal(in.Tokens.Access) {
		t.Error("the token is not the one that was taken over")
	}
	if c := w.demo.Counts(); c != before {
		t.Errorf("the provider counted %+v before and %+v after", before, c)
	}
	f, err := a.Facts()
	if err != nil || f.State != credential.SignedIn || f.Email != "ada@example.com" || f.Issuer != w.demo.Issuer() || !f.Renewable {
		t.Errorf("Facts = %+v, %v", f, err)
	}
	if err := a.Reject(t.Context(), credential.Rejection{Token: in.Tokens.Access, Status: 401}); err != nil {
		t.Errorf("after a 401: %v", err)
	}
	if c := w.demo.Counts(); c.Refreshes != before.Refreshes+1 || c.Reuses != 0 || c.Registrations != before.Registrations {
		t.Errorf("the provider counted %+v", c)
	}
	if err := a.Adopt(t.Context(), in); !errors.Is(err, credential.ErrSignedIn) {
		t.Errorf("a second time: %v", err)
	}
	if err := a.CanAdopt(t.Context(), in); !errors.Is(err, credential.ErrSignedIn) {
		t.Errorf("CanAdopt a second time: %v", err)
	}
	if err := a.SignOut(t.Context()); err != nil {
		t.Errorf("SignOut: %v", err)
	}
	if c := w.demo.Counts(); c.Revocations == before.Revocations {
		t.Error("the sign-out revoked nothing")
	}
}

// TestAdoptExpired: the access token has ended, the refresh token is good.
func TestAdoptExpired(t *testing.T) {
	w := newWorld(t, life)
	in := elsewhere(t, w)
	w.clock.pass(life)
	a := w.process()
	if err := a.Adopt(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if s := bearer(t, a); s.IsZero() || s.Equal(in.Tokens.Access) {
		t.Error("the ended token is given out")
	}
	if c := w.demo.Counts(); c.Refreshes != 1 || c.Authorizations != 1 {
		t.Errorf("the provider counted %+v", c)
	}
}

// TestAdoptRefuses: what is not beyond doubt stays where it is.
func TestAdoptRefuses(t *testing.T) {
	w := newWorld(t, time.Minute)
	good := elsewhere(t, w)
	for name, c := range map[string]struct {
		change func(*credential.Adopted)
		says   string // "": taken over
	}{
		"good":                    {func(*credential.Adopted) {}, ""},
		"issuer with a slash":     {func(in *credential.Adopted) { in.Issuers[1] += "/" }, ""},
		"issuer by the token":     {func(in *credential.Adopted) { in.Issuers = nil }, ""},
		"no token":                {func(in *credential.Adopted) { in.Tokens = oauth.Tokens{} }, "there is no token in it"},
		"no client":               {func(in *credential.Adopted) { in.Client.ClientID = "" }, "to which client"},
		"another issuer":          {func(in *credential.Adopted) { in.Issuers = []string{"https://as.example.com"} }, `from "https://as.example.com", but the server names "` + w.demo.Issuer()},
		"two issuers":             {func(in *credential.Adopted) { in.Issuers[0] = "https://as.example.com" }, "https://as.example.com"},
		"nothing names an issuer": {func(in *credential.Adopted) { in.Issuers, in.Tokens.Access = nil, secret.New("opaque") }, "nothing says which"},
		"the token's issuer": {func(in *credential.Adopted) {
			in.Issuers, in.Tokens.Access = nil, jwt(`{"iss":"https://as.example.com"}`)
		}, "https://as.example.com"},
		"another audience": {func(in *credential.Adopted) { in.Tokens.Access = jwt(`{"aud":["https://other.example.com"]}`) }, `for "https://other.example.com"`},
		"opaque":           {func(in *credential.Adopted) { in.Tokens.Access = secret.New("opaque") }, ""},
		"secret of the client has ended": {func(in *credential.Adopted) {
			in.Client.SecretExpiresAt = time.Now().Add(-time.Minute)
		}, "secret of its client has expired"},
		"ended for good": {func(in *credential.Adopted) {
			in.Tokens.Refresh, in.ExpiresAt = secret.String{}, time.Now().Add(-time.Minute)
		}, "no refresh token"},
		"cannot be renewed": {func(in *credential.Adopted) { in.Tokens.Refresh = secret.String{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w.vault, w.paths.State = vault.NewMemory(), t.TempDir()
			in := good
			in.Issuers = append([]string(nil), good.Issuers...)
			c.change(&in)
			a := w.process()
			can, err := a.CanAdopt(t.Context(), in), a.Adopt(t.Context(), in)
			if c.says == "" {
				if can != nil || err != nil {
					t.Errorf("CanAdopt = %v, Adopt = %v", can, err)
				}
				return
			}
			for _, err := range []error{can, err} {
				if !fault.Is(err, fault.SignInNeeded) || !strings.Contains(err.Error(), c.says) || !strings.Contains(fault.Public(err).Next, "drawbridge login demo") {
					t.Errorf("got %v, want %q", err, c.says)
				}
			}
			if s := bearer(t, a); !s.IsZero() {
				t.Error("it was taken over")
			}
		})
	}
}

func jwt(claims string) secret.String {
	part := base64.RawURLEncoding.EncodeToString
	return secret.New(part([]byte(`{"alg":"RS256"}`)) + "." + part([]byte(claims)) + "." + part([]byte("signature")))
}

// TestAdoptKeepsTheResource: the refresh asks for what the sign-in asked for.
func TestAdoptKeepsTheResource(t *testing.T) {
	for name, c := range map[string]struct {
		in   credential.Adopted
		want string
	}{
		"published": {credential.Adopted{}, "/mcp"},
		"given":     {credential.Adopted{Resource: "https://tenant.example.com/"}, "https://tenant.example.com/"},
		"none":      {credential.Adopted{NoResource: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var sent []string
			var s *httptest.Server
			s = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", "application/json")
				switch r.URL.Path {
				case "/mcp":
					rw.WriteHeader(http.StatusUnauthorized)
				case "/.well-known/oauth-protected-resource/mcp":
					_ = json.NewEncoder(rw).Encode(map[string]any{"resource": s.URL + "/mcp", "authorization_servers": []string{s.URL}})
				case "/.well-known/oauth-authorization-server":
					_ = json.NewEncoder(rw).Encode(map[string]any{
						"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token",
						"code_challenge_methods_supported": []string{"S256"}, "token_endpoint_auth_methods_supported": []string{"client_secret_post"},
					})
				case "/token":
					sent = append(sent, r.FormValue("resource"), r.FormValue("client_secret"), r.FormValue("refresh_token"))
					_ = json.NewEncoder(rw).Encode(map[string]any{"access_token": "a1", "token_type": "Bearer", "expires_in": 60})
				default:
					rw.WriteHeader(http.StatusNotFound)
				}
			}))
			defer s.Close()
			w := newWorld(t, time.Minute)
			w.server = config.Server{Name: "s", URL: s.URL + "/mcp"}
			in := c.in
			in.Tokens = oauth.Tokens{Access: secret.New("a0"), Refresh: secret.New("r0")}
			in.ExpiresAt, in.Issuers = time.Now().Add(-time.Hour), []string{s.URL}
			in.Client = oauth.ClientCredentials{ClientID: "c", Secret: secret.New("c-secret"), AuthMethod: "client_secret_basic"}
			a := w.process()
			if err := a.Adopt(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			if got := bearer(t, a).Reveal(); got != "a1" {
				t.Errorf("the token is %q", got)
			}
			want := c.want
			if strings.HasPrefix(want, "/") {
				want = s.URL + want
			}
			if len(sent) != 3 || sent[0] != want || sent[1] != "c-secret" || sent[2] != "r0" {
				t.Errorf("the refresh sent %q; want resource %q", sent, want)
			}
		})
	}
}

func TestAdoptAtAnOpenServer(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/mcp" {
			http.NotFound(rw, r)
			return
		}
		_, _ = rw.Write([]byte(`{"jsonrpc":"2.0","id":"drawbridge-probe","result":{}}`))
	}))
	defer s.Close()
	w := newWorld(t, time.Minute)
	w.server = config.Server{Name: "open", URL: s.URL + "/mcp"}
	a := w.process()
	err := a.Adopt(t.Context(), credential.Adopted{
		Tokens: oauth.Tokens{Access: secret.New("a"), Refresh: secret.New("r")}, Client: oauth.ClientCredentials{ClientID: "c"},
	})
	if f, factsErr := a.Facts(); !errors.Is(err, credential.ErrOpen) || factsErr != nil || f.State != credential.Open {
		t.Errorf("Adopt = %v; %+v, %v", err, f, factsErr)
	}
}
