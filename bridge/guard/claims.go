package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims is what a JWT or an introspection answer must say, beside being real.
type Claims struct {
	// Issuer must equal iss. Empty: not compared.
	Issuer string
	// Audience: one of them must be in aud. Empty with AnyAudience only: a token
	// for somebody else must not open this door.
	Audience []string
	// AnyAudience skips the comparison. Dangerous: any token of the issuer passes.
	AnyAudience bool
	// AudienceClaim holds the audience; "" means aud.
	AudienceClaim string
	// UserClaim names the caller; "" means sub.
	UserClaim string
	// ScopeClaims and RoleClaims are where scopes and roles are; nil means scope,
	// scp and permissions, and roles, groups and cognito:groups.
	ScopeClaims, RoleClaims []string
	// AnyEmail says that the issuer lets people choose the address in email, unless
	// the claim that it names says that it was proven.
	AnyEmail string
	// Required are claims that must be there (NAME), or have a value (NAME=VALUE).
	Required []string
	// Leeway is allowed for clocks that differ; at most MaxLeeway.
	Leeway time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// MaxLeeway bounds Claims.Leeway.
const MaxLeeway = 5 * time.Minute

func (c Claims) check() error {
	if len(c.Audience) == 0 && !c.AnyAudience {
		return errors.New("an audience is required: without one, a token that was issued for another service would be accepted")
	}
	for _, r := range c.Required {
		if name, _, _ := strings.Cut(r, "="); name == "" {
			return fmt.Errorf("%q is not of the form NAME or NAME=VALUE", r)
		}
	}
	if c.Leeway < 0 || c.Leeway > MaxLeeway {
		return fmt.Errorf("the leeway must be between 0 and %v", MaxLeeway)
	}
	return nil
}

// validator makes the comparisons of RFC 7519 that the claims ask for. Subject
// and type are looked at afterwards.
func (c Claims) validator() *jwt.Validator {
	options := []jwt.ParserOption{jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(c.Leeway)}
	if c.Issuer != "" {
		options = append(options, jwt.WithIssuer(c.Issuer))
	}
	if len(c.Audience) > 0 && c.AudienceClaim == "" {
		options = append(options, jwt.WithAudience(c.Audience...))
	}
	if c.Now != nil {
		options = append(options, jwt.WithTimeFunc(c.Now))
	}
	return jwt.NewValidator(options...)
}

// refusalOf turns an error of a verification into what the caller may know of it. The
// signature is looked at first: nothing is said about the claims of a token that
// somebody made up.
func refusalOf(err error) *Refusal {
	no := func() *Refusal {
		switch {
		case errors.Is(err, errAlgorithm):
			return invalid("token has an algorithm that is not accepted", WrongAlgorithm)
		case errors.Is(err, jwt.ErrTokenMalformed):
			return invalid("token is malformed", Malformed)
		case errors.Is(err, jwt.ErrTokenUnverifiable), errors.Is(err, jwt.ErrTokenSignatureInvalid):
			return invalid("token signature is wrong", WrongSignature)
		case errors.Is(err, jwt.ErrTokenExpired):
			return invalid("token has expired", Expired)
		case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
			return invalid("token is not valid yet", NotYetValid)
		case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
			return invalid("token lacks a required claim", MissingClaim)
		case errors.Is(err, jwt.ErrTokenInvalidIssuer):
			return invalid("token has another issuer", WrongIssuer)
		case errors.Is(err, jwt.ErrTokenInvalidAudience):
			return invalid("token is for another audience", WrongAudience)
		}
		return invalid("token is not valid", Malformed)
	}()
	no.Cause = err
	return no
}

// errAlgorithm means that the header's alg is not among those that are allowed;
// found before the parser runs, which tells it like a wrong signature.
var errAlgorithm = errors.New("algorithm not allowed")

// identity makes an Identity of verified claims.
func (c Claims) identity(mode string, claims map[string]any) (*Identity, error) {
	if c.Issuer != "" && text(claims, "iss") == "" {
		return nil, invalid("token lacks a required claim (iss)", MissingClaim)
	}
	if c.AudienceClaim != "" && len(c.Audience) > 0 && !slices.ContainsFunc(list(claims[c.AudienceClaim]), func(a string) bool { return slices.Contains(c.Audience, a) }) {
		return nil, invalid("token is for another audience", WrongAudience)
	}
	// A refresh token must not be used as an access token, nor an ID token where
	// its issuer says which it is.
	for _, name := range []string{"type", "token_type", "token_use", "typ"} {
		if t := strings.ToLower(text(claims, name)); t != "" && t != "access" && t != "bearer" && t != "access_token" && t != "at+jwt" {
			return nil, invalid("token is not an access token", WrongType)
		}
	}
	if text(claims, "sub") == "" {
		return nil, invalid("token lacks a required claim (sub)", MissingClaim)
	}
	if no := c.required(claims); no != nil {
		return nil, no
	}
	user := c.UserClaim
	if user == "" {
		user = "sub"
	}
	id := &Identity{
		Mode: mode, Subject: text(claims, user), Email: text(claims, "email"), Issuer: text(claims, "iss"), ID: text(claims, "jti"),
		Claims: map[string]string{}, Unproven: c.unproven(claims),
	}
	if id.Subject == "" {
		return nil, invalid("token lacks a required claim ("+user+")", MissingClaim)
	}
	for _, name := range []string{"client_id", "azp", "cid", "appid"} {
		if id.Client == "" {
			id.Client = text(claims, name)
		}
	}
	scopes, roles := c.ScopeClaims, c.RoleClaims
	if scopes == nil {
		scopes = []string{"scope", "scp", "permissions"}
	}
	if roles == nil {
		roles = []string{"roles", "role", "groups", "cognito:groups"}
	}
	for _, name := range scopes {
		id.Scopes = append(id.Scopes, words(claims[name])...)
	}
	for _, name := range roles {
		id.Roles = append(id.Roles, list(claims[name])...)
	}
	for name, value := range claims {
		if s, ok := value.(string); ok && len(s) <= 256 && !slices.Contains([]string{"nonce", "at_hash", "c_hash"}, name) {
			id.Claims[name] = s
		}
	}
	if n, ok := claims["exp"].(json.Number); ok {
		if f, err := n.Float64(); err == nil {
			id.Expires = time.Unix(int64(f), 0)
		}
	}
	return id, nil
}

// required looks for the claims that the settings ask for. Which value would have
// been right is not the caller's to know.
func (c Claims) required(claims map[string]any) *Refusal {
	for _, r := range c.Required {
		name, want, valued := strings.Cut(r, "=")
		have, there := claims[name]
		switch {
		case !there || have == nil:
			return invalid("token lacks a required claim ("+name+")", MissingClaim)
		case !valued:
		case slices.Contains(list(have), want), slices.Contains(words(have), want):
		case fmt.Sprint(have) != want: // a number, true, false
			return invalid("token has another value in a required claim", WrongClaim)
		}
	}
	return nil
}

// unproven reads email_verified (OpenID Connect Core 1.0 §5.1), which some issuers
// send as a text.
func (c Claims) unproven(claims map[string]any) bool {
	isTrue := func(v any) bool { s := fmt.Sprint(v); return s == "true" || s == "1" }
	if said, there := claims["email_verified"]; there {
		return !isTrue(said)
	}
	return c.AnyEmail != "" && !isTrue(claims[c.AnyEmail])
}

func text(claims map[string]any, name string) string {
	s, _ := claims[name].(string)
	return s
}

// words reads a claim that is a list, or one text of words (RFC 6749 §3.3).
func words(v any) []string {
	if s, ok := v.(string); ok {
		return strings.Fields(s)
	}
	return list(v)
}

func list(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
