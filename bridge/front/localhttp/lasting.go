package localhttp

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// lasting is a connection that serves a stream on which nothing may happen for
// hours. It is taken from net/http, whose buffers, request and handler would be
// kept for all that time: what is left is one goroutine that waits for the end of
// the connection. Who has something to say writes, one at a time.
type lasting struct {
	conn   net.Conn
	s      *stream
	reader int
	still  func() bool // whether the reader may go on

	mu     sync.Mutex
	busy   bool // somebody writes
	again  bool // and there is more
	ending bool // who writes ends it
	gone   bool
	alive  *time.Timer
}

// goodbyeLimit bounds the write that ends a stream.
const goodbyeLimit = time.Second

// last serves a stream as SSE, beginning with first, over the request's connection
// for as long as both last, still says yes, and ctx has not ended, and calls done
// at the end. It reports false, and has done nothing, when the connection cannot be had by itself.
func (c *call) last(ctx context.Context, s *stream, after int, first string, still func() bool, done func()) bool {
	if !c.r.ProtoAtLeast(1, 1) {
		return false
	}
	conn, _, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		return false
	}
	head := []byte("HTTP/1.1 200 OK\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n")
	c.sseHead()
	for name, values := range c.w.Header() {
		for _, v := range values {
			head = fmt.Appendf(head, "%s: %s\r\n", name, v)
		}
	}
	head = append(head, "\r\n"...)
	if first != "" {
		head = appendChunk(head, []byte(first))
	}
	l := &lasting{conn: conn, s: s, still: still, busy: true}
	l.alive = time.AfterFunc(keepAlive, l.beat) // finds it busy until the head is written
	// Before the client sees that it has a stream: it may open the next one then.
	l.reader = s.attachFor(after, l.kick)
	if c.s.begin(func() { l.wait(ctx, done) }) {
		go l.write(head)
		return true
	}
	l.end(false) // everything ends just now
	s.detach(l.reader)
	done()
	return true
}

// begin runs a stream, which must not hold the request that opened it, in a
// goroutine that Close waits for. It reports false after Close.
func (s *Server) begin(stream func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.streams.Add(1)
	s.work.Go(func() {
		defer s.streams.Add(-1)
		stream()
	})
	return true
}

// wait returns when the connection has ended, from whichever side.
func (l *lasting) wait(ctx context.Context, done func()) {
	stop := context.AfterFunc(ctx, func() { l.end(true) })
	var one [1]byte
	_, _ = l.conn.Read(one[:]) // a client has nothing to say here; one that does is sent away
	stop()
	l.end(false)
	l.s.detach(l.reader)
	done()
}

// kick has what waits on the stream written. It does not wait.
func (l *lasting) kick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.gone:
	case l.busy:
		l.again = true
	default:
		l.busy = true
		go l.write(nil)
	}
}

// beat writes a comment, when the stream was silent for long.
func (l *lasting) beat() {
	l.mu.Lock()
	if l.gone || l.busy {
		l.mu.Unlock()
		return
	}
	l.busy = true
	l.mu.Unlock()
	if l.still() {
		l.write(appendChunk(nil, []byte(": \n\n")))
	} else {
		l.leave(true)
	}
}

// write writes first, and then until nothing waits any more. The caller has set
// busy.
func (l *lasting) write(first []byte) {
	var buf []byte
	ok := first == nil || l.put(first)
	for ok {
		if !l.still() {
			l.leave(true)
			return
		}
		n, message, more, _ := l.s.next(l.reader)
		if message != nil {
			buf = appendEvent(buf[:0], l.s.id, n, message)
			ok = l.put(appendChunk(nil, buf))
		}
		l.mu.Lock()
		switch {
		case l.ending || l.gone || message == nil && !more:
			l.mu.Unlock()
			l.leave(ok)
			return
		case message == nil && !l.again:
			l.busy = false
			l.alive.Reset(keepAlive)
			l.mu.Unlock()
			return
		case message == nil:
			l.again = false
		}
		l.mu.Unlock()
	}
	l.end(false)
}

// leave ends the connection for who writes.
func (l *lasting) leave(inOrder bool) {
	l.mu.Lock()
	l.busy = false
	l.mu.Unlock()
	l.end(inOrder)
}

// put writes.
func (l *lasting) put(some []byte) bool {
	l.mu.Lock()
	if !l.ending {
		_ = l.conn.SetWriteDeadline(time.Now().Add(writeLimit + time.Duration(len(some)>>10)*time.Millisecond))
	}
	l.mu.Unlock()
	_, err := l.conn.Write(some)
	return err == nil
}

// end closes the connection. In order, the client is told that this is the end
// and not a break; who is writing then does so within goodbyeLimit.
func (l *lasting) end(inOrder bool) {
	l.mu.Lock()
	if inOrder && l.busy && !l.gone {
		l.ending = true
		_ = l.conn.SetWriteDeadline(time.Now().Add(goodbyeLimit))
	}
	if l.gone || inOrder && l.busy {
		l.mu.Unlock()
		return
	}
	l.gone = true
	l.alive.Stop()
	l.mu.Unlock()
	if inOrder {
		_ = l.conn.SetWriteDeadline(time.Now().Add(goodbyeLimit))
		_, _ = l.conn.Write([]byte("0\r\n\r\n"))
	}
	_ = l.conn.Close()
}

// appendChunk is a chunk of RFC 9112 §7.1.
func appendChunk(to, data []byte) []byte {
	to = fmt.Appendf(to, "%x\r\n", len(data))
	to = append(to, data...)
	return append(to, "\r\n"...)
}
