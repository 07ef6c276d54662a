package serve_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/serve"
)

// methods are one of each kind that a client may send.
var methods = []string{
	"initialize", "ping", "tools/list", "tools/call", "resources/list", "resources/templates/list", "resources/read", "resources/subscribe",
	"resources/unsubscribe", "prompts/list", "prompts/get", "completion/complete", "logging/setLevel", "subscriptions/listen",
	"server/discover", "tasks/get", "x/unknown",
}

// cases are what somebody may show, and the last one is right.
var cases = []string{
	"no token", "malformed", "expired", "not yet valid", "wrong signature", "alg none", "HS/RS confusion", "wrong issuer", "wrong audience",
	"no subject", "revoked", "refresh token", right,
}

const right = "right"

// shown is a credential and how the answer to it describes itself.
type shown struct{ token, says string }

// TestMatrix: every guard, every method, both endpoints, every wrong credential.
// Only the right one passes, nothing of a wrong one reaches a session, and the
// answers are those of docs/guides/answers.md.
func TestMatrix(t *testing.T) {
	answers := documented(t)
	all := everyMode(t)
	var modes []guard.Mode
	together := map[string]shown{}
	for _, m := range all {
		for _, name := range cases {
			if _, ok := m.shown[name]; !ok {
				t.Fatalf("%s has no case %q", m.mode.Name(), name)
			}
		}
		modes = append(modes, m.mode)
		t.Run(m.mode.Name(), func(t *testing.T) { matrix(t, answers, m.shown, m.mode) })
		for name, s := range m.shown {
			// What is of no kind at one is of another's when all are asked, in this order.
			if !strings.Contains(s.says, "of no kind") && m.mode.Name() != "introspection" && (m.mode.Name() != "jwt" || name != "HS/RS confusion") || name == right {
				together[m.mode.Name()+": "+name] = s
			}
		}
	}
	t.Run("all at once", func(t *testing.T) { matrix(t, answers, together, modes...) })
}

// matrix sends every method with every credential to every endpoint.
func matrix(t *testing.T, answers map[string]answer, all map[string]shown, modes ...guard.Mode) {
	denied := guard.NewFileDenylist(t.TempDir()+"/denied.jsonl", nil)
	if err := denied.Deny(t.Context(), guard.Denial{ID: "revoked"}); err != nil {
		t.Fatal(err)
	}
	r := run(t, func(c *serve.Config) {
		c.Guard = guard.New(guard.Config{Modes: modes, Denied: denied})
	})
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !strings.HasSuffix(name, right) {
			continue
		}
		good := all[name].token
		stream, endpoint := openSSE(t, r, good)
		defer func() { _ = stream.Close() }()
		status, body, head := r.do("POST", "/notes/mcp", good, "", call("initialize"))
		session := head.Get("Mcp-Session-Id")
		if status != 200 || session == "" {
			t.Fatalf("%s: HTTP %d %s", name, status, body)
		}
		for _, method := range methods {
			before := r.count()
			for name, w := range all {
				if !strings.HasSuffix(name, right) {
					refused(t, r, answers, method, name, w, session, endpoint)
				}
			}
			if n := r.count(); n != before {
				t.Errorf("%s: %d messages with wrong credentials reached a session", method, n-before)
			}
			reach := passes(t, r, method, good, session, endpoint)
			if n := r.count(); n != before+reach {
				t.Errorf("%s: %d messages with the right credential reached a session, want %d", method, n-before, reach)
			}
		}
	}
}

// refused shows a wrong credential at each place where one is wanted.
func refused(t *testing.T, r *running, answers map[string]answer, method, name string, w shown, session, endpoint string) {
	want, ok := answers[w.says]
	if !ok {
		t.Fatalf("docs/guides/answers.md does not have %q", w.says)
	}
	for _, at := range []struct{ verb, path, body string }{
		{"POST", "/notes/mcp", call(method)},
		{"POST", "/notes/mcp", modern(method)},
		{"POST", endpoint, call(method)},
		{"GET", "/notes/mcp", ""},
		{"DELETE", "/notes/mcp", ""},
		{"GET", "/notes/sse", ""},
		{"GET", "/metrics", ""},
	} {
		status, body, head := r.do(at.verb, at.path, w.token, session, at.body)
		var said struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
			Status      int    `json:"status"`
			Type        string `json:"type"`
			RequestID   string `json:"request_id"`
		}
		err := json.Unmarshal([]byte(body), &said)
		challenge := head.Get("WWW-Authenticate")
		wants := fmt.Sprintf(`error=%q, error_description=%q`, want.name, w.says)
		if want.name == "missing" { // RFC 6750 §3.1: no error code for who showed nothing
			wants = `Bearer realm="drawbridge"`
		}
		if err != nil || status != want.status || said.Status != want.status || said.Error != want.name || said.Description != w.says ||
			said.Type != "authentication_error" || said.RequestID == "" || !strings.HasPrefix(challenge, "Bearer ") || !strings.Contains(challenge, wants) {
			t.Errorf("%s, %s %s with %s: HTTP %d %q %s, want %d %s: %s", method, at.verb, at.path, name, status, challenge, body, want.status, want.name, w.says)
		}
		if w.token != "" && strings.Contains(body+challenge, w.token) {
			t.Errorf("%s: the answer quotes the credential", name)
		}
	}
}

