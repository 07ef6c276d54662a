// Package band is goroutines that end together: of a session, of a client between
// the eras, of the agent. A sync.WaitGroup alone may not be added to while somebody
// waits for it, which what comes from outside does.
//
// It must not know what they do.
package band

import "sync"

// Band is goroutines with one end. After that has begun no more begin. The zero
// Band is ready; it is safe for concurrent use.
type Band struct {
	mu   sync.Mutex
	over bool
	work sync.WaitGroup
}

// Go runs f on a goroutine of its own, unless the end has begun.
func (b *Band) Go(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		b.work.Go(f)
	}
}

// Wait begins the end, and waits for it.
func (b *Band) Wait() {
	b.mu.Lock()
	b.over = true
	b.mu.Unlock()
	b.work.Wait()
}
