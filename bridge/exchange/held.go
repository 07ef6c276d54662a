package exchange

import "sync"

// Held is what the callers of open sessions showed last. A session outlives the
// token that it was opened with: a client renews its token and goes on.
type Held struct {
	mu sync.Mutex
	by map[string]*holding
}

type holding struct {
	subject  Subject
	sessions int
}

// NewHeld makes a Held.
func NewHeld() *Held { return &Held{by: map[string]*holding{}} }

// Hold begins to hold for a session of a caller, until release is called.
func (h *Held) Hold(key string, s Subject) (release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.by[key]
	if one == nil {
		one = &holding{}
		h.by[key] = one
	}
	one.subject = s
	one.sessions++
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if one.sessions--; one.sessions == 0 {
			delete(h.by, key)
		}
	})
}

// Seen notes what a caller showed now. Callers without a session are not held.
func (h *Held) Seen(key string, s Subject) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one := h.by[key]; one != nil {
		one.subject = s
	}
}

// Last is what the caller showed last.
func (h *Held) Last(key string) Subject {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one := h.by[key]; one != nil {
		return one.subject
	}
	return Subject{}
}
