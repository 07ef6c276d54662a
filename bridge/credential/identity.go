package credential

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"drawbridge/bridge/oauth"
	"drawbridge/bridge/token"
)

// identity is who signed in, as far as the tokens say.
type identity struct{ Subject, Email, Name, Tenant string }

// identityOf reads the ID token, else the access token. Both came from the
// token endpoint over TLS, and nothing is decided by it: it is shown.
func identityOf(r *record) identity {
	for _, d := range []*token.Decoded{decode(r.ID), decode(r.Access)} {
		if d == nil {
			continue
		}
		who := identity{
			Subject: d.Text("sub"),
			Email:   d.Text("email"),
			Name:    firstOf(d.Text("name"), d.Text("preferred_username")),
			Tenant:  firstOf(d.Text("tid"), d.Text("org"), d.Text("org_name"), d.Text("org_id")),
		}
		if who != (identity{}) {
			return who
		}
	}
	return identity{Subject: r.Userinfo.Subject, Email: r.Userinfo.Email, Name: r.Userinfo.Name}
}

// Display is the shortest way to say who is signed in, or "".
func (f Facts) Display() string { return firstOf(f.Email, f.Name, f.Subject) }

// expiry is when an access token ends: by expires_in, else by the token's own
// exp claim, else unknown.
func expiry(t oauth.Tokens, now time.Time) time.Time {
	if t.ExpiresIn > 0 {
		return now.Add(t.ExpiresIn)
	}
	if d := decode(t.Access); d != nil {
		return d.Time("exp")
	}
	return time.Time{}
}

// freshExpiry is expiry of a token that the endpoint has just issued. One that
// is over already tells that our clock is wrong; how long it lives is right all
// the same.
func freshExpiry(t oauth.Tokens, now time.Time) time.Time {
	end := expiry(t, now)
	if end.IsZero() || end.After(now) {
		return end
	}
	if begin := decode(t.Access).Time("iat"); !begin.IsZero() && begin.Before(end) {
		return now.Add(end.Sub(begin))
	}
	return time.Time{}
}

func splitScope(s string) []string { return strings.Fields(s) }

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget: %w", err)
	}
	return nil
}
