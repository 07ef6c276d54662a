package guard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/secret"
)

// Mint is what a token for development or a service says.
type Mint struct {
	Issuer, Audience, Subject, Email string
	Scopes, Roles                    []string
	// Access and Refresh are the lifetimes; a Refresh of 0 makes no refresh token.
	Access, Refresh time.Duration
}

// Minted are the tokens of one Mint.
type Minted struct {
	Access, Refresh secret.String
	// AccessID and RefreshID are their jti, for the denylist.
	AccessID, RefreshID string
	Expires             time.Time
}

// Tokens makes an access token and, if asked for, a refresh token, signed with
// HS256 by the key.
func (m Mint) Tokens(key HMACKey, now time.Time) (Minted, error) {
	if len(key.Secret.Reveal()) < MinSecret {
		return Minted{}, fmt.Errorf("mint: a secret must have %d bytes or more", MinSecret)
	}
	if m.Subject == "" || m.Audience == "" || m.Access <= 0 {
		return Minted{}, errors.New("mint: a subject, an audience and a lifetime are required")
	}
	out := Minted{AccessID: rand.Text(), Expires: now.Add(m.Access)}
	var err error
	if out.Access, err = m.sign(key, "access", out.AccessID, now, m.Access); err != nil {
		return Minted{}, err
	}
	if m.Refresh > 0 {
		out.RefreshID = rand.Text()
		if out.Refresh, err = m.sign(key, "refresh", out.RefreshID, now, m.Refresh); err != nil {
			return Minted{}, err
		}
	}
	return out, nil
}

func (m Mint) sign(key HMACKey, kind, id string, now time.Time, life time.Duration) (secret.String, error) {
	claims := jwt.MapClaims{
		"aud": m.Audience, "sub": m.Subject, "type": kind, "jti": id,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(life).Unix(),
	}
	if m.Issuer != "" {
		claims["iss"] = m.Issuer
	}
	if m.Email != "" {
		claims["email"] = m.Email
	}
	if len(m.Scopes) > 0 {
		claims["scope"] = strings.Join(m.Scopes, " ")
	}
	if len(m.Roles) > 0 {
		claims["roles"] = m.Roles
	}
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	if key.ID != "" {
		t.Header["kid"] = key.ID
	}
	signed, err := t.SignedString([]byte(key.Secret.Reveal()))
	if err != nil {
		return secret.String{}, fmt.Errorf("mint: %w", err)
	}
	return secret.New(signed), nil
}

// Renew makes new tokens with what a refresh token says, scopes and roles
// included, signed with the first of the keys; any of them may have signed the
// refresh token. That is denied: it is good once.
func Renew(ctx context.Context, refresh secret.String, c Claims, keys []HMACKey, denied Denylist, access, life time.Duration, now time.Time) (Minted, error) {
	h, err := NewHMAC(c, []string{"HS256"}, keys...)
	if err != nil {
		return Minted{}, err
	}
	c.Now = func() time.Time { return now }
	p := NewPeek(refresh.Reveal())
	if !p.IsJWT || p.Alg != "HS256" {
		return Minted{}, refusalOf(errAlgorithm)
	}
	token, err := p.takeApart()
	if err == nil {
		err = token.signedBy(p.Alg, h.keysOf(p.Kid)...)
	}
	if err == nil {
		err = c.validator().Validate(token.claims)
	}
	if err != nil {
		return Minted{}, refusalOf(err)
	}
	claims := token.claims
	if text(claims, "type") != "refresh" {
		return Minted{}, invalid("token is not a refresh token", WrongType)
	}
	id := &Identity{ID: text(claims, "jti"), Subject: text(claims, "sub")}
	if id.ID == "" || id.Subject == "" {
		return Minted{}, invalid("token lacks a required claim", MissingClaim)
	}
	gone, err := denied.Denied(ctx, id, HashOf(refresh)) // by its caller or its hash, too
	if err != nil {
		return Minted{}, err
	}
	first := false
	if !gone {
		until, _ := instant(claims["exp"])
		if first, err = denied.Once(ctx, Denial{ID: id.ID, Until: until.Add(c.Leeway), At: now}); err != nil {
			return Minted{}, err
		}
	}
	if !first {
		return Minted{}, invalid("token has been used or revoked", Revoked)
	}
	m := Mint{
		Issuer: text(claims, "iss"), Subject: id.Subject, Email: text(claims, "email"),
		Scopes: words(claims["scope"]), Roles: list(claims["roles"]), Access: access, Refresh: life,
	}
	if aud := list(claims["aud"]); len(aud) > 0 {
		m.Audience = aud[0]
	}
	return m.Tokens(keys[0], now)
}
