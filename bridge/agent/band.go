package agent

import "sync"

// band is the agent's goroutines. After its end has begun no more begin: a request
// that took longer than the service waits may still be at it.
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
