package stdio

import (
	"io"
	"runtime"
	"sync"
)

// Writer writes messages to the client, one on each line. It is safe for
// concurrent use.
//
// Messages that are ready at the same time leave in one write: each write is a
// system call here and wakes the client there. A message that is alone leaves at
// once.
type Writer struct {
	mu  sync.Mutex
	out io.Writer
	// lines are not written yet. Whoever finds gathering set may leave lines behind:
	// the one that has set it is about to write.
	lines     []byte
	gathering bool
	failed    error // of a write: the client does not read any more
	// batches are those of the client that are not answered yet.
	batches []*batch
}

// keep is the size from which on lines are not gathered, and up to which their
// buffer is kept between messages.
const keep = 64 << 10

// Send writes one message, which must not hold a line break, and its line end.
// What answers a request of a batch is kept until the others are answered, too.
// The error may be that of an earlier message; messages after one that failed are
// not written.
func (w *Writer) Send(message []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.batches) > 0 && w.collect(message) {
		return w.flush()
	}
	if err := w.line(message); err != nil || w.gathering {
		return err
	}
	w.gathering = true
	w.mu.Unlock()
	runtime.Gosched() // those that have a message ready add it
	w.mu.Lock()
	w.gathering = false
	return w.write()
}

// line adds one line to those that are to be written, or writes it after them when
// it is too large to be copied. The lock is held.
func (w *Writer) line(message []byte) error {
	if len(message) < keep && len(w.lines)+len(message) < keep {
		w.lines = append(append(w.lines, message...), '\n')
		return w.failed
	}
	if err := w.write(); err != nil {
		return err
	}
	if len(message) < keep {
		w.lines = append(append(w.lines, message...), '\n')
		return nil
	}
	if _, w.failed = w.out.Write(message); w.failed == nil { // it may be many MiB
		_, w.failed = w.out.Write([]byte{'\n'})
	}
	return w.failed
}

// write writes the lines that are there. The lock is held, so that who has more
// to say waits for a client that reads slowly.
func (w *Writer) write() error {
	if len(w.lines) > 0 && w.failed == nil {
		_, w.failed = w.out.Write(w.lines)
	}
	w.lines = w.lines[:0]
	return w.failed
}
