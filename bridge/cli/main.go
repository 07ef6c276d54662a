// Package cli is the command line: one file per command, each of which parses,
// calls one thing and prints.
package cli

import (
	"context"
	"fmt"
	"io"
)

// Main runs one command and returns the exit status. (A placeholder until the commands land.)
func Main(_ context.Context, _ []string, _ io.Reader, _, stderr io.Writer) int {
	fmt.Fprintln(stderr, "drawbridge: no commands yet")
	return 1
}
