package authproxy

import (
	"context"
	"errors"
	"sync"
	"time"
)

// mostKept bounds the sign-ins that are under way at once.
const mostKept = 4096

// errFull means that too many sign-ins are under way.
var errFull = errors.New("too many sign-ins are under way")

// Memory is the Store of one process.
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[string]kept
	swept   time.Time
}

type kept struct {
	value []byte
	until time.Time
}

// NewMemory makes a Memory; now may be nil.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, entries: map[string]kept{}}
}

// Put implements Store. When it is full nothing is pushed out: somebody who begins
// many sign-ins ends nobody else's.
func (m *Memory) Put(_ context.Context, key string, value []byte, life time.Duration) error {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries) >= mostKept || now.Sub(m.swept) > codeTime {
		for k, e := range m.entries {
			if !now.Before(e.until) {
				delete(m.entries, k)
			}
		}
		m.swept = now
	}
	if len(m.entries) >= mostKept {
		return errFull
	}
	m.entries[key] = kept{value, now.Add(life)}
	return nil
}

// Take implements Store.
func (m *Memory) Take(_ context.Context, key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	delete(m.entries, key)
	if !ok || !m.now().Before(e.until) {
		return nil, false, nil
	}
	return e.value, true, nil
}
