package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"

	"drawbridge/bridge/jsonrpc"
)

// legacyStream is one session: its stream and who waits for what comes down it.
type legacyStream struct {
	address string // for the client's messages
	kept    *cookies
	cancel  context.CancelFunc
	done    chan struct{} // closed at the stream's end
	err     error         // why it ended; set before done is closed

	mu       sync.Mutex
	waiting  []*legacyCall
	listener func(raw []byte)
	early    [][]byte // what came before anybody listened
}

// legacyCall is a request that waits for its response.
type legacyCall struct {
	id      json.RawMessage
	deliver Deliver
	got     chan struct{} // closed when the response was delivered
	busy    sync.Mutex    // held while deliver runs
	over    bool          // guarded by busy: nobody waits any more
}

// earlyMost bounds the messages that are kept until somebody listens.
const earlyMost = 256

// read delivers what comes down the stream until it ends.
func (s *legacyStream) read(events *EventReader) error {
	for {
		e, err := events.Next()
		if err != nil {
			return err
		}
		if len(e.Data) == 0 || e.Type != "message" {
			continue
		}
		parts, err := jsonrpc.Split(e.Data)
		if err != nil {
			continue
		}
		for _, raw := range parts {
			s.take(raw)
		}
	}
}

// take gives a message to the request that it answers, else to the listener.
func (s *legacyStream) take(raw []byte) {
	m, err := jsonrpc.Parse(raw)
	if err == nil && m.IsResponse() {
		if call := s.callFor(m); call != nil {
			call.busy.Lock()
			defer call.busy.Unlock()
			if !call.over && call.deliver(raw) {
				call.over = true
				close(call.got)
			}
		}
		return // else nobody waits for it
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		s.listener(raw)
	} else if len(s.early) < earlyMost {
		s.early = append(s.early, bytes.Clone(raw))
	}
}

func (s *legacyStream) callFor(m jsonrpc.Message) *legacyCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, call := range s.waiting {
		if jsonrpc.SameID(call.id, m.ID) {
			return call
		}
	}
	if m.ID == nil && len(s.waiting) == 1 { // an error that does not say whose it is
		return s.waiting[0]
	}
	return nil
}

func (s *legacyStream) forget(call *legacyCall) {
	s.mu.Lock()
	for i, c := range s.waiting {
		if c == call {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			break
		}
	}
	s.mu.Unlock()
	call.busy.Lock() // nothing is delivered after we return
	call.over = true
	call.busy.Unlock()
}
