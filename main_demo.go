//go:build demo

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"drawbridge/bridge/tour"
)

// run is the demo, `drawbridge-demo`. It returns the exit status.
func run() int {
	noCoreDumps()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return tour.Main(ctx, tour.Process{Version: version, Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
}
