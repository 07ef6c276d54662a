//go:build replica

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"drawbridge/bridge/cli"
	"drawbridge/bridge/replica"
)

// run is the command line with a client for the state that bridges share,
// `drawbridge-replica`. It returns the exit status.
func run() int {
	noCoreDumps()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	return cli.Main(ctx, cli.Process{
		Version: version, Args: os.Args[1:], State: replica.Open, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
}