// passes sends a method with the right credential to both endpoints, and to the
// first in the manner of either era. It returns how many of these have to reach a
// session: initialize and ping are no methods of 2026-07-28.
func passes(t *testing.T, r *running, method, token, session, endpoint string) (reach int) {
	reach, status2026, says := 3, 200, `"result":{}`
	switch method {
	case "initialize":
		session, reach, status2026, says = "", 2, 404, "-32601"
	case "ping":
		reach, status2026, says = 2, 404, "-32601"
	}
	if status, body, _ := r.do("POST", "/notes/mcp", token, session, call(method)); status != 200 || !strings.Contains(body, `"result":{}`) {
		t.Errorf("%s with the right credential: HTTP %d %s", method, status, body)
	}
	if status, body, _ := r.do("POST", "/notes/mcp", token, "", modern(method)); status != status2026 || !strings.Contains(body, says) {
		t.Errorf("%s in the manner of 2026-07-28: HTTP %d %s", method, status, body)
	}
	if status, body, _ := r.do("POST", endpoint, token, "", call(method)); status != 202 {
		t.Errorf("%s with the right credential at %s: HTTP %d %s", method, endpoint, status, body)
	}
	return reach
}

type moded struct {
	mode  guard.Mode
	shown map[string]shown
}

// everyMode is each guard, in the order in which they are asked, with a credential for each of the cases. What a mode
// cannot have is there as what comes nearest: an API key has no audience, but
// may be for another server.
func everyMode(t *testing.T) []moded {
	key, other := rsaKey(t), rsaKey(t)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	now := time.Now()
	claims := func(name string, value any) jwt.MapClaims {
		c := jwt.MapClaims{
			"iss": issuer, "aud": audience, "sub": "ada", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "jti": "t-" + name, "type": "access",
		}
		if value == nil {
			delete(c, name)
		} else if name != "" {
			c[name] = value
		}
		return c
	}
	signed := func(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
		s, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	// of makes what all modes that read claims have in common.
	of := func(token func(name string, value any) string) map[string]shown {
		return map[string]shown{
			"no token":       {"", "a bearer token or an API key is required"},
			"malformed":      {"not a token", "the bearer token is malformed"},
			"expired":        {token("exp", now.Add(-time.Hour).Unix()), "token has expired"},
			"not yet valid":  {token("nbf", now.Add(time.Hour).Unix()), "token is not valid yet"},
			"wrong issuer":   {token("iss", "https://other.example"), "token has another issuer"},
			"wrong audience": {token("aud", "other"), "token is for another audience"},
			"no subject":     {token("sub", nil), "token lacks a required claim (sub)"},
			"revoked":        {token("jti", "revoked"), "token has been revoked"},
			"refresh token":  {token("type", "refresh"), "token is not an access token"},
			right:            {token("", ""), ""},
		}
	}
	with := func(all map[string]shown, more map[string]shown) map[string]shown {
		maps.Copy(all, more)
		return all
	}
	const (
		noKind    = "the token is of no kind that is accepted here"
		wrongAlg  = "token has an algorithm that is not accepted"
		signature = "token signature is wrong"
		inactive  = "token is not active: it has expired, was revoked, or is unknown"
	)
	c := guard.Claims{Issuer: issuer, Audience: []string{audience}}
	pemKeys, err := guard.PEMKey(public)
	if err != nil {
		t.Fatal(err)
	}
	jwtMode, err := guard.NewJWT(c, nil, pemKeys)
	if err != nil {
		t.Fatal(err)
	}
	hmacMode, err := guard.NewHMAC(c, nil, guard.HMACKey{Secret: secret.New(shared)})
	if err != nil {
		t.Fatal(err)
	}
	asks := &issuerKnows{answers: map[string]jwt.MapClaims{}}
	introspection, err := guard.NewIntrospection(c, asks)
	if err != nil {
		t.Fatal(err)
	}
	rs := func(name string, value any) string { return signed(jwt.SigningMethodRS256, key, claims(name, value)) }
	hs := func(name string, value any) string {
		return signed(jwt.SigningMethodHS256, []byte(shared), claims(name, value))
	}
	opaque := func(name string, value any) string {
		token := fmt.Sprintf("opaque-%d", len(asks.answers))
		asks.answers[token] = claims(name, value)
		return token
	}
	unsigned := signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims("", ""))
	// The public key as an HMAC secret: whoever verifies by what the header says
	// takes it (RFC 8725 §2.1).
	confused := signed(jwt.SigningMethodHS256, public, claims("", ""))
	keys, keyed := apiKeys(t, now)
	return []moded{
		{keys, with(keyed, map[string]shown{
			"not yet valid": {rs("nbf", now.Add(time.Hour).Unix()), noKind}, "alg none": {unsigned, noKind}, "HS/RS confusion": {confused, noKind},
			"wrong issuer": {rs("iss", "https://other.example"), noKind}, "no subject": {rs("sub", nil), noKind},
			"refresh token": {hs("type", "refresh"), noKind}, "a right JWT": {rs("", ""), noKind},
		})},
		{hmacMode, with(of(hs), map[string]shown{
			"wrong signature": {signed(jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), claims("", "")), signature},
			"alg none":        {unsigned, noKind}, "HS/RS confusion": {rs("", ""), noKind},
			"confused with the public key": {confused, signature},
		})},
		{jwtMode, with(of(rs), map[string]shown{
			"wrong signature": {signed(jwt.SigningMethodRS256, other, claims("", "")), signature},
			"alg none":        {unsigned, wrongAlg}, "HS/RS confusion": {confused, wrongAlg},
		})},
		{introspection, with(of(opaque), map[string]shown{
			"wrong signature": {signed(jwt.SigningMethodRS256, other, claims("", "")), inactive},
			"alg none":        {unsigned, inactive}, "HS/RS confusion": {confused, inactive},
		})},
	}
}

