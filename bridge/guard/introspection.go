package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"drawbridge/bridge/secret"
)

// Introspector asks the authorization server about a token (RFC 7662 §2.1) and
// returns the members of its answer as they came.
type Introspector interface {
	Introspect(ctx context.Context, token secret.String) ([]byte, error)
}

// Introspection verifies tokens by asking their issuer.
type Introspection struct {
	claims Claims
	asks   Introspector
}

// NewIntrospection makes the mode. The answer's issuer, if it names one, and its
// audience are compared as those of a JWT are.
func NewIntrospection(c Claims, asks Introspector) (*Introspection, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("guard introspection: %w", err)
	}
	return &Introspection{claims: c, asks: asks}, nil
}

// Name implements Mode.
func (i *Introspection) Name() string { return "introspection" }

// Takes implements Mode: everything that is no API key.
func (i *Introspection) Takes(p Peek) bool {
	return len(p.credential) < len(keyPrefix) || p.credential[:len(keyPrefix)] != keyPrefix
}

// Verify implements Mode.
func (i *Introspection) Verify(ctx context.Context, p Peek) (*Identity, error) {
	raw, err := i.asks.Introspect(ctx, secret.New(p.credential))
	if err != nil {
		return nil, fmt.Errorf("guard introspection: %w", err)
	}
	claims, err := decodeClaims(raw)
	if err != nil {
		return nil, fmt.Errorf("guard introspection: %w", err)
	}
	if active, ok := claims["active"].(bool); !ok {
		return nil, errors.New("guard introspection: the answer does not say whether the token is active")
	} else if !active {
		return nil, invalid("token is not active: it has expired, was revoked, or is unknown", Revoked)
	}
	now := time.Now()
	if i.claims.Now != nil {
		now = i.claims.Now()
	}
	if exp, ok := instant(claims["exp"]); ok && !now.Before(exp.Add(i.claims.Leeway)) {
		return nil, invalid("token has expired", Expired)
	}
	if nbf, ok := instant(claims["nbf"]); ok && now.Add(i.claims.Leeway).Before(nbf) {
		return nil, invalid("token is not valid yet", NotYetValid)
	}
	if iss := text(claims, "iss"); i.claims.Issuer != "" && iss != "" && iss != i.claims.Issuer {
		return nil, invalid("token has another issuer", WrongIssuer)
	}
	if len(i.claims.Audience) > 0 && i.claims.AudienceClaim == "" {
		fits := false
		for _, have := range list(claims["aud"]) {
			for _, want := range i.claims.Audience {
				fits = fits || have == want
			}
		}
		if !fits {
			return nil, invalid("token is for another audience", WrongAudience)
		}
	}
	delete(claims, "active")
	loose := i.claims
	if text(claims, "iss") == "" {
		loose.Issuer = "" // the server that we asked is the issuer; RFC 7662 leaves iss out
	}
	return loose.identity(i.Name(), claims)
}

func decodeClaims(raw []byte) (map[string]any, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, errors.New("the answer is not a JSON object")
	}
	claims := make(map[string]any, len(all))
	for name, value := range all {
		var n json.Number
		var v any
		if json.Unmarshal(value, &n) == nil && len(value) > 0 && value[0] != '"' {
			claims[name] = n
		} else if json.Unmarshal(value, &v) == nil {
			claims[name] = v
		}
	}
	return claims, nil
}

func instant(v any) (time.Time, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	f, err := n.Float64()
	return time.Unix(int64(f), 0), err == nil
}
