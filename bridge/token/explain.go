package token

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"drawbridge/bridge/secret"
)

// The kinds of a Member, formats of a Report and verdicts of a Signature.
const (
	KindTime   = "time"
	KindText   = "text"
	KindList   = "list"
	KindNumber = "number"
	KindBool   = "bool"
	KindJSON   = "json"

	FormatJWT    = "jwt"
	FormatOpaque = "opaque"

	VerdictValid     = "valid"
	VerdictInvalid   = "invalid"
	VerdictUnchecked = "unchecked"
)

// Explain puts a token into words: each member of header and claims, the
// signature checked by p (nil: unchecked, and only the times are compared), and
// the claims compared with p. It never fails: an opaque token is said to be one.
// A key set that cannot be fetched leaves the signature unchecked.
func Explain(ctx context.Context, raw secret.String, p *Policy) Report {
	report := Report{
		Format: FormatOpaque, Header: []Member{}, Claims: []Member{}, Audience: []string{}, Scopes: []string{}, Checks: []Check{},
		Signature: Signature{
			Verdict: VerdictUnchecked,
			Reason:  "The token is opaque: it says nothing by itself, and only the server that issued it can tell what it means.",
		},
	}
	d, err := DecodeUnverified(raw)
	if err != nil {
		return report
	}
	report.Format = FormatJWT
	report.Header = explainAll(d.Header, headerWords)
	report.Claims = explainAll(d.Claims, claimWords)
	report.HeaderJSON, report.ClaimsJSON = indent(d.headerJSON), indent(d.claimsJSON)
	report.Issuer, report.Subject = clean(d.Text("iss")), clean(d.Text("sub"))
	report.Audience, report.Scopes = cleanAll(d.Audience()), cleanAll(d.Scopes())
	report.IssuedAt, report.NotBefore, report.ExpiresAt = moment(d, "iat"), moment(d, "nbf"), moment(d, "exp")

	policy := Policy{}
	if p != nil {
		policy = *p
	}
	for _, c := range compare(d, policy) {
		report.Checks = append(report.Checks, c.Check)
	}
	report.Signature = signature(ctx, raw, d, p)
	return report
}

func signature(ctx context.Context, raw secret.String, d *Decoded, p *Policy) Signature {
	s := Signature{Verdict: VerdictUnchecked, Algorithm: clean(d.headerText("alg")), KeyID: clean(d.headerText("kid"))}
	if p == nil {
		s.Reason = "Nobody asked for the signature to be checked."
		return s
	}
	if p.JWKSURI == "" && s.Algorithm != "none" {
		s.Reason = "The issuer publishes no keys to check the signature with."
		return s
	}
	switch err := verifySignature(ctx, raw, d, *p); {
	case err == nil:
		s.Verdict = VerdictValid
	case errors.Is(err, ErrKeys):
		s.Reason = "The issuer's keys could not be fetched, so the signature could not be checked."
	case s.Algorithm == "none":
		s.Verdict, s.Reason = VerdictInvalid, "The token is not signed at all: anybody could have written it."
	case find(d.Header, "crit") != nil && errors.Is(err, ErrAlgorithm):
		s.Verdict, s.Reason = VerdictInvalid, "The header demands an extension that Drawbridge does not know."
	case errors.Is(err, ErrAlgorithm):
		s.Verdict, s.Reason = VerdictInvalid, "The algorithm "+s.Algorithm+" is not one that a published key can vouch for."
	case errors.Is(err, errNoSuchKey):
		s.Verdict, s.Reason = VerdictInvalid, "The issuer publishes no key with this key id."
	default:
		s.Verdict, s.Reason = VerdictInvalid, "The signature does not fit the issuer's key: the token was changed or comes from somebody else."
	}
	return s
}

// ExplainClaims puts claims into words that came otherwise than in a token, as in
// the answer to an introspection, in the order of their names. It is bounded as
// Remember is.
func ExplainClaims(claims map[string]json.RawMessage) []Member {
	all := make([]RawMember, 0, len(claims))
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		all = append(all, RawMember{Name: name, Value: claims[name]})
	}
	return bounded(explainAll(all, claimWords))
}

func explainAll(all []RawMember, words map[string]wording) []Member {
	members := make([]Member, 0, len(all))
	for _, raw := range all {
		w := words[raw.Name]
		m := Member{Name: clean(raw.Name), Title: w.title, Explanation: w.text}
		m.Kind, m.Value = show(raw, w)
		members = append(members, m)
	}
	return members
}

// show finds the kind of a value and writes it as text.
func show(raw RawMember, w wording) (kind, value string) {
	if w.kind == KindTime {
		if t, ok := numericDate(raw.Value); ok {
			return KindTime, stamp(t)
		}
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw.Value))
	dec.UseNumber() // a number is shown as it stands, however long
	if err := dec.Decode(&v); err != nil {
		return KindJSON, ""
	}
	switch v := v.(type) {
	case string:
		if w.kind == KindList {
			return KindList, clean(v)
		}
		return KindText, clean(v)
	case json.Number:
		return KindNumber, v.String()
	case bool:
		if v {
			return KindBool, "true"
		}
		return KindBool, "false"
	case []any:
		items := make([]string, 0, len(v))
		for _, item := range v {
			switch item := item.(type) {
			case string:
				items = append(items, clean(item))
			case json.Number:
				items = append(items, item.String())
			default:
				return KindJSON, compact(raw.Value)
			}
		}
		return KindList, strings.Join(items, " ")
	}
	return KindJSON, compact(raw.Value)
}

func compact(raw []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return ""
	}
	return clean(b.String())
}

func indent(raw []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(raw), "", "  "); err != nil {
		return ""
	}
	lines := strings.Split(b.String(), "\n")
	return strings.Join(cleanAll(lines), "\n")
}

// clean takes out what could deceive on a terminal or a page: control
// characters and those that change the direction of writing.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func cleanAll(all []string) []string {
	out := slices.Clone(all)
	for i := range out {
		out[i] = clean(out[i])
	}
	if out == nil {
		out = []string{}
	}
	return out
}

func moment(d *Decoded, name string) *time.Time {
	t, ok := numericDate(find(d.Claims, name))
	if !ok {
		return nil
	}
	return &t
}
