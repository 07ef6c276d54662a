package credential_test

import (
	"sync/atomic"
	"time"
)

// clock is the real one, but for what a test has passed of it or has stopped it at.
type clock struct{ ahead, stopped atomic.Int64 }

func (c *clock) now() time.Time {
	if at := c.stopped.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Now().Round(0).Add(time.Duration(c.ahead.Load()))
}

func (c *clock) pass(d time.Duration) { c.ahead.Add(int64(d)) }
func (c *clock) stop(at time.Time)    { c.stopped.Store(at.UnixNano()) }

const (
	// longEnough is for what must happen, on the busiest machine too.
	longEnough = 2 * time.Minute
	// life is of tokens that end when a test has passed it, and not before.
	life = 10 * time.Minute
	// lookAgain is more than the second after which a process looks again what
	// others did, and after which it tries again what went wrong.
	lookAgain = 2 * time.Second
)
