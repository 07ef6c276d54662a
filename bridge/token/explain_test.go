package token

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/secret"
)

func TestExplainMembers(t *testing.T) {
	raw := secret.New(compactForm(
		`{"alg":"RS256","kid":"k1","crit":["x"],"odd":1}`,
		`{"iss":"https://a.example","aud":["x","y"],"exp":1788264000,"iat":1788263999.25,"nbf":"soon","scope":"a b","amr":["pwd","otp"],`+
			`"email_verified":true,"act":{"sub": "bot"},"big":12345678901234567890,"mixed":[1,"a"],"deep":[{"a": 1}],"none":null,"evil":"a\u001b[2J\u202eb\nc"}`, "sig"))
	r := Explain(t.Context(), raw, nil)
	type short struct{ Name, Title, Kind, Value string }
	shorten := func(all []Member) (out []short) {
		for _, m := range all {
			out = append(out, short{m.Name, m.Title, m.Kind, m.Value})
		}
		return out
	}
	if diff := cmp.Diff([]short{
		{"alg", "Algorithm", KindText, "RS256"}, {"kid", "Key ID", KindText, "k1"}, {"crit", "Critical extensions", KindList, "x"}, {"odd", "", KindNumber, "1"},
	}, shorten(r.Header)); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]short{
		{"iss", "Issuer", KindText, "https://a.example"},
		{"aud", "Audience", KindList, "x y"},
		{"exp", "Expires", KindTime, "2026-09-01T12:00:00Z"},
		{"iat", "Issued", KindTime, "2026-09-01T11:59:59Z"},
		{"nbf", "Not before", KindText, "soon"},
		{"scope", "Scopes", KindList, "a b"},
		{"amr", "Sign-in methods", KindList, "pwd otp"},
		{"email_verified", "E-mail verified", KindBool, "true"},
		{"act", "Actor", KindJSON, `{"sub":"bot"}`},
		{"big", "", KindNumber, "12345678901234567890"},
		{"mixed", "", KindList, "1 a"},
		{"deep", "", KindJSON, `[{"a":1}]`},
		{"none", "", KindJSON, "null"},
		{"evil", "", KindText, "a\uFFFD[2J\uFFFDb\uFFFDc"},
	}, shorten(r.Claims)); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if r.Format != FormatJWT || r.Issuer != "https://a.example" || r.NotBefore != nil || r.ExpiresAt == nil || !r.ExpiresAt.Equal(time.Unix(1788264000, 0)) {
		t.Errorf("report = %+v", r)
	}
	if !strings.HasPrefix(r.HeaderJSON, "{\n  \"alg\": \"RS256\",\n") || !strings.Contains(r.ClaimsJSON, "\n  \"big\": 12345678901234567890,\n") {
		t.Errorf("JSON = %s %s", r.HeaderJSON, r.ClaimsJSON)
	}
	if s := r.Signature; s.Verdict != VerdictUnchecked || s.Reason == "" || s.Algorithm != "RS256" || s.KeyID != "k1" {
		t.Errorf("signature = %+v", s)
	}
}

func TestExplainChecks(t *testing.T) {
	i := newIssuer(t)
	p := i.policy()
	r := Explain(t.Context(), i.sign(t, jwt.MapClaims{"nbf": now.Unix()}), &p)
	want := []Check{
		{"iss", true, "Issued by " + i.URL + ", as expected."},
		{"aud", true, "Meant for https://mcp.example.com/mcp, as expected."},
		{"exp", true, "Valid until 2026-09-01T12:01:00Z."},
		{"nbf", true, "Valid since 2026-09-01T12:00:00Z."},
	}
	if diff := cmp.Diff(want, r.Checks); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Signature{Verdict: VerdictValid, Algorithm: "RS256", KeyID: "rsa"}, r.Signature); diff != "" {
		t.Errorf("signature (-want +got):\n%s", diff)
	}
	r = Explain(t.Context(), i.sign(t, jwt.MapClaims{"iss": "https://evil.example", "aud": nil, "exp": now.Add(-time.Hour).Unix(), "nbf": now.Add(time.Hour).Unix()}), &p)
	for _, c := range r.Checks {
		if c.OK || c.Text == "" {
			t.Errorf("check = %+v", c)
		}
	}
	if len(r.Checks) != 4 || r.Signature.Verdict != VerdictValid { // the signature is one thing, the claims another
		t.Errorf("report = %+v", r)
	}
}

