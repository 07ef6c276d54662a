package demo

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

type claimsKey struct{}

// claimsFrom are the claims of the access token that a request came with.
func claimsFrom(ctx context.Context) *accessClaims {
	claims, _ := ctx.Value(claimsKey{}).(*accessClaims)
	return claims
}

// protected lets only requests with a good access token through. Others get a
// challenge (RFC 6750 §3) that says where the metadata is (RFC 9728 §5.1) and
// which scope is needed (MCP 2025-11-25 authorization).
func (d *Demo) protected(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, sent := bearer(r)
		if !sent {
			// No error code for a request without a token (RFC 6750 §3.1).
			d.challenge(w, http.StatusUnauthorized, "", "")
			return
		}
		claims, err := d.keys.verifyAccess(raw, d.Issuer(), d.URL(), d.cfg.Now)
		if err != nil {
			d.challenge(w, http.StatusUnauthorized, "invalid_token", whyBad(err))
			return
		}
		// The authorization server is in this process, so a revoked token is
		// known at once; a remote server would ask by introspection.
		if !d.grants.live(claims.ID) {
			d.challenge(w, http.StatusUnauthorized, "invalid_token", "The access token was revoked")
			return
		}
		if !slices.Contains(strings.Fields(claims.Scope), scopeMCP) {
			d.challenge(w, http.StatusForbidden, "insufficient_scope", "The scope mcp is needed")
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, claims)))
	})
}

// bearer takes the token from the Authorization header, the only place where
// MCP allows one. Two such headers are as good as a bad token.
func bearer(r *http.Request) (token string, sent bool) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return "", true
	}
	return strings.TrimSpace(token), true
}

// challenge answers with WWW-Authenticate. The texts are ours, so they need no
// quoting.
func (d *Demo) challenge(w http.ResponseWriter, status int, code, description string) {
	var b strings.Builder
	b.WriteString("Bearer ")
	if code != "" {
		b.WriteString(`error="` + code + `", error_description="` + description + `", `)
	}
	b.WriteString(`scope="` + scopeMCP + `", resource_metadata="` + d.resourceMetadataURL() + `"`)
	w.Header().Set("WWW-Authenticate", b.String())
	if description == "" {
		description = "An access token is needed"
	}
	http.Error(w, description+".", status)
}

// whyBad says what is wrong with a token, in words that give nothing away.
func whyBad(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "The access token has expired"
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return "The access token is for another server"
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return "The access token is from another issuer"
	case errors.Is(err, jwt.ErrTokenMalformed):
		return "The access token is malformed"
	default:
		return "The access token is not valid"
	}
}
