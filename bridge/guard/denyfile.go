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
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("deny: %w", err)
	}
	if err := errors.Join(addLine(file, line), file.Close()); err != nil {
		return fmt.Errorf("deny: %w", err)
	}
	return nil
}

// addLine writes a line, all or nothing, on a line of its own: a disk that is full or
// a process that is killed leaves half a line, and a person may leave no end.
func addLine(file *os.File, line []byte) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	whole := info.Size()
	last, err := lastLine(file, whole)
	if err != nil {
		return err
	}
	switch {
	case len(last) == 0:
	case json.Valid(last):
		line = append([]byte("\n"), line...)
	default:
		whole -= int64(len(last))
		if err := file.Truncate(whole); err != nil {
			return err
		}
	}
	_, err = file.Write(append(line, '\n'))
	if err = errors.Join(err, file.Sync()); err != nil {
		return errors.Join(err, file.Truncate(whole))
	}
	return nil
}

// lastLine is what follows the last end of a line.
func lastLine(file *os.File, size int64) ([]byte, error) {
	tail := make([]byte, min(size, bufio.MaxScanTokenSize))
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return tail[bytes.LastIndexByte(tail, '\n')+1:], nil
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
