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
	parser     *jwt.Parser
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
	return &HMAC{claims: c, keys: keys, algorithms: algorithms, parser: c.parser(algorithms)}, nil
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
	claims := jwt.MapClaims{}
	_, err := h.parser.ParseWithClaims(p.credential, claims, func(t *jwt.Token) (any, error) {
		if t.Header["crit"] != nil {
			return nil, errors.New("the header demands an extension (crit)")
		}
		kid, _ := t.Header["kid"].(string)
		var any jwt.VerificationKeySet
		for _, k := range h.keys {
			if k.ID == kid {
				return []byte(k.Secret.Reveal()), nil
			}
			any.Keys = append(any.Keys, []byte(k.Secret.Reveal()))
		}
		if kid == "" { // no id to choose by: any of them
			return any, nil
		}
		return nil, errors.New("no secret has the key id")
	})
	if err != nil {
		return nil, refusalOf(err)
	}
	return h.claims.identity(h.Name(), claims)
}
