package token

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/secret"
)

func TestCompare(t *testing.T) {
	at := time.Unix(1788264000, 0).UTC()
	remember := func(header, claims string, issued time.Time) Said {
		return Remember(secret.New(compactForm(header, claims, "signature")), []string{"granted"}, issued, issued.Add(time.Hour))
	}
	before := remember(`{"alg":"RS256","kid":"k1"}`,
		`{"iss":"https://a.example","scope":"read old","exp":1788264000,"jti":"1","roles":["user"],"gone":"x","odd":1}`, at)
	after := remember(`{"alg":"RS256","kid":"k2"}`,
		`{"iss":"https://a.example","scope":"read write","exp":1788267600,"jti":"2","roles":["user","admin"],"acr":"mfa","odd":"1"}`, at.Add(time.Hour))

	got := Compare(before, after)
	want := Difference{
		Before: Life{&before.IssuedAt, &before.ExpiresAt}, After: Life{&after.IssuedAt, &after.ExpiresAt},
		ScopesAdded: []string{"write"}, ScopesRemoved: []string{"old"}, ScopesKept: []string{"read"}, Readable: true, Same: 2,
		Changes: []Change{
			{"claims", "exp", "Expires", KindTime, ChangeChanged, "2026-09-01T12:00:00Z", "2026-09-01T13:00:00Z", true},
			{"claims", "jti", "Token ID", KindText, ChangeChanged, "1", "2", true},
			{"claims", "roles", "Roles", KindList, ChangeChanged, "user", "user admin", false},
			{"claims", "acr", claimWords["acr"].title, KindText, ChangeAdded, "", "mfa", false},
			{"claims", "odd", "", KindText, ChangeChanged, "1", "1", false},
			{"claims", "gone", "", KindText, ChangeRemoved, "x", "", false},
			{"header", "kid", "Key ID", KindText, ChangeChanged, "k1", "k2", false},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
}

func TestCompareOpaque(t *testing.T) {
	at := time.Unix(1788264000, 0)
	got := Compare(
		Remember(secret.New("gho_one"), []string{"repo"}, at, time.Time{}),
		Remember(secret.New("gho_two"), []string{"repo", "gist"}, at.Add(time.Minute), time.Time{}),
	)
	if got.Readable || len(got.Changes) != 0 || got.Before.ExpiresAt != nil {
		t.Errorf("of opaque tokens it says %+v", got)
	}
	if diff := cmp.Diff([]string{"gist"}, got.ScopesAdded); diff != "" {
		t.Error(diff)
	}
}

func TestRememberIsBoundedAndHoldsNoToken(t *testing.T) {
	var claims strings.Builder
	claims.WriteString(`{"long":"` + strings.Repeat("x", 3*maxSaidValue) + `"`)
	for i := range 2 * maxSaid {
		fmt.Fprintf(&claims, `,"n%d":1`, i)
	}
	claims.WriteString("}")
	raw := compactForm(`{"alg":"RS256"}`, claims.String(), "the-signature")
	s := Remember(secret.New(raw), nil, time.Time{}, time.Time{})
	if s.Format != FormatJWT || len(s.Claims) != maxSaid || len(s.Claims[0].Value) > maxSaidValue+len("…") {
		t.Errorf("it keeps %d claims, the first of %d bytes", len(s.Claims), len(s.Claims[0].Value))
	}
	for _, m := range append(s.Header, s.Claims...) {
		if strings.Contains(m.Value, "the-signature") || strings.Contains(m.Value, raw[:20]) {
			t.Errorf("%s holds a part of the token", m.Name)
		}
	}
}