// apiKeys is the mode of API keys and those of the cases that are about keys.
func apiKeys(t *testing.T, now time.Time) (guard.Mode, map[string]shown) {
	keys := guard.NewFileKeys(t.TempDir()+"/keys.json", nil, nil)
	add := func(k guard.APIKey) string {
		k, text := guard.NewAPIKey(k, now)
		if err := keys.Add(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		return text
	}
	good, gone := add(guard.APIKey{Client: "ada"}), add(guard.APIKey{Client: "gone"})
	if _, err := keys.Revoke(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	return guard.NewAPIKeys(keys, nil), map[string]shown{
		"no token":        {"", "a bearer token or an API key is required"},
		"malformed":       {"not a key", "the bearer token is malformed"},
		"expired":         {add(guard.APIKey{Client: "old", Expires: now.Add(-time.Minute)}), "the API key has expired"},
		"wrong signature": {good[:len(good)-2] + "__", "the API key is unknown"},
		"wrong audience":  {add(guard.APIKey{Client: "other", Servers: []string{"other"}}), "the caller has no right to this server"},
		"revoked":         {gone, "the API key has been revoked"},
		right:             {good, ""},
	}
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

type answer struct {
	status int
	name   string
}

// documented reads the table of docs/guides/answers.md, by its descriptions.
func documented(t *testing.T) map[string]answer {
	raw, err := os.ReadFile("../../docs/guides/answers.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]answer{}
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 {
			continue
		}
		if status, err := strconv.Atoi(strings.TrimSpace(cells[2])); err == nil {
			all[strings.TrimSpace(cells[4])] = answer{status, strings.TrimSpace(cells[3])}
		}
	}
	return all
}

var calls int

func call(method string) string {
	calls++
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":{"name":"x","uri":"file:///x"}}`, calls, method)
}

// modern is a request in the manner of 2026-07-28; do sends the headers that go
// with it.
func modern(method string) string {
	calls++
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":{"name":"x","uri":"x","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`, calls, method)
}

type issuerKnows struct{ answers map[string]jwt.MapClaims }

func (i *issuerKnows) Introspect(_ context.Context, token secret.String) ([]byte, error) {
	c, ok := i.answers[token.Reveal()]
	if !ok {
		return []byte(`{"active":false}`), nil
	}
	c["active"] = true
	return json.Marshal(c)
}

// TestOpenLetsAllMethodsIn: without a guard, on loopback, every method passes,
// whatever somebody shows.
func TestOpenLetsAllMethodsIn(t *testing.T) {
	r := run(t, func(c *serve.Config) { c.Guard, c.Unguarded = guard.New(guard.Config{Open: true}), true })
	for _, token := range []string{"", "whatever"} {
		_, _, head := r.do("POST", "/notes/mcp", token, "", call("initialize"))
		stream, endpoint := openSSE(t, r, token)
		for _, method := range methods {
			passes(t, r, method, token, head.Get("Mcp-Session-Id"), endpoint)
		}
		_ = stream.Close()
	}
	if status, _, _ := r.do("GET", "/metrics", "", "", ""); status != http.StatusOK {
		t.Errorf("metrics: HTTP %d", status)
	}
}
