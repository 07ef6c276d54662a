//go:build unix

package harness

import (
	"os"
	"syscall"
)

// stop halts a process as it is.
func stop(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }
