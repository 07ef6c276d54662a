package remote

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"sync"
	"time"
)

// mark is the byte order mark that may open a stream.
const mark = "\xef\xbb\xbf"

// handOver is from which length on a line becomes the event's data as it is, and
// is not copied.
const handOver = 8 << 10

// Event is one server-sent event (WHATWG HTML §9.2).
type Event struct {
	// Type is the event's name, "message" when none was given.
	Type string
	// Data is the data lines joined by line feeds; empty when there were none.
	// It is the caller's to keep.
	Data []byte
	// ID is the id field, "" when none was given.
	ID string
	// Retry is the retry field, 0 when none was given.
	Retry time.Duration
}

// EventReader reads server-sent events. Lines may end in LF, CRLF or CR, a byte
// order mark may come first, and an event that the stream breaks off is not
// delivered, as the specification says.
type EventReader struct {
	r       *bufio.Reader
	patient io.Reader // what r reads, when r is given back while nothing comes; see newPatientReader
	first   [32]byte  // of what comes after that
	limit   int
	begun   bool
	cr      bool // the last line ended in CR: an LF that follows belongs to it
	line    []byte
}

// NewEventReader reads events from r, each with up to limit bytes.
func NewEventReader(r io.Reader, limit int) *EventReader {
	buffered := buffers.Get().(*bufio.Reader)
	buffered.Reset(r)
	return &EventReader{r: buffered, limit: limit}
}

// newPatientReader is NewEventReader for a stream on which nothing may come for
// hours: meanwhile it has no buffer. A local bridge has thousands of these.
func newPatientReader(r io.Reader, limit int) *EventReader {
	return &EventReader{patient: r, limit: limit}
}

// await waits without a buffer until something comes, unless some of it is here
// already.
func (e *EventReader) await() error {
	if e.r != nil {
		if e.r.Buffered() > 0 {
			return nil
		}
		e.release()
	}
	if cap(e.line) > 1<<10 {
		e.line = nil
	}
	for {
		n, err := e.patient.Read(e.first[:])
		if n > 0 {
			e.r = buffers.Get().(*bufio.Reader)
			e.r.Reset(&continued{e.first[:n], e.patient})
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// continued reads what was read already, and then on.
type continued struct {
	head []byte
	r    io.Reader
}

// Read implements io.Reader.
func (c *continued) Read(p []byte) (int, error) {
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	return c.r.Read(p)
}

// buffers are read buffers for the next stream: each call may be answered by one.
var buffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 16<<10) }}

// release ends the use of the reader; what it returned stays good.
func (e *EventReader) release() {
	if e.r == nil {
		return
	}
	e.r.Reset(nil)
	buffers.Put(e.r)
	e.r = nil
}

// Next returns the next event: one with data, an id or a retry time. It returns
// io.EOF at the end of the stream, ErrTooLarge, or the reader's error.
func (e *EventReader) Next() (Event, error) {
	event := Event{Type: "message"}
	var data []byte
	some, hasData := false, false
	for {
		if e.patient != nil && !some { // between two events
			if err := e.await(); err != nil {
				return Event{Type: "message"}, err
			}
		}
		line, err := e.readLine()
		if err != nil {
			return Event{Type: "message"}, err
		}
		if len(line) == 0 {
			if !some {
				event.Type = "message"
				continue
			}
			event.Data = data
			return event, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "data":
			if hasData {
				data = append(data, '\n')
			}
			if len(data)+len(value) > e.limit {
				return Event{Type: "message"}, ErrTooLarge
			}
			if !hasData && len(value) >= handOver {
				data, e.line = value, nil // its only copy
			} else {
				data = append(data, value...)
			}
			some, hasData = true, true
		case "event":
			event.Type = string(value)
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				event.ID, some = string(value), true
			}
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				event.Retry, some = time.Duration(ms)*time.Millisecond, true
			}
		}
	}
}

// readLine returns a line without its end; it is good until the next call.
func (e *EventReader) readLine() ([]byte, error) {
	e.line = e.line[:0]
	for {
		b, err := e.r.Peek(1)
		if err != nil {
			return nil, err // what was read of a last line is dropped with its event
		}
		if e.cr {
			e.cr = false
			if b[0] == '\n' {
				_, _ = e.r.Discard(1)
				continue
			}
		}
		if !e.begun {
			e.begun = true
			if b[0] == mark[0] {
				if b, _ := e.r.Peek(len(mark)); string(b) == mark {
					_, _ = e.r.Discard(len(mark))
					continue
				}
			}
		}
		window, _ := e.r.Peek(e.r.Buffered())
		end := lineEnd(window)
		if end < 0 {
			e.line = append(e.line, window...)
			_, _ = e.r.Discard(len(window))
			if len(e.line) > e.limit+16 {
				return nil, ErrTooLarge
			}
			continue
		}
		e.cr = window[end] == '\r'
		e.line = append(e.line, window[:end]...)
		_, _ = e.r.Discard(end + 1)
		return e.line, nil
	}
}

// lineEnd is the index of the first CR or LF, or -1.
func lineEnd(b []byte) int {
	lf := bytes.IndexByte(b, '\n')
	if lf >= 0 {
		b = b[:lf]
	}
	if cr := bytes.IndexByte(b, '\r'); cr >= 0 {
		return cr
	}
	return lf
}
