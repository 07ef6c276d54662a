// Package test holds the end-to-end tests: drawbridge as it is built, a real
// identity provider, a real MCP server, real MCP clients, a real keychain and a
// person at a real browser. What happened is asked of those parts, never of
// drawbridge itself. `make test` runs them; see harness for the rig.
package test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"drawbridge/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// TestRig shows that the parts work with each other when drawbridge is not
// there, so that a failure elsewhere is drawbridge's.
func TestRig(t *testing.T) {
	t.Parallel()
	harness.Skip(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bin/node", "node/selftest.mjs")
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the rig's self-test: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// place is the usual world: a person, a provider, a protected server, and
// drawbridge signed in to it as "everything".
type place struct {
	*harness.Rig
	provider *harness.Provider
	gate     *harness.Gate
}

const name = "everything"

const (
	// lasting is the life of tokens that nobody has to renew during a test, however
	// slow the machine is.
	lasting = time.Hour
	// patience is the limit of what has to happen.
	patience = time.Minute
)

func signedIn(t *testing.T, accessTTL time.Duration) place {
	t.Helper()
	p := start(t, accessTTL)
	p.SignIn(name, p.gate.URL)
	return p
}

func start(t *testing.T, accessTTL time.Duration) place {
	t.Helper()
	rig := harness.New(t)
	provider := rig.StartProvider(harness.ProviderOptions{AccessTTL: accessTTL})
	return place{rig, provider, rig.StartGate(provider, harness.GateOptions{})}
}

// stdio is the command that a client launches.
func (p place) stdio() []string { return []string{p.Binary(), "stdio", name} }
