package localhttp

import (
	"context"
	"errors"
	"sync"
)

const (
	// pending is how many bytes may wait for a client that reads slowly; then
	// whoever sends waits, too.
	pending = 4 << 20
	// replay is how much of what a client has got is kept for the case that its
	// connection breaks (MCP 2025-11-25, resumability), in bytes and in messages.
	replayBytes = 256 << 10
	replayMost  = 64
)

// errEnded means that a stream takes no more messages.
var errEnded = errors.New("the stream has ended")

// stream is what goes to the client over one SSE stream or as one answer: a log
// of messages with a place up to which the client has been served. It outlives a
// connection, so that a client can take it up again.
type stream struct {
	id string

	mu      sync.Mutex
	first   int      // the number of log[0]; messages are numbered from 1
	log     [][]byte // what has been served and is kept, then what waits
	served  int      // the number of the last message that was handed to the connection
	waiting int      // bytes after served
	kept    int      // bytes up to served
	ended   bool     // nothing more will come
	reader  int      // counts connections; the last one serves
	there   bool     // a connection serves now
	wake    chan struct{}
	told    func() // called, with mu held, when something changed; nil: nobody
}

func newStream(id string) *stream {
	return &stream{id: id, first: 1, wake: make(chan struct{})}
}

// ring wakes all who wait on the stream. The caller holds mu.
func (s *stream) ring() {
	close(s.wake)
	s.wake = make(chan struct{})
	if s.told != nil {
		s.told()
	}
}

// put appends a message. While a client reads slowly it waits, and while none
// is there the oldest messages that do not fit are lost.
func (s *stream) put(ctx context.Context, message []byte, last bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.there && s.waiting > pending && !s.ended {
		wake := s.wake
		s.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			s.mu.Lock()
			return ctx.Err()
		}
		s.mu.Lock()
	}
	if s.ended {
		return errEnded
	}
	s.log = append(s.log, message)
	s.waiting += len(message)
	s.ended = last
	for !s.there && s.waiting > pending && s.first+len(s.log)-1 > s.served+1 {
		s.drop()
	}
	s.ring()
	return nil
}

// drop forgets the oldest message. The caller holds mu.
func (s *stream) drop() {
	if s.first <= s.served {
		s.kept -= len(s.log[0])
	} else {
		s.waiting -= len(s.log[0])
		s.served = s.first
	}
	s.log[0] = nil
	s.log = s.log[1:]
	s.first++
}

// end says that nothing more will come.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		s.ring()
	}
}

// attach makes a connection the one that serves the stream; an earlier one
// ends. after is the number of the last message that the client has, or -1 to go
// on where the stream stands.
func (s *stream) attach(after int) (reader int) { return s.attachFor(after, nil) }

// attachFor is attach for a connection that does not wait but is told when it is
// worth looking; told must not wait.
func (s *stream) attachFor(after int, told func()) (reader int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if after >= 0 {
		after = min(max(after, s.first-1), s.first+len(s.log)-1)
		s.served, s.kept, s.waiting = after, 0, 0
		for i, m := range s.log {
			if s.first+i <= after {
				s.kept += len(m)
			} else {
				s.waiting += len(m)
			}
		}
	}
	s.reader++
	s.there = true
	s.ring() // the one before learns that it is over
	s.told = told
	return s.reader
}

// detach says that a connection serves no more.
func (s *stream) detach(reader int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reader == reader {
		s.there, s.told = false, nil
		s.ring()
	}
}

// next is the next message for a connection. more is false at the end of the
// stream, or when another connection has taken over. wake, when the message is
// nil and there is more, is closed when it is worth looking again.
func (s *stream) next(reader int) (number int, message []byte, more bool, wake <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reader != reader {
		return 0, nil, false, nil
	}
	if last := s.first + len(s.log) - 1; s.served == last {
		return 0, nil, !s.ended, s.wake
	}
	s.served++
	message = s.log[s.served-s.first]
	s.waiting -= len(message)
	s.kept += len(message)
	for s.first < s.served && (s.kept > replayBytes || s.served-s.first >= replayMost) {
		s.drop()
	}
	s.ring()
	return s.served, message, true, nil
}

// alone reports whether the stream holds its first message and no other will
// follow, and returns it.
func (s *stream) alone() ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended && s.first == 1 && len(s.log) == 1 {
		return s.log[0], true
	}
	return nil, false
}

// begun returns a channel that is closed when something has come, nil when it
// has.
func (s *stream) begun() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.log) > 0 || s.ended || s.first > 1 {
		return nil
	}
	return s.wake
}

// isServed reports whether a connection serves the stream now.
func (s *stream) isServed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.there
}

// whole returns all messages when the stream has ended and none was lost.
func (s *stream) whole() ([][]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended || s.first != 1 {
		return nil, false
	}
	return s.log, true
}

// changed returns a channel that is closed when there is more, nil when there
// will not be.
func (s *stream) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	return s.wake
}

// isDone reports whether a connection has served the stream to its end.
func (s *stream) isDone(reader int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended && s.reader == reader && s.served == s.first+len(s.log)-1
}
