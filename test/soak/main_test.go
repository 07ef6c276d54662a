// Package soak puts the custody of tokens under load: many processes on one
// credential, short tokens, a provider that takes a second use of a refresh
// token for theft, and everything that can go wrong at once. What happened is
// counted at the provider, never inside the program under test.
//
// `make test` runs the short forms, `make soak` the long ones, whose results
// go into docs/soak.md.
package soak

import (
	"fmt"
	"os"
	"testing"

	"drawbridge/test/harness"
)

func TestMain(m *testing.M) {
	status := harness.Main(m)
	if path := os.Getenv(envReport); path != "" {
		if err := results.write(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = max(status, 1)
		}
	}
	os.Exit(status)
}
