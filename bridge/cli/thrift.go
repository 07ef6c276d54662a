package cli

import (
	"os"
	"runtime/debug"
	"time"
)

const (
	// softLimit is the size, in bytes, from which on memory is collected more often
	// than the work alone asks for: what a large message leaves behind is gone
	// before the next one needs as much. Clients start many of us.
	softLimit = 64 << 20
	// large is a message after which memory is given back to the system, restAfter
	// how long after it.
	large     = 4 << 20
	restAfter = time.Second
)

// thrift keeps the memory of a bridge small: it lives as long as its client does
// and is mostly idle.
type thrift struct{ rest *time.Timer }

func newThrift() *thrift {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit)
	}
	t := &thrift{rest: time.AfterFunc(time.Hour, debug.FreeOSMemory)}
	t.rest.Stop()
	return t
}

// after notes that a message of so many bytes has passed; err is returned.
func (t *thrift) after(bytes int, err error) error {
	if bytes >= large {
		t.rest.Reset(restAfter)
	}
	return err
}

func (t *thrift) end() { t.rest.Stop() }
