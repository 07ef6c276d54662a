package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os/exec"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// serveAgain is the pause before a local bridge that has ended is started again.
const serveAgain = 10 * time.Second

// serveAlongside runs `drawbridge serve` with the options of the settings for as
// long as the agent runs, in a process of its own: the agent stays small. The
// returned function waits for its end.
func (a *app) serveAlongside(ctx context.Context, p config.Paths, command string, log *slog.Logger) (wait func(), err error) {
	settings, err := config.Load(p)
	if err != nil || settings.Bridge == nil || settings.Bridge.Serve == nil {
		return func() {}, err
	}
	args := append(a.places(), "serve")
	args = append(args, settings.Bridge.Serve...)
	child := *a // what it prints is for nobody but the log
	child.Stdin, child.Stdout, child.Stderr = nil, io.Discard, a.Stderr
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			err := child.passTo(ctx, command, args)
			var exit exitError
			if errors.As(err, &exit) && exit.status == fault.Usage.ExitStatus() {
				log.Error("the local bridge cannot be started with the options of the settings (bridge.serve)")
				return
			}
			var missing *exec.Error
			if errors.As(err, &missing) {
				log.Error("the local bridge cannot be started", "error", err)
				return
			}
			if ctx.Err() == nil {
				log.Error("the local bridge has ended; it is started again", "error", err, "after", serveAgain)
			}
			select {
			case <-ctx.Done():
			case <-time.After(serveAgain):
			}
		}
	}()
	return func() { <-done }, nil
}

// places are the options that make another process find our folders.
func (a *app) places() []string {
	var args []string
	for _, o := range []struct{ flag, value string }{{"--config-dir", a.configDir}, {"--state-dir", a.stateDir}, {"--vault", a.vaultKind}} {
		if o.value != "" {
			args = append(args, o.flag, o.value)
		}
	}
	return args
}
