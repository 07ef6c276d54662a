package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/secret"
)

// assertionType says that the client shows who it is by a signed JWT (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertionLife is how long an assertion may be used: it is made for one request.
const assertionLife = time.Minute

// minRSABits is the least that an RSA key must have (RFC 7518 §3.3).
const minRSABits = 2048

// SigningKey is the private key of a client that shows who it is by
// private_key_jwt. It signs and is never printed.
type SigningKey struct {
	key    crypto.Signer
	method jwt.SigningMethod
}

// ParseSigningKey reads a private key in PEM (PKCS #8, or the older forms "EC
// PRIVATE KEY" and "RSA PRIVATE KEY"). alg is ES256 or RS256; "" is the one that
// the key can. Errors say what is wrong with the key and never quote it.
func ParseSigningKey(text secret.String, alg string) (*SigningKey, error) {
	block, _ := pem.Decode([]byte(text.Reveal()))
	for rest := []byte(text.Reveal()); block != nil && block.Type == "EC PARAMETERS"; {
		_, rest = pem.Decode(rest) // openssl writes the curve before the key
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, errors.New("it holds no private key in PEM")
	}
	var parsed any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the key in it is encrypted with a passphrase")
	default:
		return nil, fmt.Errorf("it holds %s and no private key", shown(block.Type))
	}
	if err != nil {
		return nil, errors.New("the private key in it is damaged") // not err: it may quote the key
	}
	k := &SigningKey{}
	switch key := parsed.(type) {
	case *ecdsa.PrivateKey:
		if key.Curve != elliptic.P256() {
			return nil, errors.New("its key is not on the curve P-256, which ES256 needs")
		}
		k.key, k.method = key, jwt.SigningMethodES256
	case *rsa.PrivateKey:
		if key.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("its RSA key has %d bits; RS256 needs %d", key.N.BitLen(), minRSABits)
		}
		k.key, k.method = key, jwt.SigningMethodRS256
	default:
		return nil, errors.New("its key is of a kind that neither ES256 nor RS256 can use")
	}
	if alg != "" && alg != k.method.Alg() {
		return nil, fmt.Errorf("its key is for %s, and not for %s", k.method.Alg(), shown(alg))
	}
	return k, nil
}

// Alg is ES256 or RS256.
func (k *SigningKey) Alg() string { return k.method.Alg() }

// assertion is the JWT that shows who the client is (RFC 7523 §3). audience is
// the issuer, which is what the update of that RFC wants; servers that know the
// older text take it too.
func (k *SigningKey) assertion(clientID, audience string, now time.Time) (string, error) {
	return jwt.NewWithClaims(k.method, jwt.MapClaims{
		"iss": clientID, "sub": clientID, "aud": audience, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	}).SignedString(k.key)
}
