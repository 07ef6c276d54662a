//go:build !(desktop || bindings || dev || demo || replica)

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"drawbridge/bridge/cli"
)

// run is the command line. It returns the exit status.
func run() int {
	noCoreDumps()
	defer forgetStart()()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	return cli.Main(ctx, cli.Process{
		Version: version, Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
}
