package guard

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	// Deny adds an entry, which counts until it ends.
	Deny(ctx context.Context, e Denial) error
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
	entries := map[string]time.Time{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var d Denial
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return fmt.Errorf("denylist: %s is damaged", filepath.Base(f.path))
		}
		if !d.Until.IsZero() && !now.Before(d.Until) {
			continue
		}
		for _, key := range d.Keys() {
			if until, known := entries[key]; !known || !until.IsZero() && (d.Until.IsZero() || d.Until.After(until)) {
				entries[key] = d.Until
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("denylist: %w", err)
	}
	f.entries, f.looked, f.size, f.stamp = entries, now, info.Size(), info.ModTime()
	return nil
}

// Deny implements Denylist.
func (f *FileDenylist) Deny(_ context.Context, d Denial) error {
	if d.At.IsZero() {
		d.At = f.now()
	}
	line, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("deny: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return fmt.Errorf("deny: %w", err)
	}
	// One write of a short line to a file opened for appending is whole.
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("deny: %w", err)
	}
	_, err = file.Write(append(line, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("deny: %w", err)
	}
	f.mu.Lock()
	f.looked = time.Time{} // so that the next look is at once
	f.mu.Unlock()
	return nil
}
