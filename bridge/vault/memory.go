package vault

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// NewMemory makes a vault that forgets everything with the process. It is for
// tests: it shares nothing with other processes.
func NewMemory() *Vault { return New(newMemory(), 1<<20) }

type memory struct {
	mu     sync.Mutex
	values map[string]string
}

func newMemory() *memory { return &memory{values: map[string]string{}} }

func (m *memory) Get(_ context.Context, name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[name]
	if !ok {
		return "", ErrNotFound
	}
	return v, nil
}

func (m *memory) Set(_ context.Context, name, value string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[name] = value
	return nil
}

func (m *memory) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.values[name]; !ok {
		return ErrNotFound
	}
	delete(m.values, name)
	return nil
}

func (m *memory) List(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.values)), nil
}
