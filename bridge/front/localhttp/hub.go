package localhttp

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// hub is one client's legacy session: it gives the client's messages to the
// session and sends what comes back down the right stream, the one of the
// request that it is about, else the standalone one.
type hub struct {
	id     string
	at     Target
	caller string
	who    Caller // the latest; guarded by mu
	old    bool   // HTTP+SSE of 2024-11-05: everything goes down one stream
	ctx    context.Context
	stop   context.CancelFunc

	session Session // set once, before the hub is known to others

	mu       sync.Mutex
	streams  map[string]*stream // by stream id; those of answers
	requests map[string]*wanted // by request id, as jsonrpc.SameID would fold it
	alone    *stream            // the standalone stream
	busy     int                // HTTP requests that use the session now
	idle     time.Time          // when it was last used
	next     int                // number of the next stream
	shared   time.Time          // when the store of sessions was last told that it is used
	left     []leftover         // streams whose connections have gone, the oldest first
}

// wanted is a request of the client under way.
type wanted struct {
	id     []byte
	stream *stream
	left   *int // requests of the same POST that are not answered; shared
}

func (s *Server) newHub(at Target, caller Caller, old bool) *hub {
	h := &hub{
		id: rand.Text() + rand.Text()[:6], at: at, caller: caller.Key(), who: caller, old: old,
		streams: map[string]*stream{}, requests: map[string]*wanted{}, idle: s.cfg.Now(),
	}
	h.ctx, h.stop = context.WithCancel(s.ctx)
	h.alone = newStream("0")
	return h
}

// end ends the session and all its streams.
func (h *hub) end() {
	h.stop()
	h.mu.Lock()
	h.alone.end()
	for _, s := range h.streams {
		s.end()
	}
	h.mu.Unlock()
	if h.session != nil {
		h.session.Close(closeLimit)
	}
}

// use marks the session as in use until done is called.
func (h *hub) use(now func() time.Time) (done func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.busy++
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.busy--
		h.idle = now()
	}
}

// ask notes the requests of one POST, whose answers go down one new stream. It
// reports false when an id is under way already (MCP 2025-03-26, request ids).
func (h *hub) ask(batch []jsonrpc.Message) (*stream, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	to := newStream(strconv.Itoa(h.next))
	if h.old {
		to = h.alone
	}
	left := 0
	for _, m := range batch {
		if !m.IsRequest() {
			continue
		}
		if _, taken := h.requests[fold(m.ID)]; taken {
			for _, n := range batch { // take back what this POST noted
				if w := h.requests[fold(n.ID)]; n.ID != nil && w != nil && w.left == &left {
					delete(h.requests, fold(n.ID))
				}
			}
			return nil, false
		}
		left++
		h.requests[fold(m.ID)] = &wanted{id: bytes.Clone(m.ID), stream: to, left: &left}
	}
	if !h.old {
		h.streams[to.id] = to
	}
	return to, true
}

// send takes a message of the session for the client.
func (h *hub) send(related, message []byte) error {
	m, err := jsonrpc.Parse(message)
	if err != nil {
		return err
	}
	h.mu.Lock()
	if m.IsResponse() {
		w := h.requests[fold(m.ID)]
		if w == nil {
			h.mu.Unlock()
			return nil // nobody waits for it any more
		}
		delete(h.requests, fold(m.ID))
		last := *w.left == 1 && !h.old // the answers to the others are there
		h.mu.Unlock()
		if err := w.stream.put(h.ctx, bytes.Clone(message), last); err != nil {
			return err
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if *w.left--; *w.left == 0 && !h.old { // two answers at once: neither was the last before
			w.stream.end()
		}
		return nil
	}
	to := h.alone
	if w := h.requests[fold(related)]; related != nil && w != nil {
		to = w.stream
	}
	h.mu.Unlock()
	return to.put(h.ctx, bytes.Clone(message), false)
}

// forget gives up what a POST asked, when nobody will take its stream up again.
func (h *hub) forget(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.giveUp(s)
}

// giveUp is forget with the lock held.
func (h *hub) giveUp(s *stream) {
	delete(h.streams, s.id)
	for key, w := range h.requests {
		if w.stream == s {
			delete(h.requests, key)
		}
	}
}

// find finds the stream and the place in it that an event id names. Who has found
// it serves it, and keeps it then: it is left over no more.
func (h *hub) find(eventID string) (s *stream, after int, ok bool) {
	id, n, found := strings.Cut(eventID, "-")
	after, err := strconv.Atoi(n)
	if !found || err != nil || after < 0 {
		return nil, 0, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if id == h.alone.id {
		return h.alone, after, true
	}
	s = h.streams[id]
	h.left = slices.DeleteFunc(h.left, func(l leftover) bool { return l.stream == s })
	return s, after, s != nil
}

// keep keeps a stream whose connection has gone, for a while: what was written
// to a connection that broke may not have arrived, and looks as if it had.
func (h *hub) keep(s *stream, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s == h.alone || h.streams[s.id] != s {
		return
	}
	h.left = append(h.left, leftover{s, now})
	for len(h.left) > resumeMost {
		h.drop()
	}
}

// tidy forgets streams that nobody has come back for since a moment.
func (h *hub) tidy(since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.left) > 0 && h.left[0].at.Before(since) {
		h.drop()
	}
}

// drop forgets the stream that was left first. The lock is held.
func (h *hub) drop() {
	s := h.left[0].stream
	h.left[0] = leftover{}
	h.left = h.left[1:]
	if !s.isServed() { // else it is kept anew when that connection goes
		h.giveUp(s)
	}
}

// leftover is a stream that no connection serves, and since when.
type leftover struct {
	stream *stream
	at     time.Time
}

// unused reports whether nobody has used the session since a moment.
func (h *hub) unused(since time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.busy == 0 && h.idle.Before(since)
}

// fold makes one key of the spellings of an id that mean the same.
func fold(id []byte) string {
	if len(id) == 0 || id[0] == '"' {
		return string(id)
	}
	if f, err := strconv.ParseFloat(string(id), 64); err == nil {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return string(id)
}
