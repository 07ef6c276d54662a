package guard_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
	"drawbridge/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

const (
	issuer   = "https://issuer.example"
	audience = "https://bridge.example/notes/mcp"
)

var (
	now         = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	clock       = func() time.Time { return now }
	shared      = "0123456789abcdef0123456789abcdef"
	previous    = "fedcba9876543210fedcba9876543210"
	rsaKey, _   = rsa.GenerateKey(rand.Reader, 2048)
	otherKey, _ = rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _    = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
)

// with is the right claims, changed.
func with(change map[string]any) jwt.MapClaims {
	c := jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": "ada", "email": "ada@example.com", "scope": "notes.read notes.write",
		"exp": now.Add(time.Hour).Unix(), "iat": now.Add(-time.Minute).Unix(), "nbf": now.Add(-time.Minute).Unix(), "jti": "t1", "type": "access",
	}
	for k, v := range change {
		if v == nil {
			delete(c, k)
		} else {
			c[k] = v
		}
	}
	return c
}

func sign(t testing.TB, method jwt.SigningMethod, key any, kid string, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func claims() guard.Claims {
	return guard.Claims{Issuer: issuer, Audience: []string{audience}, Now: clock}
}

func pemOf(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func jwtMode(t testing.TB) guard.Mode {
	t.Helper()
	keys, err := guard.PEMKey(pemOf(t, &rsaKey.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	m, err := guard.NewJWT(claims(), nil, keys)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func hmacMode(t testing.TB) guard.Mode {
	t.Helper()
	m, err := guard.NewHMAC(claims(), nil, guard.HMACKey{ID: "now", Secret: secret.New(shared)}, guard.HMACKey{ID: "before", Secret: secret.New(previous)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// issuerSays answers as an issuer that knows opaque tokens.
type issuerSays struct {
	answers map[string]map[string]any
	asked   atomic.Int32
	err     error
}

func (i *issuerSays) Introspect(_ context.Context, token secret.String) ([]byte, error) {
	i.asked.Add(1)
	if i.err != nil {
		return nil, i.err
	}
	a, ok := i.answers[token.Reveal()]
	if !ok {
		return []byte(`{"active":false}`), nil
	}
	a["active"] = true
	return json.Marshal(a)
}

type keyStore map[string]guard.APIKey

func (k keyStore) Find(_ context.Context, id string) (guard.APIKey, bool, error) {
	key, ok := k[id]
	return key, ok, nil
}

func request(header ...string) *http.Request {
	r := httptest.NewRequest("POST", "/notes/mcp", nil)
	r.RemoteAddr = "127.0.0.1:5000"
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// admit asks a guard with one mode and returns the code, "" for a yes.
func admit(t testing.TB, g *guard.Guard, token string) (guard.Code, *guard.Refusal) {
	t.Helper()
	r := request()
	if token != "" {
		r = request("Authorization", "Bearer "+token)
	}
	_, no := g.Admit(r, "notes")
	if no == nil {
		return "", nil
	}
	return no.Code, no
}