func TestExplainSignature(t *testing.T) {
	i := newIssuer(t)
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, i.claims(nil)).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	kid := map[string]any{"kid": "rsa"}
	noKeys := func(p *Policy) { p.JWKSURI = "" }
	tests := []struct {
		name, token string
		policy      func(*Policy)
		verdict     string
		words       string
	}{
		{"valid", i.sign(t, nil).Reveal(), nil, VerdictValid, ""},
		{"forged", sign(t, jwt.SigningMethodRS256, i.other, kid, i.claims(nil)).Reveal(), nil, VerdictInvalid, "does not fit"},
		{"unknown key", sign(t, jwt.SigningMethodRS256, i.rsa, map[string]any{"kid": "gone"}, i.claims(nil)).Reveal(), nil, VerdictInvalid, "no key with this key id"},
		{"unsigned", unsigned, nil, VerdictInvalid, "not signed at all"},
		{"unsigned, no keys", unsigned, noKeys, VerdictInvalid, "not signed at all"},
		{"symmetric", sign(t, jwt.SigningMethodHS256, []byte("x"), nil, i.claims(nil)).Reveal(), nil, VerdictInvalid, "HS256"},
		{"critical", sign(t, jwt.SigningMethodRS256, i.rsa, map[string]any{"crit": []string{"x"}}, i.claims(nil)).Reveal(), nil, VerdictInvalid, "extension"},
		{"no keys", i.sign(t, nil).Reveal(), noKeys, VerdictUnchecked, "publishes no keys"},
		{"keys away", i.sign(t, nil).Reveal(), func(p *Policy) { p.JWKSURI = "http://127.0.0.1:1/" }, VerdictUnchecked, "could not be fetched"},
	}
	for _, tt := range tests {
		p := i.policy()
		if tt.policy != nil {
			tt.policy(&p)
		}
		s := Explain(t.Context(), secret.New(tt.token), &p).Signature
		if s.Verdict != tt.verdict || !strings.Contains(s.Reason, tt.words) || (s.Reason == "") != (tt.verdict == VerdictValid) {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
}

// The window reads lists without asking whether they are there, and must never
// see the token.
func TestExplainAsJSON(t *testing.T) {
	i := newIssuer(t)
	p := i.policy()
	for name, raw := range map[string]secret.String{"opaque": secret.New("gho_SECRETSECRET"), "bare": secret.New(compactForm(`{"alg":"x"}`, `{}`, "s")), "jwt": i.sign(t, nil)} {
		r := Explain(t.Context(), raw, &p)
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range []string{"header", "claims", "audience", "scopes", "checks"} {
			if strings.Contains(string(out), `"`+list+`":null`) {
				t.Errorf("%s: %s is null", name, list)
			}
		}
		parts := strings.Split(raw.Reveal(), ".")
		if strings.Contains(string(out), raw.Reveal()) || (len(parts) == 3 && len(parts[2]) > 8 && strings.Contains(string(out), parts[2])) {
			t.Errorf("%s: the report holds the token or its signature", name)
		}
		if name == "opaque" && (r.Format != FormatOpaque || r.Signature.Verdict != VerdictUnchecked || !strings.Contains(r.Signature.Reason, "opaque")) {
			t.Errorf("opaque: %+v", r)
		}
	}
}

func TestEveryRegisteredMemberHasItsSentence(t *testing.T) {
	for _, name := range strings.Fields("iss sub aud exp nbf iat jti scope scp client_id azp auth_time acr amr nonce sid email email_verified name preferred_username given_name family_name groups roles entitlements tid oid act may_act cnf updated_at at_hash c_hash locale picture") {
		if claimWords[name].title == "" {
			t.Errorf("the claim %s is not explained", name)
		}
	}
	for _, name := range strings.Fields("alg typ cty kid jku jwk x5u x5c x5t x5t#S256 crit b64 enc zip") {
		if headerWords[name].title == "" {
			t.Errorf("the header member %s is not explained", name)
		}
	}
	for _, words := range []map[string]wording{claimWords, headerWords} {
		for name, w := range words {
			if w.title == "" || !strings.HasSuffix(w.text, ".") || strings.Contains(w.text, ". ") || strings.ContainsAny(w.text, "\n") {
				t.Errorf("%s: title %q, explanation %q is not one sentence", name, w.title, w.text)
			}
			if w.kind != "" && w.kind != KindTime && w.kind != KindList {
				t.Errorf("%s: kind %q", name, w.kind)
			}
		}
	}
}

func TestExplainClaims(t *testing.T) {
	got := ExplainClaims(map[string]json.RawMessage{"sub": json.RawMessage(`"ada\u202e"`), "exp": json.RawMessage(`1788264000`), "x": json.RawMessage(`{"a":1}`)})
	want := []Member{
		{Name: "exp", Title: claimWords["exp"].title, Explanation: claimWords["exp"].text, Kind: KindTime, Value: "2026-09-01T12:00:00Z"},
		{Name: "sub", Title: claimWords["sub"].title, Explanation: claimWords["sub"].text, Kind: KindText, Value: "ada\uFFFD"},
		{Name: "x", Kind: KindJSON, Value: `{"a":1}`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}
