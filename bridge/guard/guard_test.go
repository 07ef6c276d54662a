package guard_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
)

// TestMatrix holds every mode against every kind of wrong token.
func TestMatrix(t *testing.T) {
	ada, adaKey := guard.NewAPIKey(guard.APIKey{Client: "ada"}, now)
	gone, goneKey := guard.NewAPIKey(guard.APIKey{Client: "gone", Expires: now.Add(-time.Second)}, now)
	revoked, revokedKey := guard.NewAPIKey(guard.APIKey{Client: "revoked"}, now)
	revoked.Revoked = now
	store := keyStore{ada.ID: ada, gone.ID: gone, revoked.ID: revoked}
	opaque := func(change map[string]any) map[string]any { return with(change) }
	asks := &issuerSays{answers: map[string]map[string]any{
		"opaque-right": opaque(nil), "opaque-expired": opaque(map[string]any{"exp": now.Add(-time.Second).Unix()}),
		"opaque-early": opaque(map[string]any{"nbf": now.Add(time.Minute).Unix()}), "opaque-issuer": opaque(map[string]any{"iss": "https://other.example"}),
		"opaque-audience": opaque(map[string]any{"aud": "other"}), "opaque-subject": opaque(map[string]any{"sub": nil}),
		"opaque-refresh": opaque(map[string]any{"type": "refresh"}),
	}}
	introspection, err := guard.NewIntrospection(claims(), asks)
	if err != nil {
		t.Fatal(err)
	}

	rs := func(change map[string]any) string { return sign(t, jwt.SigningMethodRS256, rsaKey, "", with(change)) }
	hs := func(change map[string]any) string {
		return sign(t, jwt.SigningMethodHS256, []byte(shared), "now", with(change))
	}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, with(nil)).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	// The public key as an HMAC secret: whoever verifies by what the header says
	// takes it (RFC 8725 §2.1).
	confused := sign(t, jwt.SigningMethodHS256, pemOf(t, &rsaKey.PublicKey), "", with(nil))
	tampered := func(token string) string {
		parts := strings.Split(token, ".")
		body, _ := json.Marshal(with(map[string]any{"sub": "root"}))
		return parts[0] + "." + base64.RawURLEncoding.EncodeToString(body) + "." + parts[2]
	}
	crit := func() string {
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, with(nil))
		token.Header["crit"] = []string{"exp"}
		s, _ := token.SignedString(rsaKey)
		return s
	}()

	type tokens map[string]struct {
		token string
		want  guard.Code
	}
	exp, early := map[string]any{"exp": now.Add(-time.Second).Unix()}, map[string]any{"nbf": now.Add(time.Minute).Unix()}
	future := map[string]any{"iat": now.Add(time.Minute).Unix()}
	for _, mode := range []struct {
		mode   guard.Mode
		tokens tokens
	}{
		{jwtMode(t), tokens{
			"right": {rs(nil), ""}, "none": {"", guard.Missing}, "garbage": {"garbage", guard.WrongKind}, "two parts": {"a.b", guard.WrongKind},
			"expired": {rs(exp), guard.Expired}, "not yet valid": {rs(early), guard.NotYetValid}, "issued in the future": {rs(future), guard.NotYetValid},
			"no expiry": {rs(map[string]any{"exp": nil}), guard.MissingClaim}, "wrong signature": {sign(t, jwt.SigningMethodRS256, otherKey, "", with(nil)), guard.WrongSignature},
			"tampered": {tampered(rs(nil)), guard.WrongSignature}, "alg none": {none, guard.WrongAlgorithm}, "HS/RS confusion": {confused, guard.WrongAlgorithm},
			"wrong issuer": {rs(map[string]any{"iss": "https://other.example"}), guard.WrongIssuer}, "issuer with a slash": {rs(map[string]any{"iss": issuer + "/"}), guard.WrongIssuer},
			"no issuer":      {rs(map[string]any{"iss": nil}), guard.WrongIssuer},
			"wrong audience": {rs(map[string]any{"aud": "other"}), guard.WrongAudience}, "no audience": {rs(map[string]any{"aud": nil}), guard.MissingClaim},
			"no subject": {rs(map[string]any{"sub": nil}), guard.MissingClaim}, "empty subject": {rs(map[string]any{"sub": ""}), guard.MissingClaim},
			"refresh token": {rs(map[string]any{"type": "refresh"}), guard.WrongType}, "ID token of Cognito": {rs(map[string]any{"token_use": "id"}), guard.WrongType},
			"expired and forged": {sign(t, jwt.SigningMethodRS256, otherKey, "", with(exp)), guard.WrongSignature},
			"extension":          {crit, guard.WrongSignature}, "other algorithm": {sign(t, jwt.SigningMethodES256, ecKey, "", with(nil)), guard.WrongSignature},
			"API key": {adaKey, guard.WrongKind}, "too long": {strings.Repeat("a", 20000), guard.Malformed}, "with a space": {"a b", guard.Malformed},
		}},
		{hmacMode(t), tokens{
			"right": {hs(nil), ""}, "previous key": {sign(t, jwt.SigningMethodHS512, []byte(previous), "before", with(nil)), ""},
			"no key id":      {sign(t, jwt.SigningMethodHS256, []byte(previous), "", with(nil)), ""},
			"wrong key's id": {sign(t, jwt.SigningMethodHS256, []byte(previous), "now", with(nil)), guard.WrongSignature},
			"unknown key id": {sign(t, jwt.SigningMethodHS256, []byte(shared), "never", with(nil)), guard.WrongSignature},
			"none":           {"", guard.Missing}, "garbage": {"garbage", guard.WrongKind}, "expired": {hs(exp), guard.Expired}, "not yet valid": {hs(early), guard.NotYetValid},
			"wrong signature": {sign(t, jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), "", with(nil)), guard.WrongSignature},
			"tampered":        {tampered(hs(nil)), guard.WrongSignature}, "alg none": {none, guard.WrongKind}, "RS": {rs(nil), guard.WrongKind},
			"wrong issuer": {hs(map[string]any{"iss": "https://other.example"}), guard.WrongIssuer}, "wrong audience": {hs(map[string]any{"aud": "other"}), guard.WrongAudience},
			"no subject": {hs(map[string]any{"sub": nil}), guard.MissingClaim}, "refresh token": {hs(map[string]any{"type": "refresh"}), guard.WrongType},
		}},
		{guard.NewAPIKeys(store, clock), tokens{
			"right": {adaKey, ""}, "none": {"", guard.Missing}, "expired": {goneKey, guard.Expired}, "revoked": {revokedKey, guard.Revoked},
			"wrong secret": {adaKey[:len(adaKey)-1] + "_", guard.WrongSignature}, "unknown id": {"dbk_nobody_abc", guard.WrongSignature},
			"only the id": {"dbk_" + ada.ID, guard.WrongSignature}, "JWT": {rs(nil), guard.WrongKind}, "alg none": {none, guard.WrongKind},
		}},
		{introspection, tokens{
			"right": {"opaque-right", ""}, "none": {"", guard.Missing}, "unknown": {"opaque-unknown", guard.Revoked}, "expired": {"opaque-expired", guard.Expired},
			"not yet valid": {"opaque-early", guard.NotYetValid}, "wrong issuer": {"opaque-issuer", guard.WrongIssuer}, "wrong audience": {"opaque-audience", guard.WrongAudience},
			"no subject": {"opaque-subject", guard.MissingClaim}, "refresh token": {"opaque-refresh", guard.WrongType}, "API key": {adaKey, guard.WrongKind},
		}},
	} {
		for name, tt := range mode.tokens {
			t.Run(mode.mode.Name()+"/"+name, func(t *testing.T) {
				g := guard.New(guard.Config{Modes: []guard.Mode{mode.mode}, Now: clock})
				for range 2 { // the second time from the cache
					got, no := admit(t, g, tt.token)
					if got != tt.want {
						t.Fatalf("got %q, want %q", got, tt.want)
					}
					if no != nil && tt.token != "" && strings.Contains(fmt.Sprintf("%v %+v", no, *no), tt.token) {
						t.Error("the refusal quotes the token")
					}
				}
			})
		}
	}
}

