package session

import (
	"time"

	"drawbridge/bridge/band"
)

// crew runs functions, each at once and on a goroutine of its own. One that is
// done waits a moment for another function: the stack of a new goroutine grows
// anew for each call, which is a good part of what a call costs.
type crew struct {
	work *band.Band
	next chan func()     // taken by who waits
	done <-chan struct{} // closed at the end of the session
}

// crewStays is how long a goroutine waits.
const crewStays = 100 * time.Millisecond

func (c *crew) run(f func()) {
	select {
	case c.next <- f:
	default:
		c.work.Go(func() { c.serve(f) })
	}
}

func (c *crew) serve(f func()) {
	idle := time.NewTimer(crewStays)
	defer idle.Stop()
	for {
		f()
		idle.Reset(crewStays)
		select {
		case f = <-c.next:
		case <-idle.C:
			return
		case <-c.done:
			return
		}
	}
}
