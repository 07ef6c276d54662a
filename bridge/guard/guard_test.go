package guard_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuer   = "https://issuer.example"
	audience = "https://bridge.example/notes/mcp"
)

var (
	now         = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	clock       = func() time.Time { return now }
	shared      = "0123456789abcdef0123456789abcdef"
	previous    = "fedcba9876543210fedcba9876543210"
	rsaKey, _   = rsa.GenerateKey(rand.Reader, 2048)
	otherKey, _ = rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _    = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
)

// with is the right claims, changed.
func with(change map[string]any) jwt.MapClaims {
	c := jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": "ada", "email": "ada@example.com", "scope": "notes.read notes.write",
		"exp": now.Add(time.Hour).Unix(), "iat": now.Add(-time.Minute).Unix(), "nbf": now.Add(-time.Minute).Unix(), "jti": "t1", "type": "access",
	}
	for k, v := range change {
		if v == nil {
			delete(c, k)
		} else {
			c[k] = v
		}
	}
	return c
}

func sign(t testing.TB, method jwt.SigningMethod, key any, kid string, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func claims() guard.Claims {
	return guard.Claims{Issuer: issuer, Audience: []string{audience}, Now: clock}
}

func pemOf(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func jwtMode(t testing.TB) guard.Mode {
	t.Helper()
	keys, err := guard.PEMKey(pemOf(t, &rsaKey.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	m, err := guard.NewJWT(claims(), nil, keys)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func hmacMode(t testing.TB) guard.Mode {
	t.Helper()
	m, err := guard.NewHMAC(claims(), nil, guard.HMACKey{ID: "now", Secret: secret.New(shared)}, guard.HMACKey{ID: "before", Secret: secret.New(previous)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// issuerSays answers as an issuer that knows opaque tokens.
type issuerSays struct {
	answers map[string]map[string]any
	asked   atomic.Int32
	err     error
}

func (i *issuerSays) Introspect(_ context.Context, token secret.String) ([]byte, error) {
	i.asked.Add(1)
	if i.err != nil {
		return nil, i.err
	}
	a, ok := i.answers[token.Reveal()]
	if !ok {
		return []byte(`{"active":false}`), nil
	}
	a["active"] = true
	return json.Marshal(a)
}

type keyStore map[string]guard.APIKey

func (k keyStore) Find(_ context.Context, id string) (guard.APIKey, bool, error) {
	key, ok := k[id]
	return key, ok, nil
}

func request(header ...string) *http.Request {
	r := httptest.NewRequest("POST", "/notes/mcp", nil)
	r.RemoteAddr = "127.0.0.1:5000"
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// admit asks a guard with one mode and returns the code, "" for a yes.
func admit(t testing.TB, g *guard.Guard, token string) (guard.Code, *guard.Refusal) {
	t.Helper()
	r := request()
	if token != "" {
		r = request("Authorization", "Bearer "+token)
	}
	_, no := g.Admit(r, "notes")
	if no == nil {
		return "", nil
	}
	return no.Code, no
}

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

func TestPolicy(t *testing.T) {
	ada, key := guard.NewAPIKey(guard.APIKey{Client: "ada", Servers: []string{"notes"}, Tools: []string{"get_*"}}, now)
	policy := &guard.Policy{BuiltInRoles: true, Rules: []guard.Rule{
		{Scopes: []string{"notes.read"}, Servers: []string{"notes"}, Methods: []string{"tools/list", "resources/*"}},
		{Scopes: []string{"notes.write"}, Servers: []string{"notes"}, Methods: []string{"tools/call"}, Tools: []string{"write_*"}},
		{Claims: []string{"tenant=blue"}, Servers: []string{"blue"}},
		{Subjects: []string{"ada"}, Servers: []string{"own"}},
	}}
	none := &guard.Policy{}
	token := func(change map[string]any) string {
		base := map[string]any{"scope": nil, "sub": "eve"}
		for k, v := range change {
			base[k] = v
		}
		return sign(t, jwt.SigningMethodRS256, rsaKey, "", with(base))
	}
	for _, tt := range []struct {
		name, token          string
		policy               *guard.Policy
		server, method, what string
		want                 bool
	}{
		{"no policy", token(nil), none, "notes", "tools/call", "x", true},
		{"scope reads", token(map[string]any{"scope": "notes.read"}), policy, "notes", "tools/list", "", true},
		{"pattern over a slash", token(map[string]any{"scope": "notes.read"}), policy, "notes", "resources/read", "file:///a", true},
		{"scope does not write", token(map[string]any{"scope": "notes.read"}), policy, "notes", "tools/call", "write_x", false},
		{"scope writes", token(map[string]any{"scope": "notes.write"}), policy, "notes", "tools/call", "write_x", true},
		{"as a list", token(map[string]any{"scp": []string{"notes.write"}}), policy, "notes", "tools/call", "write_x", true},
		{"not that tool", token(map[string]any{"scope": "notes.write"}), policy, "notes", "tools/call", "drop", false},
		{"not that server", token(map[string]any{"scope": "notes.write"}), policy, "mail", "tools/call", "write_x", false},
		{"unknown method", token(map[string]any{"scope": "notes.read"}), policy, "notes", "x/unknown", "", false},
		{"lifecycle", token(map[string]any{"scope": "notes.read"}), policy, "notes", "ping", "", true},
		{"nobody's", token(nil), policy, "notes", "ping", "", false},
		{"claim", token(map[string]any{"tenant": "blue"}), policy, "blue", "tools/call", "x", true},
		{"other claim", token(map[string]any{"tenant": "red"}), policy, "blue", "tools/call", "x", false},
		{"opaque-subject", token(map[string]any{"sub": "ada"}), policy, "own", "anything", "", true},
		{"viewer lists", token(map[string]any{"roles": []string{"viewer"}}), policy, "any", "tools/list", "", true},
		{"viewer does not call", token(map[string]any{"roles": []string{"viewer"}}), policy, "any", "tools/call", "x", false},
		{"developer calls", token(map[string]any{"groups": []string{"developer"}}), policy, "any", "tools/call", "x", true},
		{"admin does all", token(map[string]any{"role": "admin"}), policy, "any", "x/unknown", "", true},
		{"key's tool", key, none, "notes", "tools/call", "get_note", true},
		{"not the key's tool", key, none, "notes", "tools/call", "put_note", false},
		{"not the key's server", key, none, "mail", "ping", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := guard.New(guard.Config{
				Modes: []guard.Mode{jwtMode(t), guard.NewAPIKeys(keyStore{ada.ID: ada}, clock)}, Now: clock, Policy: tt.policy,
			})
			c, no := g.Admit(request("Authorization", "Bearer "+tt.token), tt.server)
			if no == nil {
				no = c.Permit(tt.server, tt.method, tt.what)
			}
			if (no == nil) != tt.want {
				t.Fatalf("got %v, want %v", no, tt.want)
			}
			if no != nil && (no.Status != 403 || no.ErrorCode != "insufficient_scope") {
				t.Errorf("HTTP %d %s", no.Status, no.ErrorCode)
			}
		})
	}
}

func TestRefusalNamesTheScopesThatWouldDo(t *testing.T) {
	g := guard.New(guard.Config{Modes: []guard.Mode{jwtMode(t)}, Now: clock, Policy: &guard.Policy{Rules: []guard.Rule{
		{Scopes: []string{"notes.read"}, Methods: []string{"tools/list"}}, {Scopes: []string{"admin"}, Methods: []string{"tools/call"}},
	}}})
	c, no := g.Admit(request("Authorization", "Bearer "+sign(t, jwt.SigningMethodRS256, rsaKey, "", with(nil))), "notes")
	if no != nil {
		t.Fatal(no)
	}
	w := httptest.NewRecorder()
	c.Permit("notes", "tools/call", "x").Write(w)
	if got := w.Header().Get("WWW-Authenticate"); !strings.Contains(got, `scope="admin"`) {
		t.Errorf("challenge %s", got)
	}
}

func TestEqualTokensAreVerifiedOnce(t *testing.T) {
	asks := &issuerSays{answers: map[string]map[string]any{"right": with(nil)}}
	mode, err := guard.NewIntrospection(claims(), asks)
	if err != nil {
		t.Fatal(err)
	}
	g := guard.New(guard.Config{Modes: []guard.Mode{mode}, Now: clock})
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if code, _ := admit(t, g, "right"); code != "" {
				t.Errorf("refused: %s", code)
			}
		})
	}
	wg.Wait()
	if n := asks.asked.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times, want once", n)
	}
}

func TestIssuerAwayIsNotTheCallersFault(t *testing.T) {
	asks := &issuerSays{err: errors.New("away")}
	mode, err := guard.NewIntrospection(claims(), asks)
	if err != nil {
		t.Fatal(err)
	}
	g := guard.New(guard.Config{Modes: []guard.Mode{mode}, Now: clock})
	if _, no := admit(t, g, "right"); no == nil || no.Status != 503 {
		t.Fatalf("got %v, want 503", no)
	}
	asks.err, asks.answers = nil, map[string]map[string]any{"right": with(nil)}
	if code, _ := admit(t, g, "right"); code != "" {
		t.Errorf("afterwards: %s; the failure was remembered", code)
	}
}

func TestCacheEndsWithTheToken(t *testing.T) {
	at := now
	c := claims()
	c.Now = func() time.Time { return at }
	keys, _ := guard.PEMKey(pemOf(t, &rsaKey.PublicKey))
	mode, err := guard.NewJWT(c, nil, keys)
	if err != nil {
		t.Fatal(err)
	}
	g := guard.New(guard.Config{Modes: []guard.Mode{mode}, Now: c.Now})
	token := sign(t, jwt.SigningMethodRS256, rsaKey, "", with(map[string]any{"exp": now.Add(time.Minute).Unix()}))
	if code, _ := admit(t, g, token); code != "" {
		t.Fatal(code)
	}
	at = now.Add(time.Minute)
	if code, _ := admit(t, g, token); code != guard.Expired {
		t.Errorf("after its end: %q", code)
	}
}

func TestDenied(t *testing.T) {
	token := sign(t, jwt.SigningMethodRS256, rsaKey, "", with(nil))
	for name, d := range map[string]guard.Denial{
		"by id": {ID: "t1"}, "by subject": {Subject: "ada"}, "by token": {Token: guard.HashOf(secret.New(token)).String()},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x", "denied.jsonl")
			at := now
			g := guard.New(guard.Config{Modes: []guard.Mode{jwtMode(t)}, Now: clock, Denied: guard.NewFileDenylist(path, func() time.Time { return at })})
			if code, _ := admit(t, g, token); code != "" {
				t.Fatal(code)
			}
			// Another process denies it.
			d.Until = now.Add(time.Minute)
			if err := guard.NewFileDenylist(path, clock).Deny(context.Background(), d); err != nil {
				t.Fatal(err)
			}
			at = at.Add(time.Second)
			if code, _ := admit(t, g, token); code != guard.Revoked {
				t.Errorf("a second later: %q, want revoked", code)
			}
			at = now.Add(time.Hour)
			if code, _ := admit(t, g, token); code != "" {
				t.Errorf("after the entry's end: %q", code)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	at := now
	g := guard.New(guard.Config{
		Modes: []guard.Mode{jwtMode(t)}, Now: func() time.Time { return at },
		Limits: guard.NewLimits(guard.LimitConfig{PerSubject: 3, Failures: 4, Lockout: time.Minute}),
	})
	token := sign(t, jwt.SigningMethodRS256, rsaKey, "", with(nil))
	for i := range 4 {
		code, no := admit(t, g, token)
		if want := guard.Code(""); i < 3 && code != want {
			t.Fatalf("request %d: %s", i, code)
		}
		if i == 3 && (code != guard.RateLimited || no.Status != 429 || no.RetryAfter != 20*time.Second) {
			t.Errorf("request 3: %s %v %v", code, no.Status, no.RetryAfter)
		}
	}
	at = at.Add(21 * time.Second)
	if code, _ := admit(t, g, token); code != "" {
		t.Errorf("after the pause: %s", code)
	}
	at = at.Add(21 * time.Second)
	for range 4 {
		_, _ = admit(t, g, "wrong")
	}
	other := sign(t, jwt.SigningMethodRS256, rsaKey, "", with(map[string]any{"sub": "grace"}))
	code, no := admit(t, g, other)
	if code != guard.LockedOut || no.RetryAfter != time.Minute {
		t.Errorf("after four refusals: %q", code)
	}
	if code, _ := admit(t, g, token); code != "" {
		t.Errorf("who was let in before is locked out with the address: %q", code)
	}
	at = at.Add(time.Minute)
	if code, _ := admit(t, g, other); code != "" {
		t.Errorf("after the lock-out: %s", code)
	}
}

// jwks publishes keys.
type jwks struct {
	mu      sync.Mutex
	keys    map[string]any
	fetched int
	down    bool
}

func (j *jwks) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fetched++
	if j.down {
		w.WriteHeader(503)
		return
	}
	set := struct {
		Keys []jwkset.JWKMarshal `json:"keys"`
	}{}
	for kid, key := range j.keys {
		k, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}})
		if err == nil {
			set.Keys = append(set.Keys, k.Marshal())
		}
	}
	_ = json.NewEncoder(w).Encode(set)
}

func TestKeysAreReplaced(t *testing.T) {
	published := &jwks{keys: map[string]any{"one": &rsaKey.PublicKey}}
	server := httptest.NewServer(published)
	defer server.Close()
	at := now
	cache := guard.NewCache(0, 0)
	keys := guard.NewRemoteKeys(func(context.Context) (string, error) { return server.URL, nil }, server.Client(), func() time.Time { return at }, cache.Empty)
	mode, err := guard.NewJWT(claims(), nil, keys)
	if err != nil {
		t.Fatal(err)
	}
	g := guard.New(guard.Config{Modes: []guard.Mode{mode}, Now: clock, Cache: cache})
	old := sign(t, jwt.SigningMethodRS256, rsaKey, "one", with(nil))
	fresh := sign(t, jwt.SigningMethodRS256, otherKey, "two", with(nil))
	forged := func(i int) string {
		return sign(t, jwt.SigningMethodRS256, otherKey, fmt.Sprint("made-up-", i), with(nil))
	}
	if code, _ := admit(t, g, old); code != "" {
		t.Fatal(code)
	}
	for i := range 100 { // anybody can make up key ids
		if code, _ := admit(t, g, forged(i)); code != guard.WrongSignature {
			t.Fatal(code)
		}
	}
	if published.fetched > 2 {
		t.Errorf("the issuer was asked %d times for 100 made-up key ids", published.fetched)
	}
	published.mu.Lock()
	published.keys = map[string]any{"two": &otherKey.PublicKey}
	published.mu.Unlock()
	if code, _ := admit(t, g, fresh); code != guard.WrongSignature {
		t.Errorf("within the pause after made-up key ids: %q", code)
	}
	at = at.Add(time.Minute)
	cache.Empty()
	if code, _ := admit(t, g, fresh); code != "" {
		t.Errorf("token of the new key: %s", code)
	}
	if code, _ := admit(t, g, old); code != guard.WrongSignature {
		t.Errorf("token of the key that has gone: %q; the cache was not emptied", code)
	}
	published.mu.Lock()
	published.down = true
	published.mu.Unlock()
	at = at.Add(time.Hour)
	cache.Empty()
	if code, _ := admit(t, g, fresh); code != "" {
		t.Errorf("while the issuer is away: %s", code)
	}
}

func TestRandomTokensDoNotFillTheMemory(t *testing.T) {
	cache := guard.NewCache(0, 0)
	g := guard.New(guard.Config{Modes: []guard.Mode{jwtMode(t)}, Now: clock, Cache: cache})
	right := sign(t, jwt.SigningMethodRS256, rsaKey, "", with(nil))
	if code, _ := admit(t, g, right); code != "" {
		t.Fatal(code)
	}
	for i := range 100000 {
		if code, _ := admit(t, g, fmt.Sprint("token-", i)); code != guard.WrongKind {
			t.Fatal(code)
		}
	}
	if n := cache.Len(); n > 1001 {
		t.Errorf("%d verdicts are kept after 100,000 random tokens", n)
	}
	if code, _ := admit(t, g, right); code != "" {
		t.Errorf("the right token: %s", code)
	}
}

func BenchmarkAdmit(b *testing.B) {
	rs := sign(b, jwt.SigningMethodRS256, rsaKey, "", with(nil))
	hs := sign(b, jwt.SigningMethodHS256, []byte(shared), "now", with(nil))
	for _, bb := range []struct {
		name, token string
		mode        guard.Mode
		cache       *guard.Cache
	}{
		{"cached", rs, jwtMode(b), guard.NewCache(0, 0)}, {"HS256", hs, hmacMode(b), guard.NewCache(-1, 0)}, {"RS256", rs, jwtMode(b), guard.NewCache(-1, 0)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			g := guard.New(guard.Config{Modes: []guard.Mode{bb.mode}, Now: clock, Cache: bb.cache})
			r := request("Authorization", "Bearer "+bb.token)
			b.ReportAllocs()
			for b.Loop() {
				if _, no := g.Admit(r, "notes"); no != nil {
					b.Fatal(no)
				}
			}
		})
	}
}
