package era

import "sync"

// band is the goroutines of a Client. After its end has begun no more begin: a
// message may come while the client ends.
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
