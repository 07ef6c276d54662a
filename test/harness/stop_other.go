//go:build !unix

package harness

import (
	"errors"
	"os"
)

// stop halts a process as it is, which not every system can.
func stop(*os.Process) error { return errors.ErrUnsupported }
