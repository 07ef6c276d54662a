package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/secret"
	"drawbridge/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// issuer signs tokens and publishes its keys over HTTP.
type issuer struct {
	*httptest.Server
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey
	ed     ed25519.PrivateKey
	other  *rsa.PrivateKey // never published
	keys   []map[string]any
	status atomic.Int32
	asked  atomic.Int32
}

func b64(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	i := &issuer{}
	var err error
	i.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	i.other, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	i.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	public, ed, err := ed25519.GenerateKey(rand.Reader)
	must(err)
	i.ed = ed
	i.keys = []map[string]any{
		{"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
		{"kty": "whatever", "kid": "new"},
		{"kty": "RSA", "kid": "rsa", "alg": "RS256", "use": "sig", "n": b64(i.rsa.N), "e": "AQAB"},
		{"kty": "RSA", "kid": "for-encryption", "use": "enc", "n": b64(i.rsa.N), "e": "AQAB"},
		{"kty": "EC", "kid": "ec", "crv": "P-256", "x": b64(i.ec.X), "y": b64(i.ec.Y)},
		{"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)},
	}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.asked.Add(1)
		if s := i.status.Load(); s != 0 {
			w.WriteHeader(int(s))
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": i.keys})
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) policy() Policy {
	return Policy{
		Issuer: i.URL, JWKSURI: i.URL + "/jwks", Audience: []string{"https://mcp.example.com/mcp"}, Now: func() time.Time { return now },
		HTTP: i.Client(),
	}
}

// claims are good ones, changed; a nil value takes one out.
func (i *issuer) claims(changes jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{
		"iss": i.URL, "sub": "ada", "aud": "https://mcp.example.com/mcp", "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(), "scope": "tools:read tools:call",
	}
	for name, value := range changes {
		if value == nil {
			delete(c, name)
		} else {
			c[name] = value
		}
	}
	return c
}

func sign(t *testing.T, method jwt.SigningMethod, key any, header map[string]any, claims jwt.MapClaims) secret.String {
	t.Helper()
	tok := jwt.NewWithClaims(method, claims)
	for name, value := range header {
		tok.Header[name] = value
	}
	raw, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(raw)
}

func (i *issuer) sign(t *testing.T, changes jwt.MapClaims) secret.String {
	t.Helper()
	return sign(t, jwt.SigningMethodRS256, crypto.PrivateKey(i.rsa), map[string]any{"kid": "rsa"}, i.claims(changes))
}
