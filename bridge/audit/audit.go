// Package audit keeps the record of who did what through Drawbridge: one JSON
// object a line, each with the hash of the one before, so that a line that was
// changed or taken out is noticed.
//
// It must not be given a secret, nor an argument or a result of a call.
package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// Entry is one line of the record.
type Entry struct {
	Time time.Time `json:"time"`
	// Event is allowed, denied, limited, answered, revoked, signed_in, refreshed, key
	// created, started, ended or lost. What belongs to a caller of the local bridge
	// has a Mode.
	Event string `json:"event"`
	// Subject, Email and Client are the caller; Mode is how it was recognised.
	Subject string `json:"subject,omitempty"`
	Email   string `json:"email,omitempty"`
	Client  string `json:"client,omitempty"`
	Mode    string `json:"mode,omitempty"`
	Address string `json:"address,omitempty"`
	// Server, Account, Method and Name (tool, prompt, resource) are what it was
	// about.
	Server  string `json:"server,omitempty"`
	Account string `json:"account,omitempty"`
	Method  string `json:"method,omitempty"`
	Name    string `json:"name,omitempty"`
	// Reason says why not.
	Reason string `json:"reason,omitempty"`
	// Millis is the duration.
	Millis    int64  `json:"ms,omitempty"`
	RequestID string `json:"request_id,omitempty"`
	// Previous is the hash of the line before, "" in the first of all.
	Previous string `json:"prev"`
}

const (
	// DefaultMaxSize is the size at which a file is put aside and a new one begun.
	DefaultMaxSize = 16 << 20
	// waiting bounds the entries that wait to be written.
	waiting = 4096
	// gather is how long entries are gathered before they are written together: to
	// take the lock and open the file for each would cost more than a request does.
	gather  = 50 * time.Millisecond
	maxLine = 64 << 10
	// lockLimit bounds the wait for other writers.
	lockLimit = 5 * time.Second
	lockPoll  = 10 * time.Millisecond
)

// Log appends to the record. Several processes may do so at the same time. Make
// it with Open, end it with Close.
type Log struct {
	path string
	max  int64
	fail func(error)

	entries chan Entry
	done    chan struct{}

	mu     sync.Mutex
	closed bool
	lost   int

	last ending // the run goroutine's
}

// ending is how the file looked after our last write: while it looks so, nobody
// else has written, and its last line need not be read again.
type ending struct {
	hash string
	size int64
	file fs.FileInfo
}

func (e ending) holds(path string) bool {
	if e.file == nil {
		return false
	}
	now, err := os.Stat(path)
	return err == nil && now.Size() == e.size && os.SameFile(now, e.file)
}

// Open opens the record in a folder, which is made. maxSize 0 means
// DefaultMaxSize. fail is told what goes wrong later; nil: nobody.
func Open(dir string, maxSize int64, fail func(error)) (*Log, error) {
	if maxSize <= 0 {
		maxSize = DefaultMaxSize
	}
	if fail == nil {
		fail = func(error) {}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	l := &Log{path: filepath.Join(dir, current), max: maxSize, fail: fail, entries: make(chan Entry, waiting), done: make(chan struct{})}
	go l.run()
	return l, nil
}

// Append appends one entry and returns when it is written.
func Append(dir string, e Entry) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	l := &Log{path: filepath.Join(dir, current), max: DefaultMaxSize}
	return l.write([]Entry{e})
}

// Add appends an entry. It does not wait: when too many are waiting, or they cannot
// be written, the entry is lost, and the record says how many were.
func (l *Log) Add(e Entry) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	select {
	case l.entries <- e:
	default:
		l.lost++
	}
}

// Close writes what waits and ends, at the latest with ctx.
func (l *Log) Close(ctx context.Context) {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.entries)
	}
	l.mu.Unlock()
	select {
	case <-l.done:
	case <-ctx.Done():
	}
}

func (l *Log) run() {
	defer close(l.done)
	for e := range l.entries {
		batch := []Entry{e}
		enough := time.NewTimer(gather)
	more:
		for len(batch) < 256 {
			select {
			case e, ok := <-l.entries:
				if !ok {
					break more
				}
				batch = append(batch, e)
			case <-enough.C:
				break more
			}
		}
		enough.Stop()
		l.mu.Lock()
		ours, lost := len(batch), l.lost
		l.lost = 0
		l.mu.Unlock()
		if lost > 0 {
			batch = append(batch, Entry{Time: time.Now(), Event: "lost", Reason: fmt.Sprintf("%d entries", lost)})
		}
		if err := l.write(batch); err != nil {
			l.mu.Lock()
			l.lost += ours + lost // the record says so when it can be written again
			l.mu.Unlock()
			l.fail(err)
		}
	}
}

const current = "audit.jsonl"

// write appends entries under a lock, chained to the last line that is there,
// whoever wrote it.
func (l *Log) write(batch []Entry) error {
	lock := flock.New(l.path+".lock", flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), lockLimit)
	defer cancel()
	if ok, err := lock.TryLockContext(ctx, lockPoll); err != nil || !ok {
		return fmt.Errorf("audit: lock: %w", errors.Join(err, ctx.Err()))
	}
	defer func() { _ = lock.Unlock() }()
	previous, size := l.last.hash, l.last.size
	if !l.last.holds(l.path) {
		var err error
		previous, size, err = lastHash(l.path)
		if errors.Is(err, fs.ErrNotExist) {
			previous, err = newestRotated(filepath.Dir(l.path))
		}
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
	}
	l.last = ending{}
	if size > l.max {
		name := time.Now().UTC().Format("audit-20060102T150405.000000000Z.jsonl")
		if err := os.Rename(l.path, filepath.Join(filepath.Dir(l.path), name)); err != nil {
			return fmt.Errorf("audit: rotate: %w", err)
		}
	}
	var out bytes.Buffer
	for _, e := range batch {
		e.Previous = previous
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		out.Write(line)
		out.WriteByte('\n')
		previous = hashOf(line)
	}
	file, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	info, err := appendAll(file, out.Bytes())
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	l.last = ending{previous, info.Size(), info}
	return nil
}

// appendAll writes all lines or none: those of a batch that failed count as lost.
func appendAll(file *os.File, lines []byte) (after fs.FileInfo, err error) {
	before, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if _, err = file.Write(lines); err == nil {
		after, err = file.Stat()
	}
	if err != nil {
		err = errors.Join(err, file.Truncate(before.Size()))
	}
	return after, err
}

func hashOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// lastHash is the hash of the last whole line of a file. A line that a crash cut
// short is not there; what follows it begins a line of its own.
func lastHash(path string) (hash string, size int64, err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return "", 0, err
	}
	size = info.Size()
	tail := make([]byte, min(size, 2*maxLine))
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return "", 0, err
	}
	if n := len(tail); n > 0 && tail[n-1] != '\n' {
		keep := bytes.LastIndexByte(tail, '\n') + 1
		if err := file.Truncate(size - int64(n-keep)); err != nil {
			return "", 0, err
		}
		size -= int64(n - keep)
		tail = tail[:keep]
	}
	tail = bytes.TrimSuffix(tail, []byte("\n"))
	if len(tail) == 0 {
		previous, err := newestRotated(filepath.Dir(path))
		return previous, size, err
	}
	return hashOf(tail[bytes.LastIndexByte(tail, '\n')+1:]), size, nil
}

func newestRotated(dir string) (string, error) {
	names, err := rotated(dir)
	if err != nil || len(names) == 0 {
		return "", err
	}
	hash, _, err := lastHash(names[len(names)-1])
	return hash, err
}
