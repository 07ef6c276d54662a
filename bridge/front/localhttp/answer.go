package localhttp

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"time"

	"drawbridge/bridge/jsonrpc"
)

const (
	// decideLimit is how long an answer may take before a stream is begun for it,
	// so that nothing on the way takes the silence for a dead connection.
	decideLimit = 2 * time.Second
	// keepAlive is the pause after which a silent stream carries a comment.
	keepAlive = 25 * time.Second
	// writeLimit bounds one write to a client; one that reads nothing for so long
	// is gone.
	writeLimit = 30 * time.Second
	// resumeLimit is how long a stream that no connection serves is kept.
	resumeLimit = 2 * time.Minute
	// resumeMost is how many of a session's are.
	resumeMost = 8
)

// answer writes what comes down a stream: as JSON when it is nothing but the
// responses, else as SSE. It reports whether the client got it.
func (c *call) answer(h *hub, to *stream, sse, plain, isBatch bool) bool {
	if plain {
		done := c.answerJSON(h, to, sse, isBatch)
		if done {
			return true
		}
		if !sse {
			return false
		}
	}
	c.beginSSE()
	got := c.stream(to, to.attach(-1), h.ctx.Done(), nil)
	h.keep(to, c.s.cfg.Now())
	return got
}

// answerJSON waits for the responses and writes them, unless it turns out that
// there is more to say than that.
func (c *call) answerJSON(h *hub, to *stream, sse, isBatch bool) bool {
	limit := time.NewTimer(decideLimit)
	defer limit.Stop()
	for {
		if isBatch {
			if all, ok := to.whole(); ok {
				c.writeJSON(append(append([]byte("["), bytes.Join(all, []byte(","))...), ']'))
				h.forget(to)
				return true
			}
		} else if one, ok := to.alone(); ok {
			c.writeJSON(one)
			h.forget(to)
			return true
		}
		wake := to.begun()
		if wake == nil {
			if sse && !isBatch {
				return false
			}
			wake = to.changed()
			if wake == nil { // it has ended
				return c.lastOf(h, to)
			}
		}
		var decide <-chan time.Time
		if sse {
			decide = limit.C
		}
		select {
		case <-wake:
		case <-decide:
			return false
		case <-h.ctx.Done():
			c.refuse(http.StatusNotFound, codeNoSession, "The session has ended.")
			return true
		case <-c.r.Context().Done():
			h.forget(to)
			return false
		}
	}
}

// lastOf answers a client that takes JSON only and whose request was answered
// with more than a response: it gets the response.
func (c *call) lastOf(h *hub, to *stream) bool {
	all, _ := to.whole()
	if i := slices.IndexFunc(all, isResponse); i >= 0 {
		c.writeJSON(all[i])
	} else {
		c.refuse(http.StatusBadGateway, jsonrpc.CodeBridge, "The session ended before the answer came.")
	}
	h.forget(to)
	return true
}

func isResponse(raw []byte) bool {
	m, err := jsonrpc.Parse(raw)
	return err == nil && m.IsResponse()
}

func (c *call) writeJSON(message []byte) {
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(message)))
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(writeLimit + time.Duration(len(message)>>10)*time.Millisecond))
	_, _ = c.w.Write(message)
}

// stream writes messages as server-sent events, after beginSSE, until the stream ends, another
// connection takes over, or the client goes, or still says no; nil: it is an
// answer, to which the client had a right when it asked. It reports whether the
// stream was served to its end.
func (c *call) stream(s *stream, reader int, ended <-chan struct{}, still func() bool) bool {
	defer s.detach(reader)
	rc := http.NewResponseController(c.w)
	write := func(event []byte) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(writeLimit + time.Duration(len(event)>>10)*time.Millisecond))
		_, err := c.w.Write(event)
		return err == nil
	}
	if rc.Flush() != nil {
		return false
	}
	var buf []byte
	alive := time.NewTimer(keepAlive)
	defer alive.Stop()
	for {
		if still != nil && !still() {
			return false
		}
		n, message, more, wake := s.next(reader)
		switch {
		case message != nil:
			buf = appendEvent(buf[:0], s.id, n, message)
			if !write(buf) {
				return false
			}
			if cap(buf) > 64<<10 {
				buf = nil
			}
			continue
		case !more:
			return rc.Flush() == nil && s.isDone(reader)
		}
		if rc.Flush() != nil {
			return false
		}
		alive.Reset(keepAlive)
		select {
		case <-wake:
		case <-alive.C:
			if !write([]byte(": \n\n")) {
				return false
			}
		case <-c.r.Context().Done():
			return false
		case <-ended:
			return false
		}
	}
}

func (c *call) beginSSE() {
	c.sseHead()
	c.w.WriteHeader(http.StatusOK)
}

func (c *call) sseHead() {
	h := c.w.Header()
	h.Set("Content-Type", eventStream)
	h.Set("X-Accel-Buffering", "no")
}

// appendEvent writes a message as an event; jsonrpc.Parse has seen to it that
// there is no line break in it.
func appendEvent(b []byte, stream string, n int, message []byte) []byte {
	b = append(b, "event: message\n"...)
	if stream != "" {
		b = append(b, "id: "...)
		b = append(b, stream...)
		b = append(b, '-')
		b = strconv.AppendInt(b, int64(n), 10)
		b = append(b, '\n')
	}
	b = append(b, "data: "...)
	b = append(b, message...)
	return append(b, "\n\n"...)
}

// get opens the standalone stream, or takes up the one that an event id names.
func (c *call) get() {
	h, unused := c.known()
	if h == nil {
		return
	}
	if sse, _ := c.accepts(); !sse {
		unused()
		c.refuse(http.StatusNotAcceptable, jsonrpc.CodeInvalidRequest, "Accept must hold text/event-stream.")
		return
	}
	s, after := h.alone, -1
	if last := c.r.Header.Get("Last-Event-ID"); last != "" {
		var ok bool
		if s, after, ok = h.find(last); !ok {
			unused()
			c.refuse(http.StatusBadRequest, jsonrpc.CodeInvalidRequest, "There is no such event to go on from.")
			return
		}
	}
	now := c.s.cfg.Now
	done := func() {
		h.keep(s, now())
		unused()
	}
	if c.last(h.ctx, s, after, "", c.s.still(h.latest), done) {
		return
	}
	defer done()
	c.beginSSE()
	c.stream(s, s.attach(after), h.ctx.Done(), c.s.still(h.latest))
}
