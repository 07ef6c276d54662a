package cli

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"drawbridge/bridge/agent"
	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/serve"
)

// replicaProgram is drawbridge with a client for Redis and Valkey linked in, which
// makes it half as large again: a program of its own, so that a `drawbridge stdio`
// need not carry it.
const replicaProgram = "drawbridge-replica"

// stateVariable holds the password of the shared state.
const stateVariable = "DRAWBRIDGE_STATE_PASSWORD"

// OpenState opens what several bridges share, at an address like redis://host.
type OpenState func(ctx context.Context, address string, password secret.String, log *slog.Logger) (*serve.Shared, error)

// stateFlag says where the denylist, limits and sessions are.
type stateFlag struct{ address string }

func (s *stateFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.address, "state", "", "share denylist, limits and sessions at this `URL`, redis://HOST:PORT/DB")
}

// elsewhere reports whether another program has to do it.
func (s *stateFlag) elsewhere(a *app) bool { return s.address != "" && a.State == nil }

// replica starts drawbridge-replica with our arguments.
func (a *app) replica(ctx context.Context) error {
	path, err := agent.Program(replicaProgram)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "A shared state wants "+replicaProgram+", which is missing beside this program.", "From the sources: make build")
	}
	return a.passTo(ctx, path, a.Args)
}

// open opens the shared state, or what one bridge has for itself. Close what it
// returns.
func (s *stateFlag) open(ctx context.Context, a *app, p config.Paths) (*serve.Shared, error) {
	if s.address == "" {
		return &serve.Shared{
			Denied: guard.NewFileDenylist(filepath.Join(p.Bridge(), "denied.jsonl"), nil),
			Limits: func(c guard.LimitConfig) guard.Limiter { return guard.NewLimits(c) },
			Close:  func() error { return nil },
		}, nil
	}
	password := secret.New(os.Getenv(stateVariable))
	_ = os.Unsetenv(stateVariable)
	return a.State(ctx, s.address, password, a.log())
}
