package localhttp

import (
	"context"
	"sync"
	"time"
)

const (
	// stillEvery is how often, at most, it is looked whether a stream's reader would
	// still be let in: before something goes down it, and while it is silent with
	// each sign of life.
	stillEvery = 500 * time.Millisecond
	// stillLimit bounds one look.
	stillLimit = 20 * time.Second
)

// still makes the question whether who reads a stream that lasts may go on. A
// stream is opened with one credential and may outlive it by hours.
func (s *Server) still(who func() Caller) func() bool {
	var mu sync.Mutex
	looked, good := s.cfg.Now(), true
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		if now := s.cfg.Now(); good && now.Sub(looked) >= stillEvery {
			ctx, cancel := context.WithTimeout(s.ctx, stillLimit)
			defer cancel()
			looked, good = now, who().Good(ctx)
		}
		return good
	}
}

// latest is who used the session last: the same caller as ever, perhaps with a
// newer token than the one that a stream was opened with.
func (h *hub) latest() Caller {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.who
}

// seen notes the caller of a request.
func (h *hub) seen(c Caller) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.who = c
}