func TestAnswers(t *testing.T) {
	g := guard.New(guard.Config{
		Modes: []guard.Mode{jwtMode(t)}, Now: clock, Scopes: []string{"notes.read"},
		Metadata: func(server string) string {
			return "https://bridge.example/.well-known/oauth-protected-resource/" + server + "/mcp"
		},
	})
	expired := sign(t, jwt.SigningMethodRS256, rsaKey, "", with(map[string]any{"exp": now.Add(-time.Second).Unix()}))
	for _, tt := range []struct {
		name             string
		header           []string
		status           int
		err, description string
		challenge        string
	}{
		{"nothing", nil, 401, "missing", "a bearer token or an API key is required", `Bearer realm="drawbridge", scope="notes.read", resource_metadata="https://bridge.example/.well-known/oauth-protected-resource/notes/mcp"`},
		{"expired", []string{"Authorization", "Bearer " + expired}, 401, "invalid_token", "token has expired", `Bearer realm="drawbridge", error="invalid_token", error_description="token has expired", scope="notes.read", resource_metadata="https://bridge.example/.well-known/oauth-protected-resource/notes/mcp"`},
		{"other scheme", []string{"Authorization", "Basic abc"}, 400, "invalid_request", "the Authorization header is not of the form: Bearer TOKEN", ""},
		{"no token", []string{"Authorization", "Bearer "}, 400, "invalid_request", "the bearer token is malformed", ""},
		{"two", []string{"Authorization", "Bearer a", "Authorization", "Bearer b"}, 400, "invalid_request", "the request shows more than one credential", ""},
		{"token and key", []string{"Authorization", "Bearer a", "X-API-Key", "b"}, 400, "invalid_request", "the request shows more than one credential", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, no := g.Admit(request(tt.header...), "notes")
			if no == nil {
				t.Fatal("admitted")
			}
			w := httptest.NewRecorder()
			no.Write(w)
			var body struct {
				Error, Type string
				Description string `json:"error_description"`
				Status      int
				RequestID   string `json:"request_id"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			if w.Code != tt.status || body.Status != tt.status || body.Error != tt.err || body.Description != tt.description || body.Type != "authentication_error" || body.RequestID == "" {
				t.Errorf("HTTP %d %s", w.Code, w.Body)
			}
			if got := w.Header().Get("WWW-Authenticate"); tt.challenge != "" && got != tt.challenge {
				t.Errorf("challenge %s\nwant      %s", got, tt.challenge)
			}
		})
	}
}

func TestNobodyIsAdmittedWithoutModes(t *testing.T) {
	if code, _ := admit(t, guard.New(guard.Config{}), "anything"); code != guard.WrongKind {
		t.Errorf("got %q", code)
	}
}

func TestStartIsRefused(t *testing.T) {
	long := secret.New(shared)
	for name, start := range map[string]func() error{
		"no secret": func() error { _, err := guard.NewHMAC(claims(), nil); return err },
		"short secret": func() error {
			_, err := guard.NewHMAC(claims(), nil, guard.HMACKey{Secret: secret.New("short")})
			return err
		},
		"no audience": func() error { _, err := guard.NewHMAC(guard.Claims{}, nil, guard.HMACKey{Secret: long}); return err },
		"two of one id": func() error {
			_, err := guard.NewHMAC(claims(), nil, guard.HMACKey{Secret: long}, guard.HMACKey{Secret: long})
			return err
		},
		"RS for HMAC": func() error {
			_, err := guard.NewHMAC(claims(), []string{"RS256"}, guard.HMACKey{Secret: long})
			return err
		},
		"HS for JWT":     func() error { _, err := guard.NewJWT(claims(), []string{"HS256"}, nil); return err },
		"none for JWT":   func() error { _, err := guard.NewJWT(claims(), []string{"none"}, nil); return err },
		"hour of leeway": func() error { c := claims(); c.Leeway = time.Hour; _, err := guard.NewJWT(c, nil, nil); return err },
		"PEM is no key":  func() error { _, err := guard.PEMKey([]byte("x")); return err },
		"malformed rule": func() error { return guard.CheckRules([]guard.Rule{{Tools: []string{"["}}}) },
	} {
		if start() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
