package demo

import (
	"errors"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Through HTTP alone no token of the demo's own key has a wrong claim, so the
// checks of claims are tried here.
func TestVerifyAccessChecksEveryClaim(t *testing.T) {
	k, err := newKeys()
	if err != nil {
		t.Fatal(err)
	}
	const issuer, audience = "http://127.0.0.1:1", "http://127.0.0.1:1/mcp"
	now := time.Now()
	tests := map[string]struct {
		typ    string
		change func(*accessClaims)
		want   error
	}{
		"as issued":    {typAccessToken, func(*accessClaims) {}, nil},
		"an ID token":  {typIDToken, func(*accessClaims) {}, errTokenType},
		"no type":      {"", func(*accessClaims) {}, errTokenType},
		"its issuer":   {typAccessToken, func(c *accessClaims) { c.Issuer = "http://127.0.0.1:2" }, jwt.ErrTokenInvalidIssuer},
		"no issuer":    {typAccessToken, func(c *accessClaims) { c.Issuer = "" }, jwt.ErrTokenRequiredClaimMissing},
		"its audience": {typAccessToken, func(c *accessClaims) { c.Audience = jwt.ClaimStrings{issuer} }, jwt.ErrTokenInvalidAudience},
		"no audience":  {typAccessToken, func(c *accessClaims) { c.Audience = nil }, jwt.ErrTokenRequiredClaimMissing},
		"expired":      {typAccessToken, func(c *accessClaims) { c.ExpiresAt = jwt.NewNumericDate(now) }, jwt.ErrTokenExpired},
		"no expiry":    {typAccessToken, func(c *accessClaims) { c.ExpiresAt = nil }, jwt.ErrTokenRequiredClaimMissing},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			claims := accessClaims{RegisteredClaims: jwt.RegisteredClaims{
				Issuer: issuer, Audience: jwt.ClaimStrings{audience}, ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
			}}
			tt.change(&claims)
			raw, err := k.sign(tt.typ, claims)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := k.verifyAccess(raw, issuer, audience, func() time.Time { return now }); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
	unknown := *k
	unknown.kid = "another"
	raw, err := unknown.sign(typAccessToken, accessClaims{RegisteredClaims: jwt.RegisteredClaims{
		Issuer: issuer, Audience: jwt.ClaimStrings{audience}, ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.verifyAccess(raw, issuer, audience, time.Now); !errors.Is(err, jwt.ErrTokenUnverifiable) {
		t.Errorf("a key id that is not in the key set: error %v", err)
	}
}
