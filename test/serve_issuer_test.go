package test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drawbridge/test/harness"
	"drawbridge/test/ports"
)

// issuedBridge is a bridge to server-everything, which anybody on this computer
// could use, that lets in whom a real oidc-provider has given a token.
type issuedBridge struct {
	*harness.Rig
	t      *testing.T
	issuer *harness.Provider
	url    string
}

// serve serves with a guard that trusts the provider; env and args are those of
// the guard.
func (b *issuedBridge) serve(env []string, args ...string) {
	b.t.Helper()
	b.serveAt(ports.FreeAddress(b.t), env, args...)
}

// serveAt is serve at an address that somebody had to know before.
func (b *issuedBridge) serveAt(address string, env []string, args ...string) {
	b.t.Helper()
	everything := harness.StartScript(b.t, "everything-http.mjs")
	var at struct{ URL string }
	if err := json.Unmarshal([]byte(everything), &at); err != nil {
		b.t.Fatal(err)
	}
	b.MustRun("add", "plain", at.URL)
	b.url = "http://" + address + "/plain/mcp"
	all := append([]string{"serve", "--listen", address, "--issuer", b.issuer.Issuer, "--audience", b.url}, args...)
	served(b.t, b.StartCommand(harness.Command{Args: all, Env: env}))
}

// signIn adds the bridge as a server and signs in there: what Drawbridge needs to
// know of the issuer it finds out from the bridge. It returns the access token.
func (b *issuedBridge) signIn() string {
	b.t.Helper()
	if b.Run("accounts", "via").Status != 0 {
		b.MustRun("add", "via", b.url)
	}
	b.MustRun("login", "via")
	return strings.TrimSpace(b.MustRun("token", "via").Stdout)
}

// all runs the official clients with a token.
func (b *issuedBridge) all(token string) {
	b.t.Helper()
	for _, c := range []client{nodeClient("http-client.mjs"), goClient(b.t)} {
		if got := c.run(b.t, b.url, token); !got.isAll() {
			b.t.Errorf("%s: %+v", c.name, got)
		}
	}
	got, err := b.RunClient(harness.Client{Command: []string{b.Binary(), "stdio", "via"}, Env: b.ClientEnv(), List: true, Calls: []string{`echo={"message":"through two"}`}})
	if err != nil || len(got.Failures()) > 0 || got.Calls()[0].Text != "Echo: through two" {
		b.t.Errorf("through drawbridge stdio: %v %v", got, err)
	}
}

// TestServeJWT: tokens of a real issuer, whose keys change.
func TestServeJWT(t *testing.T) {
	t.Parallel()
	rig := harness.New(t)
	b := &issuedBridge{Rig: rig, t: t, issuer: rig.StartProvider(harness.ProviderOptions{AccessTTL: lasting})}
	b.serve(nil, "--guard", "jwt", "--token-cache", "1s")
	old := b.signIn()
	if strings.Count(old, ".") != 2 {
		t.Fatal("the provider gave a token that is no JWT")
	}
	b.all(old)
	parts := strings.Split(old, ".")
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	forged := parts[0] + "." + base64.RawURLEncoding.EncodeToString(bytes.Replace(body, []byte(`"sub":"`), []byte(`"sub":"x`), 1)) + "." + parts[2]
	if got := status(t, b.url, forged); got != http.StatusUnauthorized {
		t.Errorf("a token with another subject: HTTP %d", got)
	}
	b.issuer.Order(map[string]any{"do": "keys"})
	fresh := b.signIn()
	b.all(fresh)
	// The keys that were fetched for it do not have the old one any more.
	if !eventually(patience, func() bool { return status(t, b.url, old) == http.StatusUnauthorized }) {
		t.Error("a token of the key that has gone is let in")
	}
}

// TestServeIntrospection: opaque tokens, about which the issuer is asked, by a
// client with a secret and by one with a private key.
func TestServeIntrospection(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, by := range map[string]struct {
		registration map[string]any
		args         func(b *issuedBridge, registered map[string]any) ([]string, []string)
	}{
		"by secret": {map[string]any{"token_endpoint_auth_method": "client_secret_basic"}, func(_ *issuedBridge, r map[string]any) ([]string, []string) {
			return nil, []string{"DRAWBRIDGE_INTROSPECTION_SECRET=" + r["client_secret"].(string)}
		}},
		"by private key": {map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": map[string]any{"keys": []any{jwkOf(&key.PublicKey)}}}, func(b *issuedBridge, _ map[string]any) ([]string, []string) {
			file := filepath.Join(b.Home, "introspection.pem")
			der, err := x509.MarshalPKCS8PrivateKey(key)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{"--introspection-key-file", file}, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := introspected(t, by.registration, by.args)
			token := b.signIn()
			if strings.Contains(token, ".") {
				t.Fatal("the provider gave a token that is a JWT")
			}
			b.all(token)
			if got := status(t, b.url, token+"x"); got != http.StatusUnauthorized {
				t.Errorf("another token: HTTP %d", got)
			}
			b.MustRun("logout", "via") // which revokes it at the issuer
			if !eventually(patience, func() bool { return status(t, b.url, token) == http.StatusUnauthorized }) {
				t.Error("a token that was revoked at the issuer is let in")
			}
		})
	}
}

// introspected is a bridge whose guard asks the issuer, as a client that is
// registered there first.
func introspected(t *testing.T, registration map[string]any, how func(*issuedBridge, map[string]any) (args, env []string)) *issuedBridge {
	rig := harness.New(t)
	b := &issuedBridge{Rig: rig, t: t, issuer: rig.StartProvider(harness.ProviderOptions{Opaque: true, AccessTTL: lasting})}
	registered := b.register(registration)
	args, env := how(b, registered)
	b.serve(env, append(args, "--guard", "introspection", "--token-cache", "1s", "--introspection-client-id", registered["client_id"].(string))...)
	return b
}

// register registers a client that asks about tokens (RFC 7591).
func (b *issuedBridge) register(client map[string]any) (registered map[string]any) {
	b.t.Helper()
	return b.registerFor(client)
}

// registerFor registers a client for grants without a browser.
func (b *issuedBridge) registerFor(client map[string]any, grants ...string) (registered map[string]any) {
	b.t.Helper()
	client["redirect_uris"], client["grant_types"], client["response_types"] = []string{}, append([]string{}, grants...), []string{}
	raw, err := json.Marshal(client)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.issuer.Issuer+"/reg", bytes.NewReader(raw))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&registered); err != nil || registered["client_id"] == nil {
		b.t.Fatalf("registration: HTTP %d %v %v", resp.StatusCode, registered, err)
	}
	return registered
}

func jwkOf(key *ecdsa.PublicKey) map[string]string {
	raw, err := key.Bytes()
	if err != nil || len(raw) != 65 {
		panic("a P-256 key has 65 bytes")
	}
	text := base64.RawURLEncoding.EncodeToString
	return map[string]string{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "x": text(raw[1:33]), "y": text(raw[33:])}
}
