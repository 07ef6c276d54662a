package oauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/secret"
)

func pemOf(t *testing.T, kind string, key any) secret.String {
	t.Helper()
	var raw []byte
	var err error
	switch kind {
	case "EC PRIVATE KEY":
		raw, err = x509.MarshalECPrivateKey(key.(*ecdsa.PrivateKey))
	case "RSA PRIVATE KEY":
		raw = x509.MarshalPKCS1PrivateKey(key.(*rsa.PrivateKey))
	default:
		raw, err = x509.MarshalPKCS8PrivateKey(key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})))
}

func TestAssertionOfEveryKindOfKey(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	params := secret.New("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + pemOf(t, "EC PRIVATE KEY", ec).Reveal())
	for name, c := range map[string]struct {
		text   secret.String
		alg    string
		public any
	}{
		"EC PKCS8":                     {pemOf(t, "PRIVATE KEY", ec), "ES256", &ec.PublicKey},
		"EC SEC1":                      {pemOf(t, "EC PRIVATE KEY", ec), "ES256", &ec.PublicKey},
		"EC SEC1 as openssl writes it": {params, "ES256", &ec.PublicKey},
		"RSA PKCS8":                    {pemOf(t, "PRIVATE KEY", rsaKey), "RS256", &rsaKey.PublicKey},
		"RSA PKCS1":                    {pemOf(t, "RSA PRIVATE KEY", rsaKey), "RS256", &rsaKey.PublicKey},
	} {
		t.Run(name, func(t *testing.T) {
			for _, alg := range []string{"", c.alg} {
				k, err := ParseSigningKey(c.text, alg)
				if err != nil {
					t.Fatal(err)
				}
				form, header := url.Values{}, http.Header{}
				cc := ClientCredentials{ClientID: "me", Key: k, Audience: "https://as.example.com"}
				if err := cc.authenticate(form, header); err != nil {
					t.Fatal(err)
				}
				if form.Has("client_id") || header.Get("Authorization") != "" {
					t.Error("the client is named in two ways")
				}
				parsed, err := jwt.Parse(form.Get("client_assertion"), func(*jwt.Token) (any, error) { return c.public, nil },
					jwt.WithValidMethods([]string{c.alg}), jwt.WithIssuer("me"), jwt.WithSubject("me"), jwt.WithAudience("https://as.example.com"),
					jwt.WithExpirationRequired(), jwt.WithIssuedAt())
				if err != nil {
					t.Fatal(err)
				}
				if id, _ := parsed.Claims.(jwt.MapClaims)["jti"].(string); len(id) < 20 {
					t.Errorf("jti %q", id)
				}
				if end, _ := parsed.Claims.GetExpirationTime(); time.Until(end.Time) > 2*time.Minute {
					t.Errorf("good until %v", end)
				}
			}
		})
	}
}

func TestKeysThatCannotSign(t *testing.T) {
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ec384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	for name, c := range map[string]struct {
		text secret.String
		alg  string
		want string
	}{
		"no PEM":        {secret.New("hunter2hunter2"), "", "no private key in PEM"},
		"a certificate": {secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}}))), "", "no private key"},
		"encrypted":     {secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}}))), "", "passphrase"},
		"damaged":       {secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hunter2hunter2")}))), "", "damaged"},
		"other curve":   {pemOf(t, "PRIVATE KEY", ec384), "", "P-256"},
		"ed25519":       {pemOf(t, "PRIVATE KEY", ed), "", "neither"},
		"other alg":     {pemOf(t, "PRIVATE KEY", ec), "RS256", "not for"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseSigningKey(c.text, c.alg)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q in it", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
}
