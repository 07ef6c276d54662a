package credential_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
)

// TestMetadataDocumentWithAKey: the client that a document describes may show who
// it is by a private key, in the browser's grant and in that of another device.
func TestMetadataDocumentWithAKey(t *testing.T) {
	const document = "https://client.example/drawbridge.json"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, grant := range []string{config.AuthorizationCode, config.DeviceCode} {
		s := newScript(t)
		s.on(atIssuer, sends(200, s.metadata(object{
			"client_id_metadata_document_supported": true, "device_authorization_endpoint": s.base + "/device",
			"token_endpoint_auth_methods_supported": []string{"none", "private_key_jwt"},
		})))
		s.on("POST /device", sends(200, object{"device_code": "d1", "user_code": "ABCD", "verification_uri": s.base + "/code", "interval": 1}))
		a := s.account(func(server *config.Server) {
			server.OAuth.ClientMetadataURL, server.OAuth.PrivateKeyFile, server.OAuth.Grant = document, file, grant
		})
		if grant == config.DeviceCode {
			err = a.SignIn(t.Context(), credential.UI{})
		} else {
			err = (&passer{t: t}).signIn(a)
		}
		if err != nil {
			t.Fatalf("%s: %v", grant, err)
		}
		claims := gojwt.RegisteredClaims{}
		_, err := gojwt.ParseWithClaims(s.requests(atToken)[0].form.Get("client_assertion"), &claims, func(*gojwt.Token) (any, error) { return &key.PublicKey, nil })
		if err != nil || claims.Subject != document || claims.Issuer != document || !slices.Contains(claims.Audience, s.base) {
			t.Errorf("%s: the assertion says %+v, %v", grant, claims, err)
		}
		if n := len(s.requests(atRegister)); n != 0 {
			t.Errorf("%s: %d registrations", grant, n)
		}
	}
}

// TestSecretThatRunsOut: a client whose secret has run out is not tried again, but
// registered anew (RFC 7591 §3.2.1, client_secret_expires_at).
func TestSecretThatRunsOut(t *testing.T) {
	s := newScript(t)
	var ahead atomic.Int64
	a := s.accountAt(func() time.Time { return time.Now().Round(0).Add(time.Duration(ahead.Load())) })
	register := func(id string, ends time.Time) {
		s.on(atRegister, sends(http.StatusCreated, object{
			"client_id": id, "client_secret": "of " + id, "client_secret_expires_at": ends.Unix(), "token_endpoint_auth_method": "client_secret_post",
		}))
	}
	register("c1", time.Now().Add(10*time.Minute))
	for _, want := range []struct {
		client string
		ahead  time.Duration
	}{{"c1", 0}, {"c1", 5 * time.Minute}, {"c2", 11 * time.Minute}} {
		ahead.Store(int64(want.ahead))
		if err := (&passer{t: t}).signIn(a); err != nil {
			t.Fatal(err)
		}
		asked := s.requests(atToken)
		if f := asked[len(asked)-1].form; f.Get("client_id") != want.client || f.Get("client_secret") != "of "+want.client {
			t.Errorf("after %v the client is %q", want.ahead, f.Get("client_id"))
		}
		register("c2", time.Now().Add(24*time.Hour))
	}
}

// TestNewClient: a person has Drawbridge registered anew.
func TestNewClient(t *testing.T) {
	s := newScript(t)
	a, p := s.account(nil), &passer{t: t}
	for i, anew := range []bool{false, false, true} {
		ui := p.ui()
		ui.NewClient = anew
		err := a.SignIn(t.Context(), ui)
		p.over.Wait()
		if want := map[bool]int{false: 1, true: 2}[anew]; err != nil || len(s.requests(atRegister)) != want {
			t.Errorf("sign-in %d: %v, %d registrations, want %d", i+1, err, len(s.requests(atRegister)), want)
		}
	}
}

// TestAnotherPort: the port that the client was registered with is taken. Servers
// that mind (RFC 8252 §7.3 forbids it) are found out before a person sees their
// page, and get another client; others keep the one they have.
func TestAnotherPort(t *testing.T) {
	for _, minds := range []bool{false, true} {
		s := newScript(t)
		a := s.account(nil)
		var port string
		s.on(atBrowser, func(w http.ResponseWriter, r *http.Request) {
			back, err := url.Parse(r.URL.Query().Get("redirect_uri"))
			if err != nil {
				t.Error(err)
			}
			if port == "" {
				port = back.Port()
			}
			if minds && back.Port() != port && r.URL.Query().Get("client_id") == "c1" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			s.goesBack(nil)(w, r)
		})
		if err := (&passer{t: t}).signIn(a); err != nil {
			t.Fatal(err)
		}
		other, taken := net.Listen("tcp", "127.0.0.1:"+port) // or another program has it already
		s.on(atRegister, sends(http.StatusCreated, object{"client_id": "c2", "token_endpoint_auth_method": "none"}))
		err := (&passer{t: t}).signIn(a)
		if taken == nil {
			_ = other.Close()
		}
		if err != nil {
			t.Errorf("minds %v: %v", minds, err)
		}
		if n, want := len(s.requests(atRegister)), map[bool]int{false: 1, true: 2}[minds]; n != want {
			t.Errorf("minds %v: %d registrations, want %d", minds, n, want)
		}
	}
}
