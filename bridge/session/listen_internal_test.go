package session

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/remote"
)

// streams is a server of which only the streams matter.
type streams struct {
	Remote

	mu   sync.Mutex
	open int
	over chan struct{} // closed: those that are open have ended
}

func (r *streams) Listen(ctx context.Context, opened func(), _ func([]byte)) error {
	r.mu.Lock()
	r.open++
	over := r.over
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.open--
	}()
	opened()
	select {
	case <-over:
		return fmt.Errorf("%w: ended", remote.ErrGone)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *streams) Delete(context.Context, time.Duration) {}

// end ends the streams that are open.
func (r *streams) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.over)
	r.over = make(chan struct{})
}

// The stream finds the new session by itself, and is then the right one: it does
// not end when the session is said to be there.
func TestTheStreamOfTheRightSessionStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &streams{over: make(chan struct{})}
		s := New(Config{Remote: r})
		defer s.Close(time.Second)
		listen := func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.listen()
		}
		want := func(when string) {
			t.Helper()
			synctest.Wait()
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.open != 1 {
				t.Errorf("%s: %d streams", when, r.open)
			}
		}
		s.becameReady(false)
		listen()
		want("at first")
		s.becameReady(false)
		r.end()
		want("after another session")
		listen()
		want("after its initialized")
		s.becameReady(false)
		listen()
		want("after another session beside a stream that hangs open")
	})
}

// A call that sees the session waits for its stream.
func TestASessionIsThereWithItsStream(t *testing.T) {
	s := New(Config{Remote: &streams{over: make(chan struct{})}})
	defer s.Close(time.Second)
	s.becameReady(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.listening || s.stream == nil {
		t.Error("ready, and no stream to wait for")
	}
}
