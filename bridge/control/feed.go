package control

import (
	"reflect"
	"slices"
	"sync"
)

// Feed holds the current snapshot and tells any number of readers when it
// changes. A reader that is slow is never queued for: it gets what has become
// of the state meanwhile, in one step. The zero value is ready to use.
type Feed struct {
	mu      sync.Mutex
	current Snapshot
	// changed is closed, and replaced, at each change.
	changed chan struct{}
	quit    bool
}

// Publish makes s the current snapshot and gives it the next Seq, unless it
// says the same as the current one. The caller must not touch s's parts
// afterwards.
func (f *Feed) Publish(s Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Seq = f.current.Seq
	if s.Seq > 0 && reflect.DeepEqual(s, f.current) {
		return
	}
	s.Seq++
	f.current = s
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// Quit notes that the agent is about to end because somebody told it to.
func (f *Feed) Quit() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.quit = true
}

// Quits reports whether Quit was called.
func (f *Feed) Quits() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.quit
}

// Snapshot returns the current snapshot; its parts are shared and read-only.
func (f *Feed) Snapshot() Snapshot {
	s, _ := f.Look()
	return s
}

// Look returns the current snapshot, its parts shared and read-only, and a
// channel that is closed when there is another.
func (f *Feed) Look() (Snapshot, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.current, f.changed
}

// difference is the change that leads a reader from one snapshot to a later
// one: the smallest of the forms that Change describes.
func difference(from, to Snapshot) Change {
	whole := Change{Seq: to.Seq, Snapshot: &to}
	if from.Version != to.Version || !reflect.DeepEqual(from.Problem, to.Problem) || !reflect.DeepEqual(from.Preferences, to.Preferences) {
		return whole
	}
	switch len(to.Servers) - len(from.Servers) {
	case 0:
		at := -1
		for i := range to.Servers {
			if from.Servers[i].Key != to.Servers[i].Key {
				return whole
			}
			if !reflect.DeepEqual(from.Servers[i], to.Servers[i]) {
				if at >= 0 {
					return whole
				}
				at = i
			}
		}
		if at >= 0 {
			return Change{Seq: to.Seq, Server: &to.Servers[at]}
		}
	case 1: // new at the end
		if reflect.DeepEqual(from.Servers, to.Servers[:len(from.Servers)]) || len(from.Servers) == 0 {
			return Change{Seq: to.Seq, Server: &to.Servers[len(from.Servers)]}
		}
	case -1:
		for i, server := range from.Servers {
			rest := slices.Delete(slices.Clone(from.Servers), i, i+1)
			if reflect.DeepEqual(rest, to.Servers) || len(to.Servers) == 0 {
				return Change{Seq: to.Seq, Removed: server.Key}
			}
		}
	}
	return whole
}

// Apply returns the snapshot after the change. A server that is new goes to
// the end; a change that is older than s is ignored.
func (s Snapshot) Apply(c Change) Snapshot {
	if c.Snapshot != nil {
		return *c.Snapshot
	}
	if c.Seq <= s.Seq {
		return s
	}
	s.Seq = c.Seq
	s.Servers = slices.Clone(s.Servers)
	if c.Removed != "" {
		s.Servers = slices.DeleteFunc(s.Servers, func(server Server) bool { return server.Key == c.Removed })
	}
	if c.Server != nil {
		i := slices.IndexFunc(s.Servers, func(server Server) bool { return server.Key == c.Server.Key })
		if i >= 0 {
			s.Servers[i] = *c.Server
		} else {
			s.Servers = append(s.Servers, *c.Server)
		}
	}
	return s
}
