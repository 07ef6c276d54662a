package guard

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// asymmetric are the algorithms of published keys. None of them is symmetric: a
// published key must never become a shared secret (RFC 8725 §3.1).
var asymmetric = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

// KeySet finds the public key that a token's header names.
type KeySet interface {
	// Key returns the key with the id, or every key that could be meant when the
	// id is "". Its error wraps ErrNoKey when there is none.
	Key(ctx context.Context, kid, alg string) ([]crypto.PublicKey, error)
}

// ErrNoKey means that no published key has the id.
var ErrNoKey = errors.New("no published key has the key id")

// JWT verifies JWTs of an issuer by its public keys.
type JWT struct {
	claims     Claims
	keys       KeySet
	algorithms []string
	validator  *jwt.Validator
}

// NewJWT makes the mode. Algorithms may be nil for all that are not symmetric.
func NewJWT(c Claims, algorithms []string, keys KeySet) (*JWT, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("guard jwt: %w", err)
	}
	if algorithms == nil {
		algorithms = asymmetric
	}
	for _, a := range algorithms {
		if !slices.Contains(asymmetric, a) {
			return nil, fmt.Errorf("guard jwt: %q is none of %s", a, strings.Join(asymmetric, ", "))
		}
	}
	return &JWT{claims: c, keys: keys, algorithms: algorithms, validator: c.validator()}, nil
}

// Name implements Mode.
func (j *JWT) Name() string { return "jwt" }

// Takes implements Mode: any JWT. One that claims a symmetric algorithm, or none,
// is refused with the right words, unless an earlier mode is there for it.
func (j *JWT) Takes(p Peek) bool { return p.IsJWT }

// Verify implements Mode.
func (j *JWT) Verify(ctx context.Context, p Peek) (*Identity, error) {
	if !slices.Contains(j.algorithms, p.Alg) {
		return nil, refusalOf(errAlgorithm)
	}
	token, err := p.takeApart()
	if err != nil {
		return nil, refusalOf(err)
	}
	if j.claims.Issuer != "" && text(token.claims, "iss") != j.claims.Issuer {
		return nil, invalid("token has another issuer", WrongIssuer) // its keys are not ours to look for
	}
	keys, err := j.keys.Key(ctx, p.Kid, p.Alg)
	if errors.Is(err, ErrNoKey) {
		no := invalid("token signature is wrong", WrongSignature)
		no.Cause = err
		return nil, no
	}
	if err != nil {
		return nil, fmt.Errorf("guard jwt: keys of the issuer: %w", err)
	}
	var fitting []any
	for _, k := range keys {
		if fits(k, p.Alg) {
			fitting = append(fitting, k)
		}
	}
	if err = token.signedBy(p.Alg, fitting...); err == nil {
		err = j.validator.Validate(token.claims)
	}
	if err != nil {
		return nil, refusalOf(err)
	}
	return j.claims.identity(j.Name(), token.claims)
}

// fits reports whether a key is of the kind that an algorithm wants.
func fits(key crypto.PublicKey, alg string) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048 && (strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS"))
	case *ecdsa.PublicKey:
		return strings.HasPrefix(alg, "ES")
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

// fixedKey is a KeySet of one key from a file.
type fixedKey struct{ key crypto.PublicKey }

// Key implements KeySet.
func (f fixedKey) Key(context.Context, string, string) ([]crypto.PublicKey, error) {
	return []crypto.PublicKey{f.key}, nil
}

// PEMKey reads a public key, or a certificate with one, in PEM.
func PEMKey(text []byte) (KeySet, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("public key: not PEM")
	}
	var key crypto.PublicKey
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = c.PublicKey
		}
	default:
		return nil, fmt.Errorf("public key: %q is not a public key or a certificate", block.Type)
	}
	if err != nil {
		return nil, errors.New("public key: it cannot be read")
	}
	if !slices.ContainsFunc(asymmetric, func(alg string) bool { return fits(key, alg) }) {
		return nil, errors.New("public key: want RSA of 2048 bits or more, ECDSA or Ed25519")
	}
	return fixedKey{key}, nil
}
