//go:build !windows

package cli

import (
	"os/signal"
	"syscall"
)

// leaveForeground lets a read from the terminal fail in a process that a shell
// has put in the background, instead of stopping the process.
func leaveForeground() { signal.Ignore(syscall.SIGTTIN) }
