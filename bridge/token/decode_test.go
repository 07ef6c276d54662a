package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/secret"
)

// compactForm joins parts that are not yet encoded.
func compactForm(parts ...string) string {
	for i, p := range parts {
		parts[i] = base64.RawURLEncoding.EncodeToString([]byte(p))
	}
	return strings.Join(parts, ".")
}

func TestDecodeUnverifiedKeepsOrderAndNumbers(t *testing.T) {
	d, err := DecodeUnverified(secret.New(compactForm(`{"typ":"at+jwt","alg":"RS256"}`,
		` {"z":1,"iss":"i","big":12345678901234567890,"a":{"deep":[1, 2]},"z":2,"aud":["x","y"],"scp":["a b","c"],"exp":1788264000.5} `, "sig")))
	if err != nil {
		t.Fatal(err)
	}
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	want := []RawMember{
		{"z", raw("2")},
		{"iss", raw(`"i"`)},
		{"big", raw("12345678901234567890")},
		{"a", raw(`{"deep":[1, 2]}`)},
		{"aud", raw(`["x","y"]`)},
		{"scp", raw(`["a b","c"]`)},
		{"exp", raw("1788264000.5")},
	}
	if diff := cmp.Diff(want, d.Claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if d.Header[0].Name != "typ" || d.Header[1].Name != "alg" {
		t.Errorf("header = %v", d.Header)
	}
	if diff := cmp.Diff([]string{"x", "y"}, d.Audience()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, d.Scopes()); diff != "" {
		t.Error(diff)
	}
	if got := d.Time("exp"); !got.Equal(time.Unix(1788264000, 5e8)) || got.Location() != time.UTC {
		t.Errorf("exp = %s", got)
	}
	if d.Text("iss") != "i" || d.Text("z") != "" || d.Text("none") != "" || !d.Has("a") || d.Has("none") || !d.Time("iss").IsZero() || !d.Time("big").IsZero() {
		t.Error("Text, Has or Time is wrong")
	}
}

func TestOpaqueTokens(t *testing.T) {
	header, claims := `{"alg":"RS256"}`, `{"sub":"x"}`
	tests := map[string]string{
		"empty":                 "",
		"GitHub":                "gho_16C7e42F292c6912E7710c838347Ae178B4a",
		"two dots, no base64":   "a.b!.c",
		"two parts":             compactForm(header, claims),
		"four parts":            compactForm(header, claims, "s", "t"),
		"encrypted":             compactForm(`{"alg":"RSA-OAEP","enc":"A256GCM"}`, "k", "iv", "c", "t"),
		"many dots":             strings.Repeat(".", 1000),
		"padding":               compactForm(header, claims) + ".c2ln==",
		"loose last bits":       compactForm(header, claims) + ".c2h",
		"line break":            compactForm(header, claims) + ".c2\nln",
		"standard alphabet":     compactForm(header, claims) + ".+/+/",
		"header is no object":   compactForm(`["alg"]`, claims, "s"),
		"no algorithm":          compactForm(`{}`, claims, "s"),
		"algorithm is a number": compactForm(`{"alg":1}`, claims, "s"),
		"claims are no object":  compactForm(header, `"x"`, "s"),
		"claims are no JSON":    compactForm(header, `{"a":}`, "s"),
		"cut off":               compactForm(header, `{"a":1`, "s"),
		"more than an object":   compactForm(header, `{"a":1} {}`, "s"),
		"too long":              compactForm(header, `{"a":"`+strings.Repeat("x", maxToken)+`"}`, "s"),
	}
	for name, raw := range tests {
		d, err := DecodeUnverified(secret.New(raw))
		if d != nil || !errors.Is(err, ErrOpaque) {
			t.Errorf("%s: %v, %v", name, d, err)
		}
		if err != nil && len(raw) > 20 && strings.Contains(err.Error(), raw[:20]) {
			t.Errorf("%s: the error quotes the token: %v", name, err)
		}
	}
}

func TestScopes(t *testing.T) {
	for claims, want := range map[string][]string{
		`{"scope":"a b"}`:             {"a", "b"},
		`{"scope":["a","b c"]}`:       {"a", "b", "c"},
		`{"scp":"a b"}`:               {"a", "b"},
		`{"scope":"a","scp":["b"]}`:   {"a"},
		`{"scope":"","scp":["b"]}`:    {"b"},
		`{"scope":7}`:                 nil,
		`{}`:                          nil,
		`{"scope":[1,2],"scp":["b"]}`: {"b"},
	} {
		d, err := DecodeUnverified(secret.New(compactForm(`{"alg":"x"}`, claims, "")))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, d.Scopes()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", claims, diff)
		}
	}
}

func TestTimesThatAreNone(t *testing.T) {
	for _, value := range []string{`"1788264000"`, `null`, `true`, `-1`, `1e300`, `253402300800`, `[]`, `99999999999999999999999`} {
		if got, ok := numericDate(json.RawMessage(value)); ok {
			t.Errorf("%s is taken for %s", value, got)
		}
	}
	if got, ok := numericDate(json.RawMessage(`1.788264e9`)); !ok || got.Unix() != 1788264000 {
		t.Errorf("1.788264e9 = %s, %v", got, ok)
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"", ".", "..", "a.b.c", "....", compactForm(`{"alg":"RS256"}`, `{"exp":1}`, "sig"), compactForm(`{"alg":"none"}`, `{}`, ""),
		compactForm(`{"alg":"RS256","alg":"none"}`, `{"a":{"b":[1,2,{"c":null}]}}`, "\x00\xff"), "e30.e30.e30", "e30=.e30.e30", "eyJhbGciOiJI\nUzI1NiJ9.e30.",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		header, claims, signature, err := split(raw)
		if err != nil {
			if !errors.Is(err, ErrOpaque) {
				t.Fatalf("error = %v", err)
			}
			return
		}
		if again := compactForm(string(header), string(claims), string(signature)); again != raw {
			t.Fatalf("%q has a second spelling: %q", raw, again)
		}
		report := Explain(t.Context(), secret.New(raw), nil)
		if _, err := DecodeUnverified(secret.New(raw)); (err == nil) != (report.Format == FormatJWT) {
			t.Fatalf("decoding says %v, the report %q", err, report.Format)
		}
		if report.Signature.Verdict != VerdictUnchecked {
			t.Fatalf("verdict %q without a key", report.Signature.Verdict)
		}
		if _, err := json.Marshal(report); err != nil {
			t.Fatal(err)
		}
	})
}
