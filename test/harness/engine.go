package harness

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// StartEngine starts another authorization server than oidc-provider, behind
// the same counters and faults: "fosite" or "workers". The test ends it.
func (r *Rig) StartEngine(engine string, o ProviderOptions) *Provider {
	r.t.Helper()
	args := []string{
		"--engine", engine,
		"--ttl", strconv.Itoa(int(o.AccessTTL.Seconds())),
		"--seed", strconv.FormatInt(max(o.Seed, 1), 10),
	}
	engines := filepath.Join(testDir(), "engines")
	switch engine {
	case "fosite":
		args = append(args, "--program", r.buildEngine(filepath.Join(engines, engine)))
	case "workers":
		if _, err := os.Stat(filepath.Join(engines, "node_modules", "miniflare", "package.json")); err != nil {
			r.t.Fatalf("the engine is missing; install it with `make test`, or:\n  (cd %s && npm ci)", engines)
		}
	}
	var facts struct{ Issuer string }
	p := startNode(r.t, &facts, "engine.mjs", args...)
	r.record.part(p)
	return &Provider{backdoor: backdoor{r.t, facts.Issuer}, Issuer: facts.Issuer, opaque: true}
}

// buildEngine builds an engine that is a Go module of its own.
func (r *Rig) buildEngine(dir string) string {
	r.t.Helper()
	program := filepath.Join(r.t.TempDir(), filepath.Base(dir))
	ctx, cancel := context.WithTimeout(context.Background(), buildDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("build %s: %v\n%s", dir, err, out)
	}
	return program
}
