package cli

import (
	"os"
	"runtime/debug"
	"time"
)

const (
	// softLimit is the size, in bytes, from which on memory is collected more often
	// than the work alone asks for: what a large message leaves behind is gone
	// before the next one needs as much.
	softLimit = 64 << 20
	// restAfter is how long a bridge is idle when it gives memory back to the
	// system: soon after its start, and after its last message. That costs a
	// millisecond, when nobody waits for it.
	restAfter = 400 * time.Millisecond
)

// thrift keeps the memory of a bridge small: clients start many of them, and each
// lives as long as its client does and is mostly idle.
type thrift struct{ rest *time.Timer }

func newThrift() *thrift {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit)
	}
	return &thrift{rest: time.AfterFunc(restAfter, debug.FreeOSMemory)}
}

// after notes that a message has passed; err is returned.
func (t *thrift) after(err error) error {
	t.rest.Reset(restAfter)
	return err
}

func (t *thrift) end() { t.rest.Stop() }
