package test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"drawbridge/test/harness"
	"drawbridge/test/ports"
)

// TestServeExchange: callers are themselves at the server behind the bridge. The
// authorization server, oidc-provider with token exchange (RFC 8693), gives the
// bridge for each of their tokens one that the server takes.
func TestServeExchange(t *testing.T) {
	t.Parallel()
	rig := harness.New(t)
	b := &issuedBridge{Rig: rig, t: t, issuer: rig.StartProvider(harness.ProviderOptions{AccessTTL: lasting})}
	gate := rig.StartGate(b.issuer, harness.GateOptions{})
	registered := b.registerFor(map[string]any{"token_endpoint_auth_method": "client_secret_basic"}, "urn:ietf:params:oauth:grant-type:token-exchange")
	b.MustRun("add", "guarded", gate.URL)
	b.MustRun("login", "guarded") // an account that nobody else may use
	set := b.RunCommand(harness.Command{
		Args: []string{"exchange", "set", "guarded", "--issuer", b.issuer.Issuer, "--client-id", registered["client_id"].(string), "--resource", gate.URL, "--scope", "mcp:tools"},
		Env:  []string{"DRAWBRIDGE_EXCHANGE_SECRET=" + registered["client_secret"].(string)},
	})
	if set.Status != 0 {
		t.Fatalf("exchange set: %+v", set)
	}
	address := ports.FreeAddress(t)
	b.url = "http://" + address + "/guarded/mcp"
	served(t, b.StartCommand(harness.Command{Args: []string{
		"serve", "--listen", address, "--issuer", b.issuer.Issuer, "--audience", b.url, "--guard", "jwt", "--guard", "api-key",
	}}))
	token := b.signIn()
	before := gate.Counts()
	issued := b.issuer.Counts().TokensIssued
	for range 3 {
		for _, c := range []client{nodeClient("http-client.mjs"), goClient(t)} {
			if got := c.run(t, b.url, token); !got.isAll() {
				t.Errorf("%s: %+v", c.name, got)
			}
		}
	}
	seen := gate.Counts()
	who := b.MustRun("inspect", "via", "--json").Stdout
	if calls := seen.Calls[len(before.Calls):]; len(calls) != 6 || calls[0].Subject == "" || !strings.Contains(who, fmt.Sprintf("%q", calls[0].Subject)) {
		t.Errorf("the server saw %+v; the caller is %s", calls, who)
	}
	const exchanged = "urn:ietf:params:oauth:grant-type:token-exchange"
	if n := b.issuer.Counts().TokensIssued[exchanged] - issued[exchanged]; n != 1 {
		t.Errorf("%d tokens were issued for the same caller's token, want 1", n)
	}
	// The caller's token is not for the server, and never comes there.
	if got := status(t, gate.URL, token); got != http.StatusUnauthorized {
		t.Errorf("the server takes the caller's own token: HTTP %d", got)
	}
	if seen.Refused["invalid"] != before.Refused["invalid"] {
		t.Errorf("a token that is not for the server came there: %v, before %v", seen.Refused, before.Refused)
	}
	// Whoever has nothing to exchange does not get the account instead.
	key := strings.TrimSpace(b.MustRun("key", "create", "somebody").Stdout)
	if got := nodeClient("http-client.mjs").run(t, b.url, key); got.isAll() || got.Error == "" {
		t.Errorf("with an API key: %+v", got)
	}
	if after := gate.Counts(); len(after.Calls) != len(seen.Calls) {
		t.Error("a caller without a token reached the server")
	}
}
