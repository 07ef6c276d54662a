package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Values of the typ header. RFC 9068 §2.1 keeps an ID token from passing as an
// access token.
const (
	typAccessToken = "at+jwt"
	typIDToken     = "JWT"
)

// keys is the one signing key, made at the start and never written down.
type keys struct {
	private *ecdsa.PrivateKey
	kid     string
	set     []byte // the JWK Set as served
}

func newKeys() (*keys, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	point, err := private.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	x, y := encode(point[1:33]), encode(point[33:])
	// RFC 7638 §3.2: the required members in alphabetical order, nothing else.
	digest := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, x, y))
	kid := encode(digest[:])
	set, err := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig", "alg": "ES256",
	}}})
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	return &keys{private: private, kid: kid, set: set}, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes a compact JWS of claims.
func (k *keys) sign(typ string, claims jwt.Claims) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	t.Header["typ"] = typ
	t.Header["kid"] = k.kid
	return t.SignedString(k.private)
}

// accessClaims are the claims of an access token (RFC 9068 §2.2), with the
// person's address and name so that a client can show who is signed in.
type accessClaims struct {
	jwt.RegisteredClaims
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
	Email    string `json:"email"`
	Name     string `json:"name"`
}

// idClaims are the claims of an ID token (OpenID Connect Core §2).
type idClaims struct {
	jwt.RegisteredClaims
	AuthTime int64  `json:"auth_time"`
	Nonce    string `json:"nonce,omitempty"`
	Email    string `json:"email"`
	Name     string `json:"name"`
}

// errTokenType is a token of this issuer that is no access token.
var errTokenType = errors.New("the token is not an access token")

// verifyAccess checks an access token as its resource server must (RFC 9068
// §4): typ, signature, issuer, audience, expiry.
func (k *keys) verifyAccess(raw, issuer, audience string, now func() time.Time) (*accessClaims, error) {
	claims := &accessClaims{}
	parsed, err := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodES256.Alg()}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(now),
	).ParseWithClaims(raw, claims, func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != k.kid {
			return nil, errors.New("unknown key")
		}
		return &k.private.PublicKey, nil
	})
	if err != nil {
		return nil, err
	}
	if parsed.Header["typ"] != typAccessToken {
		return nil, errTokenType
	}
	return claims, nil
}

// jwks serves the public key (RFC 7517 §5).
func (d *Demo) jwks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(d.keys.set)
}
