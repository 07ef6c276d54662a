package stdio

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Log passes log lines on to the standard error output, which a client need not
// read: when its pipe is full, lines are dropped and counted, and nobody who
// logs waits.
type Log struct {
	out   io.Writer
	lines chan []byte
	ended chan struct{} // closed when all lines are written after Close

	mu     sync.Mutex
	lost   int
	closed bool
}

// logLines is how many lines may wait.
const logLines = 256

// NewLog starts passing lines on to out; Close ends that.
func NewLog(out io.Writer) *Log {
	l := &Log{out: out, lines: make(chan []byte, logLines), ended: make(chan struct{})}
	go l.pass()
	return l
}

func (l *Log) pass() {
	defer close(l.ended)
	for line := range l.lines {
		l.mu.Lock()
		lost := l.lost
		l.lost = 0
		l.mu.Unlock()
		_, _ = l.out.Write(line) // there is nowhere to tell
		if lost > 0 {
			_, _ = fmt.Fprintf(l.out, "(%d lines of the log were not read in time)\n", lost)
		}
	}
}

// Write takes a line. It never waits and never fails.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return len(line), nil
	}
	select {
	case l.lines <- append([]byte(nil), line...):
	default:
		l.lost++
	}
	return len(line), nil
}

// Close waits until the lines are written, at most limit. A write that nobody
// reads cannot be stopped: it ends with the process.
func (l *Log) Close(limit time.Duration) {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.lines)
	}
	l.mu.Unlock()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-l.ended:
	case <-t.C:
	}
}
