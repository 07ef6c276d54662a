package guard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"drawbridge/bridge/config"
)

// denialsTidy is the size of the file from which on entries that have ended are
// taken out before another is added, in bytes.
const denialsTidy = 64 << 10

// Deny implements Denylist.
func (f *FileDenylist) Deny(ctx context.Context, d Denial) error {
	return f.locked(ctx, func() error { return f.append(d) })
}

// Once implements Denylist.
func (f *FileDenylist) Once(ctx context.Context, d Denial) (first bool, err error) {
	err = f.locked(ctx, func() error {
		all, err := f.all()
		if err != nil || slices.ContainsFunc(all, d.same) {
			return err
		}
		first = true
		return f.append(d)
	})
	return first && err == nil, err
}

// Allow implements Denylist.
func (f *FileDenylist) Allow(ctx context.Context, d Denial) (found bool, err error) {
	err = f.locked(ctx, func() error {
		all, err := f.all()
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(all), d.same)
		if found = len(left) < len(all); !found {
			return nil
		}
		return f.rewrite(left)
	})
	return found && err == nil, err
}

// same reports whether two entries are about the same.
func (d Denial) same(other Denial) bool {
	return slices.ContainsFunc(d.Keys(), func(k string) bool { return slices.Contains(other.Keys(), k) })
}

// locked changes the file under its lock.
func (f *FileDenylist) locked(ctx context.Context, change func() error) error {
	return underLock(ctx, f.path, "denylist", func() error {
		if err := change(); err != nil {
			return err
		}
		f.mu.Lock()
		f.looked = time.Time{} // so that the next look is at once
		f.mu.Unlock()
		return nil
	})
}

// all are the entries that count now.
func (f *FileDenylist) all() ([]Denial, error) {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("denylist: %w", err)
	}
	defer func() { _ = file.Close() }()
	return f.parse(file, f.now())
}

func (f *FileDenylist) append(d Denial) error {
	if d.At.IsZero() {
		d.At = f.now()
	}
	if info, err := os.Stat(f.path); err == nil && info.Size() > denialsTidy {
		all, err := f.all()
		if err == nil {
			err = f.rewrite(all)
		}
		if err != nil {
			return err
		}
	}
	line, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("deny: %w", err)
	}
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("deny: %w", err)
	}
	_, err = file.Write(append(line, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("deny: %w", err)
	}
	return nil
}

func (f *FileDenylist) rewrite(all []Denial) error {
	var out bytes.Buffer
	for _, d := range all {
		line, err := json.Marshal(d)
		if err != nil {
			return fmt.Errorf("denylist: %w", err)
		}
		out.Write(append(line, '\n'))
	}
	return config.WriteFile(f.path, out.Bytes())
}
