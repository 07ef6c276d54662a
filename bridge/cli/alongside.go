package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

const (
	// serveAgain is the first pause before a local bridge that has ended is started
	// again: the process that had its port may be at its end.
	serveAgain = time.Second
	// serveAgainLimit bounds the pauses, each of which is twice the one before, and
	// is how long a local bridge must have run for its end to be the first again.
	serveAgainLimit = time.Minute
)

// serveAlongside runs `drawbridge serve` with the options of the settings until
// ctx ends and the bridge has, in a process of its own: the agent stays small.
// Other options start it anew.
func (a *app) serveAlongside(ctx context.Context, p config.Paths, command string, log *slog.Logger) {
	s := &alongside{app: a, command: command, log: log}
	defer s.end()
	seen := stampOf(p.SettingsFile())
	if settings, err := config.Load(p); err != nil {
		log.Error("the settings cannot be read; no local bridge is started until they can be", "error", err)
	} else {
		s.serve(ctx, settings)
	}
	follow(ctx, p.SettingsFile(), seen, func() {
		settings, err := config.Reload(p)
		if err != nil {
			log.Error("the settings have changed and cannot be read; the local bridge goes on as before", "error", err)
			return
		}
		s.serve(ctx, settings)
	})
}

// alongside is the local bridge that an agent runs, if any.
type alongside struct {
	*app
	command string
	log     *slog.Logger

	options []string // nil: none runs
	stop    func()   // ends it and waits
}

// serve runs it with the options of the settings; it goes on if these are the same.
func (s *alongside) serve(ctx context.Context, settings *config.Settings) {
	var options []string
	if settings.Bridge != nil {
		options = settings.Bridge.Serve
	}
	if (options == nil) == (s.options == nil) && slices.Equal(options, s.options) {
		return
	}
	s.end()
	if s.options = options; options == nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	s.stop = func() {
		cancel()
		<-done
	}
	go func() {
		defer close(done)
		s.keep(ctx, append(append(s.places(), "serve", "--"+withInput), options...))
	}()
}

func (s *alongside) end() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// keep runs it, again and again, until ctx ends.
func (s *alongside) keep(ctx context.Context, args []string) {
	// Its end is this process's end, however that comes: the system closes the pipe.
	input, held, err := os.Pipe()
	if err != nil {
		s.log.Error("the local bridge cannot be started", "error", err)
		return
	}
	defer func() { _, _ = held.Close(), input.Close() }()
	child := *s.app // what it prints is for nobody but the log
	child.Stdin, child.Stdout, child.Stderr = input, io.Discard, s.Stderr
	pause := serveAgain
	for ctx.Err() == nil {
		began := time.Now()
		err := child.passTo(ctx, s.command, args)
		var exit exitError
		if errors.As(err, &exit) && exit.status == fault.Usage.ExitStatus() {
			s.log.Error("the local bridge cannot be started with the options of the settings (bridge.serve)")
			return
		}
		var missing *exec.Error
		if errors.As(err, &missing) {
			s.log.Error("the local bridge cannot be started", "error", err)
			return
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= serveAgainLimit {
			pause = serveAgain
		}
		s.log.Error("the local bridge has ended; it is started again", "error", err, "after", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, serveAgainLimit)
	}
}

// withInput is the flag of a `drawbridge serve` that ends when its standard input
// does. It is not for people: who starts a program can end it.
const withInput = "end-with-input"

// untilInputEnds is ctx until there is nothing more to come from input. What
// comes is nothing to us. The reading goes on until the process ends.
func untilInputEnds(ctx context.Context, input io.Reader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, input)
		cancel()
	}()
	return ctx, cancel
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
