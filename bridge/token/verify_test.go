package token

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/secret"
)

func TestVerifyAcceptsEachAlgorithm(t *testing.T) {
	i := newIssuer(t)
	i.keys = append(i.keys, map[string]any{"kty": "RSA", "kid": "any", "n": b64(i.rsa.N), "e": "AQAB"})
	for _, tt := range []struct {
		kid    string
		method jwt.SigningMethod
		key    any
	}{
		{"rsa", jwt.SigningMethodRS256, i.rsa},
		{"any", jwt.SigningMethodRS512, i.rsa},
		{"any", jwt.SigningMethodPS256, i.rsa},
		{"ec", jwt.SigningMethodES256, i.ec},
		{"ed", jwt.SigningMethodEdDSA, i.ed},
		{"", jwt.SigningMethodRS256, i.rsa}, // no kid: every key is tried
		{"", jwt.SigningMethodES256, i.ec},
	} {
		header := map[string]any{"typ": "at+jwt"}
		if tt.kid != "" {
			header["kid"] = tt.kid
		}
		d, err := Verify(t.Context(), sign(t, tt.method, tt.key, header, i.claims(nil)), i.policy())
		if err != nil || d.Text("sub") != "ada" {
			t.Errorf("%s with kid %q: %v", tt.method.Alg(), tt.kid, err)
		}
	}
}

