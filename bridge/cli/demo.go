package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/agent"
	"drawbridge/bridge/fault"
)

// demoProgram is a program of its own: with the demo's servers linked in, each
// `drawbridge stdio` would start at half the speed and take 5 MB more.
const demoProgram = "drawbridge-demo"

func (a *app) demo() *cobra.Command {
	return &cobra.Command{
		Use: "demo", GroupID: "more",
		Short: "Try the whole thing on a built-in server: no account, no network",
		Long: `Start ` + demoProgram + `, which stands beside this program: a demo authorization
server and a demo MCP server on this computer. It signs in, connects a client and
lets a token be renewed. Your own settings and keychain entries are not touched.
See drawbridge demo --help for its options.`,
		Example:            "  drawbridge demo",
		DisableFlagParsing: true, // they are the program's
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := agent.Program(demoProgram)
			if err != nil {
				return fault.Wrap(err, fault.Internal, "The demo is not installed: "+demoProgram+" is missing beside this program.", "From the sources: make build")
			}
			return a.passTo(cmd.Context(), path, args)
		},
	}
}

// exitError is the exit status of a program that we only passed on to; it has
// said itself what there was to say.
type exitError struct{ status int }

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// passTo runs another program in our place. It is asked to end when ctx ends.
func (a *app) passTo(ctx context.Context, path string, args []string) error {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.Stdin, a.Stdout, a.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exitError{exit.ExitCode()}
	}
	if ctx.Err() != nil && cmd.ProcessState != nil && cmd.ProcessState.Success() {
		return nil // it was ended, in order
	}
	return err
}
