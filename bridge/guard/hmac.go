package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/secret"
)

// MinSecret is the shortest secret that HMAC takes, in bytes (RFC 7518 §3.2 for
// HS256).
const MinSecret = 32

// HMACKey is a shared secret and the key id that tokens name it by; "" is that of
// tokens without one.
type HMACKey struct {
	ID     string
	Secret secret.String
}

// HMAC verifies JWTs with a shared secret: HS256, HS384, HS512.
type HMAC struct {
	claims     Claims
	keys       []HMACKey
	algorithms []string
	validator  *jwt.Validator
}

var symmetric = []string{"HS256", "HS384", "HS512"}

// NewHMAC makes the mode. The first key is the current one, the others are those
// that were before it and still count. Algorithms may be nil for all three. It
// fails without a secret of MinSecret bytes.
func NewHMAC(c Claims, algorithms []string, keys ...HMACKey) (*HMAC, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("guard hmac: %w", err)
	}
	if len(keys) == 0 {
		return nil, errors.New("guard hmac: a secret is required")
	}
	seen := map[string]bool{}
	for _, k := range keys {
		if len(k.Secret.Reveal()) < MinSecret {
			return nil, fmt.Errorf("guard hmac: a secret must have %d bytes or more", MinSecret)
		}
		if seen[k.ID] {
			return nil, fmt.Errorf("guard hmac: two secrets have the key id %q", k.ID)
		}
		seen[k.ID] = true
	}
	if algorithms == nil {
		algorithms = symmetric
	}
	for _, a := range algorithms {
		if !slices.Contains(symmetric, a) {
			return nil, fmt.Errorf("guard hmac: %q is none of %s", a, strings.Join(symmetric, ", "))
		}
	}
	return &HMAC{claims: c, keys: keys, algorithms: algorithms, validator: c.validator()}, nil
}

// Name implements Mode.
func (h *HMAC) Name() string { return "hmac" }

// Takes implements Mode: a JWT that claims a symmetric algorithm.
func (h *HMAC) Takes(p Peek) bool { return p.IsJWT && strings.HasPrefix(p.Alg, "HS") }

// Verify implements Mode.
func (h *HMAC) Verify(_ context.Context, p Peek) (*Identity, error) {
	if !slices.Contains(h.algorithms, p.Alg) {
		return nil, refusalOf(errAlgorithm)
	}
	j, err := p.takeApart()
	if err == nil {
		err = j.signedBy(p.Alg, h.keysOf(p.Kid)...)
	}
	if err == nil {
		err = h.validator.Validate(j.claims)
	}
	if err != nil {
		return nil, refusalOf(err)
	}
	return h.claims.identity(h.Name(), j.claims)
}

// keysOf are the secrets that a token may be signed with: the one that it names,
// or any when it names none.
func (h *HMAC) keysOf(kid string) (keys []any) {
	for _, k := range h.keys {
		if k.ID == kid {
			return []any{[]byte(k.Secret.Reveal())}
		}
		if kid == "" {
			keys = append(keys, []byte(k.Secret.Reveal()))
		}
	}
	return keys
}