func TestVerifyClaims(t *testing.T) {
	i := newIssuer(t)
	tests := []struct {
		name   string
		claims jwt.MapClaims
		policy func(*Policy)
		want   error
	}{
		{"good", nil, nil, nil},
		{"audience in a list", jwt.MapClaims{"aud": []string{"x", "https://mcp.example.com/mcp"}}, nil, nil},
		{"one of two audiences", nil, func(p *Policy) { p.Audience = []string{"y", "https://mcp.example.com/mcp"} }, nil},
		{"another audience", jwt.MapClaims{"aud": "https://mcp.example.com"}, nil, ErrAudience},
		{"slash more", jwt.MapClaims{"aud": "https://mcp.example.com/mcp/"}, nil, ErrAudience},
		{"no audience", jwt.MapClaims{"aud": nil}, nil, ErrAudience},
		{"audience of numbers", jwt.MapClaims{"aud": []int{1}}, nil, ErrAudience},
		{"audience not asked for", jwt.MapClaims{"aud": nil}, func(p *Policy) { p.Audience = nil }, nil},
		{"another issuer", jwt.MapClaims{"iss": "https://evil.example"}, nil, ErrIssuer},
		{"issuer with a slash", jwt.MapClaims{"iss": i.URL + "/"}, nil, ErrIssuer},
		{"no issuer", jwt.MapClaims{"iss": nil}, nil, ErrIssuer},
		{"issuer not asked for", jwt.MapClaims{"iss": nil}, func(p *Policy) { p.Issuer = "" }, nil},
		{"expired", jwt.MapClaims{"exp": now.Add(-time.Second).Unix()}, nil, ErrExpired},
		{"expires now", jwt.MapClaims{"exp": now.Unix()}, nil, ErrExpired},
		{"expired within the leeway", jwt.MapClaims{"exp": now.Add(-20 * time.Second).Unix()}, func(p *Policy) { p.Leeway = 30 * time.Second }, nil},
		{"expired beyond the leeway", jwt.MapClaims{"exp": now.Add(-40 * time.Second).Unix()}, func(p *Policy) { p.Leeway = 30 * time.Second }, ErrExpired},
		{"no expiry", jwt.MapClaims{"exp": nil}, nil, ErrExpired},
		{"expiry as text", jwt.MapClaims{"exp": "9999999999"}, nil, ErrExpired},
		{"not yet", jwt.MapClaims{"nbf": now.Add(time.Second).Unix()}, nil, ErrNotYetValid},
		{"from now", jwt.MapClaims{"nbf": now.Unix()}, nil, nil},
		{"not yet, within the leeway", jwt.MapClaims{"nbf": now.Add(20 * time.Second).Unix()}, func(p *Policy) { p.Leeway = 30 * time.Second }, nil},
		{"start as text", jwt.MapClaims{"nbf": "1"}, nil, ErrNotYetValid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := i.policy()
			if tt.policy != nil {
				tt.policy(&p)
			}
			d, err := Verify(t.Context(), i.sign(t, tt.claims), p)
			if !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) || (err == nil) != (d != nil) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestVerifySignature(t *testing.T) {
	i := newIssuer(t)
	good := i.sign(t, nil).Reveal()
	head, rest, _ := strings.Cut(good, ".")
	_, sig, _ := strings.Cut(rest, ".")
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, i.claims(nil)).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&i.rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	kid := func(name string) map[string]any { return map[string]any{"kid": name} }
	tests := []struct {
		name  string
		token string
		want  error
	}{
		{"claims changed", head + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"eve"}`)) + "." + sig, ErrSignature},
		{"signature cut off", strings.TrimSuffix(good, sig), ErrSignature},
		{"somebody else's key", sign(t, jwt.SigningMethodRS256, i.other, kid("rsa"), i.claims(nil)).Reveal(), ErrSignature},
		{"somebody else's key, no kid", sign(t, jwt.SigningMethodRS256, i.other, nil, i.claims(nil)).Reveal(), ErrSignature},
		{"key brought along", sign(t, jwt.SigningMethodRS256, i.other, map[string]any{
			"kid": "rsa", "jwk": map[string]any{"kty": "RSA", "n": b64(i.other.N), "e": "AQAB"}, "jku": "https://evil.example/keys",
		}, i.claims(nil)).Reveal(), ErrSignature},
		{"unknown key id", sign(t, jwt.SigningMethodRS256, i.rsa, kid("gone"), i.claims(nil)).Reveal(), errNoSuchKey},
		{"key id is a number", sign(t, jwt.SigningMethodRS256, i.rsa, map[string]any{"kid": 7}, i.claims(nil)).Reveal(), ErrSignature},
		{"encryption key", sign(t, jwt.SigningMethodRS256, i.rsa, kid("for-encryption"), i.claims(nil)).Reveal(), errNoSuchKey},
		{"another algorithm than the key's", sign(t, jwt.SigningMethodRS384, i.rsa, kid("rsa"), i.claims(nil)).Reveal(), ErrSignature},
		{"none", unsigned, ErrAlgorithm},
		{"public key as a shared secret", sign(t, jwt.SigningMethodHS256, publicPEM, kid("rsa"), i.claims(nil)).Reveal(), ErrAlgorithm},
		{"published shared secret", sign(t, jwt.SigningMethodHS256, []byte("secret"), kid("shared"), i.claims(nil)).Reveal(), ErrAlgorithm},
		{"critical extension", sign(t, jwt.SigningMethodRS256, i.rsa, map[string]any{"kid": "rsa", "crit": []string{"b64"}, "b64": false}, i.claims(nil)).Reveal(), ErrAlgorithm},
		{"opaque", "gho_abc", ErrOpaque},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Verify(t.Context(), secret.New(tt.token), i.policy())
			if d != nil || !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), head) {
				t.Errorf("the error quotes the token: %v", err)
			}
		})
	}
	p := i.policy()
	p.Algorithms = []string{"ES256"}
	if _, err := Verify(t.Context(), secret.New(good), p); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("RS256 where only ES256 is allowed: %v", err)
	}
	// Even a caller that allows a symmetric algorithm gets no published key for it.
	p.Algorithms = []string{"HS256"}
	if _, err := Verify(t.Context(), sign(t, jwt.SigningMethodHS256, []byte("secret"), kid("shared"), i.claims(nil)), p); !errors.Is(err, ErrSignature) {
		t.Errorf("HS256: %v", err)
	}
}

func TestVerifyWithoutKeys(t *testing.T) {
	i := newIssuer(t)
	tok := i.sign(t, nil)
	try := func(name string, change func(*Policy)) {
		t.Helper()
		p := i.policy()
		change(&p)
		if _, err := Verify(t.Context(), tok, p); !errors.Is(err, ErrKeys) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, uri := range []string{"", "keys", "http://keys.example.com/", "file:///etc/passwd", "http://127.0.0.1.example.com/"} {
		try(uri, func(p *Policy) { p.JWKSURI = uri })
	}
	i.status.Store(http.StatusNotFound)
	try("404", func(*Policy) {})
	i.status.Store(0)
	i.keys = i.keys[:2]
	try("no key that fits", func(*Policy) {})
	i.keys = []map[string]any{{"kty": "RSA", "kid": "rsa", "n": strings.Repeat("A", maxKeys)}}
	try("too long", func(*Policy) {})
	i.keys = []map[string]any{{"kty": "RSA", "kid": "rsa", "n": b64(i.ec.X), "e": "AQAB"}}
	try("key too short", func(*Policy) {})
	i.Close()
	try("away", func(*Policy) {})

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Verify(ctx, tok, i.policy()); !errors.Is(err, context.Canceled) || !errors.Is(err, ErrKeys) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestVerifyAsksForKeysOnce(t *testing.T) {
	i := newIssuer(t)
	if _, err := Verify(t.Context(), i.sign(t, nil), i.policy()); err != nil {
		t.Fatal(err)
	}
	if n := i.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	// What cannot be good is refused before anybody is asked.
	if _, err := Verify(t.Context(), sign(t, jwt.SigningMethodHS256, []byte("x"), nil, i.claims(nil)), i.policy()); err == nil || i.asked.Load() != 1 {
		t.Errorf("%v, asked %d times", err, i.asked.Load())
	}
}
