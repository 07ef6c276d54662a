package vault

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

const (
	// lockLimit bounds the wait for other writers: longer than one of them takes.
	lockLimit = 45 * time.Second
	lockPoll  = 5 * time.Millisecond
)

// takeFile takes a file lock, which the operating system drops with its holder.
// Its errors are fault.Storage, and ctx's when that ends first.
func takeFile(ctx context.Context, path string) (release func(), err error) {
	if err := config.MakePrivate(filepath.Dir(path)); err != nil {
		return nil, err
	}
	l := flock.New(path, flock.SetPermissions(0o600))
	ok, err := l.TryLockContext(ctx, lockPoll)
	if err == nil && ok {
		return func() { _ = l.Close() }, nil
	}
	_ = l.Close()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("lock %s: %w", filepath.Base(path), ctx.Err())
	}
	return nil, fault.Wrap(errors.Join(errors.New("vault lock"), err), fault.Storage,
		fmt.Sprintf("The lock %s cannot be taken.", path), "Check that the disk has room and that the folder is yours.")
}

// writeLock lets one writer at a time at a vault, in this process and in those
// that use the same file.
type writeLock struct {
	path string // "": this process only
	turn chan struct{}
}

func newWriteLock(path string) *writeLock {
	return &writeLock{path: path, turn: make(chan struct{}, 1)}
}

func (w *writeLock) acquire(ctx context.Context) (release func(), err error) {
	within, cancel := context.WithTimeout(ctx, lockLimit)
	defer cancel()
	select {
	case w.turn <- struct{}{}:
	case <-within.Done():
		return nil, busy(ctx, within.Err())
	}
	if w.path == "" {
		return func() { <-w.turn }, nil
	}
	unlock, err := takeFile(within, w.path)
	if err != nil {
		<-w.turn
		if within.Err() != nil {
			err = busy(ctx, err)
		}
		return nil, err
	}
	return func() {
		unlock()
		<-w.turn
	}, nil
}

func busy(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Wrap(err, fault.Storage, "Another Drawbridge process is writing secrets and does not come to an end.",
		"Try again in a moment. A move of the vault can take that long.")
}
