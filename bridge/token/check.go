package token

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// comparison is a Check with the error that Verify makes of it.
type comparison struct {
	Check
	err error
}

// compare holds the claims against the policy, in the order iss, aud, exp, nbf.
// What the policy leaves open is left out.
func compare(d *Decoded, p Policy) []comparison {
	now := p.now()
	var all []comparison
	add := func(name string, sentinel error, ok bool, format string, args ...any) {
		c := comparison{Check: Check{Name: name, OK: ok, Text: clean(fmt.Sprintf(format, args...))}}
		if !ok {
			c.err = sentinel
		}
		all = append(all, c)
	}

	if p.Issuer != "" {
		switch iss := d.Text("iss"); {
		case iss == p.Issuer:
			add("iss", ErrIssuer, true, "Issued by %s, as expected.", iss)
		case iss == "":
			add("iss", ErrIssuer, false, "The token does not say who issued it; expected was %s.", p.Issuer)
		default:
			add("iss", ErrIssuer, false, "Issued by %s, but expected was %s.", iss, p.Issuer)
		}
	}
	if len(p.Audience) > 0 {
		aud := d.Audience()
		fits := slices.IndexFunc(aud, func(a string) bool { return slices.Contains(p.Audience, a) })
		switch {
		case fits >= 0:
			add("aud", ErrAudience, true, "Meant for %s, as expected.", aud[fits])
		case len(aud) == 0:
			add("aud", ErrAudience, false, "The token does not say whom it is meant for; expected was %s.", strings.Join(p.Audience, " or "))
		default:
			add("aud", ErrAudience, false, "Meant for %s, but expected was %s.", strings.Join(aud, ", "), strings.Join(p.Audience, " or "))
		}
	}
	switch exp, ok := numericDate(find(d.Claims, "exp")); {
	case !ok && d.Has("exp"):
		add("exp", ErrExpired, false, "The expiry is not a time.")
	case !ok:
		add("exp", ErrExpired, false, "The token does not say when it expires.")
	case now.Before(exp.Add(p.Leeway)):
		add("exp", ErrExpired, true, "Valid until %s.", stamp(exp))
	default:
		add("exp", ErrExpired, false, "Expired at %s.", stamp(exp))
	}
	if d.Has("nbf") {
		switch nbf, ok := numericDate(find(d.Claims, "nbf")); {
		case !ok:
			add("nbf", ErrNotYetValid, false, "The start of validity is not a time.")
		case now.Before(nbf.Add(-p.Leeway)):
			add("nbf", ErrNotYetValid, false, "Not valid before %s.", stamp(nbf))
		default:
			add("nbf", ErrNotYetValid, true, "Valid since %s.", stamp(nbf))
		}
	}
	return all
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
