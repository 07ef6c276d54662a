package guard

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Denylist knows what was revoked before its end.
type Denylist interface {
	// Denied reports whether a credential is denied, by its id, its subject or its
	// hash. id may be nil.
	Denied(ctx context.Context, id *Identity, token Hash) (bool, error)
	// Deny adds an entry, which counts until it ends. Of two that are about the same
	// the longer counts.
	Deny(ctx context.Context, e Denial) error
	// Once is Deny for what may be used once: first is false when it was denied
	// before, by whomever.
	Once(ctx context.Context, e Denial) (first bool, err error)
	// Allow takes entries back that are about the same. It reports whether there were any.
	Allow(ctx context.Context, e Denial) (any bool, err error)
}

// Denial is one entry of a denylist; one of ID, Subject and Token is set.
type Denial struct {
	// ID is a token's jti or an API key's id.
	ID string `json:"jti,omitempty"`
	// Subject is a caller.
	Subject string `json:"sub,omitempty"`
	// Token is the hash of a token, in hex. The token itself is kept nowhere.
	Token string `json:"token,omitempty"`
	// Until is when the entry may be forgotten; zero: never.
	Until time.Time `json:"until,omitzero"`
	// At is when it was denied.
	At time.Time `json:"at"`
}

// Keys are what an entry is found by.
func (d Denial) Keys() (keys []string) {
	if d.ID != "" {
		keys = append(keys, "jti:"+d.ID)
	}
	if d.Subject != "" {
		keys = append(keys, "sub:"+d.Subject)
	}
	if d.Token != "" {
		keys = append(keys, "tok:"+d.Token)
	}
	return keys
}

// FileDenylist is a Denylist in a file, one entry a line, that several processes
// share: what one of them denies the others refuse within a second.
type FileDenylist struct {
	path string
	now  func() time.Time

	mu      sync.RWMutex
	entries map[string]time.Time // until, zero: for ever
	looked  time.Time
	size    int64
	stamp   time.Time
}

// lookAgain is how often the file is looked at for others' entries.
const lookAgain = 500 * time.Millisecond

// NewFileDenylist opens the list at path, which need not exist.
func NewFileDenylist(path string, now func() time.Time) *FileDenylist {
	if now == nil {
		now = time.Now
	}
	return &FileDenylist{path: path, now: now, entries: map[string]time.Time{}}
}

// Denied implements Denylist. A file that cannot be read is an error: then nobody
// gets in.
func (f *FileDenylist) Denied(_ context.Context, id *Identity, token Hash) (bool, error) {
	now := f.now()
	f.mu.RLock()
	due := now.Sub(f.looked) >= lookAgain
	f.mu.RUnlock()
	if due {
		if err := f.load(now); err != nil {
			return false, err
		}
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if len(f.entries) == 0 {
		return false, nil
	}
	d := Denial{Token: token.String()}
	if id != nil {
		d.ID, d.Subject = id.ID, id.Subject
	}
	for _, key := range d.Keys() {
		if until, ok := f.entries[key]; ok && (until.IsZero() || now.Before(until)) {
			return true, nil
		}
	}
	return false, nil
}

// load reads the file anew when it has changed.
func (f *FileDenylist) load(now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		clear(f.entries)
		f.looked, f.size, f.stamp = now, 0, time.Time{}
		return nil
	}
	if err != nil {
		return fmt.Errorf("denylist: %w", err)
	}
	if info.Size() == f.size && info.ModTime().Equal(f.stamp) {
		f.looked = now
		return nil
	}
	file, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("denylist: %w", err)
	}
	defer func() { _ = file.Close() }()
	all, err := f.parse(file, now)
	if err != nil {
		return err
	}
	entries := map[string]time.Time{}
	for _, d := range all {
		for _, key := range d.Keys() {
			if until, known := entries[key]; !known || !until.IsZero() && (d.Until.IsZero() || d.Until.After(until)) {
				entries[key] = d.Until
			}
		}
	}
	f.entries, f.looked, f.size, f.stamp = entries, now, info.Size(), info.ModTime()
	return nil
}

// withEnds splits into lines with their ends, which the last may lack.
func withEnds(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// parse reads the entries that still count. A last line that is cut short is of
// somebody who was told that it could not be written: see append.
func (f *FileDenylist) parse(file io.Reader, now time.Time) (all []Denial, err error) {
	lines := bufio.NewScanner(file)
	lines.Split(withEnds)
	for lines.Scan() {
		var d Denial
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			if !bytes.HasSuffix(lines.Bytes(), []byte("\n")) {
				break
			}
			return nil, fmt.Errorf("denylist: %s is damaged", filepath.Base(f.path))
		}
		if d.Until.IsZero() || now.Before(d.Until) {
			all = append(all, d)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("denylist: %w", err)
	}
	return all, nil
}
