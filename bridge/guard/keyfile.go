package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"drawbridge/bridge/config"
)

// FileKeys keeps API keys, by their hashes, in a file that several processes
// share: a key that one of them revokes opens nothing at the others within a
// second.
type FileKeys struct {
	path string
	now  func() time.Time
	// changed is told when the file is another than before.
	changed func()

	mu     sync.Mutex
	keys   []APIKey
	looked time.Time
	stamp  time.Time
	size   int64
}

// keysLock bounds the wait for another process that writes the file.
const keysLock = 5 * time.Second

// NewFileKeys opens the store at path, which need not exist. changed may be nil.
func NewFileKeys(path string, now func() time.Time, changed func()) *FileKeys {
	if now == nil {
		now = time.Now
	}
	if changed == nil {
		changed = func() {}
	}
	return &FileKeys{path: path, now: now, changed: changed}
}

// Find implements KeyStore.
func (f *FileKeys) Find(_ context.Context, id string) (APIKey, bool, error) {
	k, known, other, err := f.find(id)
	if other { // Watch will not see it any more
		f.changed()
	}
	return k, known, err
}

// find also reports whether the file is another than before.
func (f *FileKeys) find(id string) (k APIKey, known, other bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if other, err = f.look(); err != nil {
		return k, false, other, err
	}
	i := f.index(id)
	if i < 0 { // made a moment ago, perhaps
		late, err := f.read(f.now())
		if other = other || late; err != nil {
			return k, false, other, err
		}
		i = f.index(id)
	}
	if i < 0 {
		return k, false, other, nil
	}
	return f.keys[i], true, other, nil
}

// Watch looks for changes by other processes until ctx ends.
func (f *FileKeys) Watch(ctx context.Context) {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.mu.Lock()
			other, err := f.look()
			f.mu.Unlock()
			if other || err != nil {
				f.changed()
			}
		}
	}
}

// List returns all keys, in the order in which they were made.
func (f *FileKeys) List() ([]APIKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.look(); err != nil {
		return nil, err
	}
	return slices.Clone(f.keys), nil
}

// Add stores a key.
func (f *FileKeys) Add(ctx context.Context, k APIKey) error {
	return f.update(ctx, func(keys []APIKey) ([]APIKey, error) { return append(keys, k), nil })
}

// ErrNoAPIKey means that there is no key of the id or client.
var ErrNoAPIKey = errors.New("there is no such API key")

// ErrSeveralAPIKeys means that a client has more than one key that counts.
var ErrSeveralAPIKeys = errors.New("the client has several API keys")

// Revoke ends the key with the id, or every key of a client, and returns them.
func (f *FileKeys) Revoke(ctx context.Context, idOrClient string) (revoked []APIKey, err error) {
	err = f.update(ctx, func(keys []APIKey) ([]APIKey, error) {
		for i, k := range keys {
			if (k.ID == idOrClient || k.Client == idOrClient) && k.Revoked.IsZero() {
				keys[i].Revoked = f.now()
				revoked = append(revoked, keys[i])
			}
		}
		if len(revoked) == 0 {
			return nil, ErrNoAPIKey
		}
		return keys, nil
	})
	return revoked, err
}

// Rotate makes a new key with the rights and the lifetime of an old one, which goes
// on for a while so that its client can be changed. It is named by its id, or by
// its client if that has only one.
func (f *FileKeys) Rotate(ctx context.Context, idOrClient string, grace time.Duration) (fresh APIKey, text string, err error) {
	err = f.update(ctx, func(keys []APIKey) ([]APIKey, error) {
		now := f.now()
		var of []int
		for i, k := range keys {
			if k.Revoked.IsZero() && (k.ID == idOrClient || k.Client == idOrClient && (k.Expires.IsZero() || now.Before(k.Expires))) {
				of = append(of, i)
			}
		}
		switch len(of) {
		case 0:
			return nil, ErrNoAPIKey
		case 1:
		default:
			return nil, ErrSeveralAPIKeys
		}
		i := of[0]
		fresh, text = NewAPIKey(keys[i], now)
		if old := keys[i]; !old.Expires.IsZero() { // as long a life as the old one had
			fresh.Expires = now.Add(old.Expires.Sub(old.Created))
		}
		if old := keys[i].Expires; old.IsZero() || old.After(now.Add(grace)) {
			keys[i].Expires = now.Add(grace)
		}
		return append(keys, fresh), nil
	})
	return fresh, text, err
}

func (f *FileKeys) index(id string) int {
	return slices.IndexFunc(f.keys, func(k APIKey) bool { return strings.EqualFold(k.ID, id) })
}

// look reads the file when it has changed. The caller holds mu.
func (f *FileKeys) look() (changed bool, err error) {
	now := f.now()
	if !f.looked.IsZero() && now.Sub(f.looked) < lookAgain && now.After(f.looked) {
		return false, nil
	}
	return f.read(now)
}

func (f *FileKeys) read(now time.Time) (changed bool, err error) {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		changed = len(f.keys) > 0
		f.keys, f.looked, f.stamp, f.size = nil, now, time.Time{}, 0
		return changed, nil
	}
	if err != nil {
		return false, fmt.Errorf("API keys: %w", err)
	}
	if info.Size() == f.size && info.ModTime().Equal(f.stamp) {
		f.looked = now
		return false, nil
	}
	raw, err := os.ReadFile(f.path)
	if err != nil {
		return false, fmt.Errorf("API keys: %w", err)
	}
	var file keyFile
	if err := json.Unmarshal(raw, &file); err != nil || file.Version != 1 {
		return false, fmt.Errorf("API keys: %s is damaged or of a later version", filepath.Base(f.path))
	}
	f.keys, f.looked, f.stamp, f.size = file.Keys, now, info.ModTime(), info.Size()
	return true, nil
}

type keyFile struct {
	Version int      `json:"version"`
	Keys    []APIKey `json:"keys"`
}

// update changes the file under its lock.
func (f *FileKeys) update(ctx context.Context, change func([]APIKey) ([]APIKey, error)) error {
	return underLock(ctx, f.path, "API keys", func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.stamp = time.Time{} // whatever was seen before
		if _, err := f.read(f.now()); err != nil {
			return err
		}
		keys, err := change(slices.Clone(f.keys))
		if err != nil {
			return err
		}
		raw, err := json.MarshalIndent(keyFile{1, keys}, "", "  ")
		if err != nil {
			return fmt.Errorf("API keys: %w", err)
		}
		if err := config.WriteFile(f.path, append(raw, '\n')); err != nil {
			return err
		}
		f.stamp = time.Time{}
		_, err = f.read(f.now())
		return err
	})
}

// underLock changes a file under a lock that other processes keep, too. what names
// the file in errors.
func underLock(ctx context.Context, path, what string, change func() error) error {
	if err := config.MakePrivate(filepath.Dir(path)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, keysLock)
	defer cancel()
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	if ok, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil || !ok {
		return fmt.Errorf("%s: another process is writing: %w", what, errors.Join(err, ctx.Err()))
	}
	defer func() { _ = lock.Unlock() }()
	return change()
}
