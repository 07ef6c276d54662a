package token

import (
	"slices"
	"strings"
	"time"

	"drawbridge/bridge/secret"
)

const (
	// maxSaid bounds the members that are kept of a token, and maxSaidValue each
	// of their values in bytes.
	maxSaid      = 300
	maxSaidValue = 4 << 10
)

// Said is what is worth keeping of a token to compare the next one with: decoded
// values only, bounded in size. Neither the token nor its signature is in it.
type Said struct {
	// Format is "jwt" or "opaque"; an opaque one has no Header and no Claims.
	Format         string
	Header, Claims []Member
	// Scopes are the token's own or, where it names none, those that were granted.
	Scopes []string
	// IssuedAt and ExpiresAt are when it came and when it ends, as the program that
	// got it knows; zero: unknown.
	IssuedAt, ExpiresAt time.Time
}

// Remember reads what a token says. granted are the scopes that the answer with
// the token named (RFC 6749 §5.1).
func Remember(raw secret.String, granted []string, issued, expires time.Time) Said {
	s := Said{Format: FormatOpaque, Scopes: cleanAll(granted), IssuedAt: issued, ExpiresAt: expires}
	d, err := DecodeUnverified(raw)
	if err != nil {
		return s
	}
	s.Format = FormatJWT
	s.Header, s.Claims = bounded(explainAll(d.Header, headerWords)), bounded(explainAll(d.Claims, claimWords))
	if own := d.Scopes(); len(own) > 0 {
		s.Scopes = cleanAll(own)
	}
	return s
}

func bounded(all []Member) []Member {
	all = all[:min(len(all), maxSaid)]
	for i := range all {
		if v := all[i].Value; len(v) > maxSaidValue {
			all[i].Value = strings.ToValidUTF8(v[:maxSaidValue], "") + "…"
		}
	}
	return all
}

// The kinds of a Change.
const (
	ChangeAdded   = "added"
	ChangeRemoved = "removed"
	ChangeChanged = "changed"
)

// Difference is how a token differs from the one before it. Like a Report it may
// be shown in the window.
type Difference struct {
	// Before and After are when each came and ends.
	Before Life `json:"before"`
	After  Life `json:"after"`
	// ScopesAdded, ScopesRemoved and ScopesKept, in the order of the tokens.
	ScopesAdded   []string `json:"scopesAdded"`
	ScopesRemoved []string `json:"scopesRemoved"`
	ScopesKept    []string `json:"scopesKept"`
	// Readable is false when one of the two is opaque: then there are no Changes,
	// and only scopes and times can be compared.
	Readable bool `json:"readable"`
	// Changes of header and claims but for the scopes, in the order of the later
	// token; what it has no more comes last.
	Changes []Change `json:"changes"`
	// Same counts the members that say the same as before.
	Same int `json:"same"`
}

// Life is from when to when a token is good, as the program that got it knows.
type Life struct {
	IssuedAt  *time.Time `json:"issuedAt" ts_type:"string | null"`
	ExpiresAt *time.Time `json:"expiresAt" ts_type:"string | null"`
}

// Change is one member that differs.
type Change struct {
	// Part is "header" or "claims".
	Part string `json:"part"`
	// Name, Title and Kind as in Member.
	Name  string `json:"name"`
	Title string `json:"title"`
	Kind  string `json:"kind"`
	// Change is "added", "removed" or "changed".
	Change string `json:"change"`
	// Before and After are values as in Member; "" where there is none.
	Before string `json:"before"`
	After  string `json:"after"`
	// Usual is true for a member that every token has anew: its times, its ID.
	Usual bool `json:"usual"`
}

// usual are the claims that differ from token to token by their nature.
var usual = []string{"iat", "nbf", "exp", "jti", "uti", "nonce", "at_hash", "c_hash"}

// scopeMembers are told as scopes and not as members.
var scopeMembers = []string{"scope", "scp"}

// Compare says how a token differs from the one before it.
func Compare(before, after Said) Difference {
	d := Difference{
		Before: lifeOf(before), After: lifeOf(after), Changes: []Change{},
		ScopesAdded: without(after.Scopes, before.Scopes), ScopesRemoved: without(before.Scopes, after.Scopes),
		Readable: before.Format == FormatJWT && after.Format == FormatJWT,
	}
	d.ScopesKept = without(after.Scopes, d.ScopesAdded)
	if d.Readable {
		d.members("claims", before.Claims, after.Claims)
		d.members("header", before.Header, after.Header)
	}
	return d
}

func (d *Difference) members(part string, before, after []Member) {
	isScope := func(name string) bool { return part == "claims" && slices.Contains(scopeMembers, name) }
	is := func(name string) func(Member) bool { return func(m Member) bool { return m.Name == name } }
	for _, m := range after {
		if isScope(m.Name) {
			continue
		}
		c := Change{Part: part, Name: m.Name, Title: m.Title, Kind: m.Kind, Change: ChangeAdded, After: m.Value, Usual: slices.Contains(usual, m.Name)}
		if i := slices.IndexFunc(before, is(m.Name)); i >= 0 {
			if before[i].Kind == m.Kind && before[i].Value == m.Value {
				d.Same++
				continue
			}
			c.Change, c.Before = ChangeChanged, before[i].Value
			if before[i].Kind != m.Kind {
				c.Kind = KindText // one of them is not what the other is: both as they stand
			}
		}
		d.Changes = append(d.Changes, c)
	}
	for _, m := range before {
		if !isScope(m.Name) && !slices.ContainsFunc(after, is(m.Name)) {
			d.Changes = append(d.Changes, Change{Part: part, Name: m.Name, Title: m.Title, Kind: m.Kind, Change: ChangeRemoved, Before: m.Value})
		}
	}
}

func lifeOf(s Said) Life {
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return Life{IssuedAt: at(s.IssuedAt), ExpiresAt: at(s.ExpiresAt)}
}

// without are the items that are not among others, each once.
func without(items, others []string) []string {
	out := []string{}
	for _, item := range items {
		if !slices.Contains(others, item) && !slices.Contains(out, item) {
			out = append(out, item)
		}
	}
	return out
}
