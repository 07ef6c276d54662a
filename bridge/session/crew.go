package session

import (
	"sync"
	"time"
)

// crew runs functions, each at once and on a goroutine of its own. One that is
// done waits a moment for another function: the stack of a new goroutine grows
// anew for each call, which is a good part of what a call costs.
type crew struct {
	work *band
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

// band is the goroutines of a session. After its end has begun no more begin: a
// client's message may come while the session ends.
type band struct {
	mu   sync.Mutex
	over bool
	work sync.WaitGroup
}

// Go runs f on a goroutine of its own, unless the end has begun.
func (b *band) Go(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		b.work.Go(f)
	}
}

// Wait begins the end, and waits for it.
func (b *band) Wait() {
	b.mu.Lock()
	b.over = true
	b.mu.Unlock()
	b.work.Wait()
}
