package vault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
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

// takeFile takes a file lock for one, or, shared, for many; the operating system
// drops it with its holder. Its errors are fault.Storage, and ctx's when that
// ends first.
func takeFile(ctx context.Context, path string, shared bool) (release func(), err error) {
	if err := config.MakePrivate(filepath.Dir(path)); err != nil {
		return nil, err
	}
	l := flock.New(path, flock.SetPermissions(0o600))
	try := l.TryLockContext
	if shared {
		try = l.TryRLockContext
	}
	ok, err := try(ctx, lockPoll)
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

// locks let one writer at a time at a name, and a mover only when nobody writes.
// They hold in this process and, with a folder, in all that use it. Not one lock
// for all writers: with many of them, some would wait for ever.
type locks struct {
	dir string // "": this process only, and nobody moves

	mu    sync.Mutex
	names map[string]chan struct{} // with dir "": one writer's turn each
}

// queue is held for a moment by a writer on its way in and by a mover all the
// time, so that writers who keep coming do not keep the mover out.
func (l *locks) queue() string { return filepath.Join(l.dir, "vault-queue.lock") }

// vault is held by all writers together, or by one mover.
func (l *locks) vault() string { return filepath.Join(l.dir, "vault.lock") }

// name lets its holder write one name.
func (l *locks) name(ctx context.Context, name string) (release func(), err error) {
	within, cancel := context.WithTimeout(ctx, lockLimit)
	defer cancel()
	if l.dir == "" {
		turn := l.turn(name)
		select {
		case turn <- struct{}{}:
			return func() { <-turn }, nil
		case <-within.Done():
			return nil, busy(ctx, within.Err())
		}
	}
	sum := sha256.Sum256([]byte(name))
	own, err := takeFile(within, filepath.Join(l.dir, "entry-"+hex.EncodeToString(sum[:10])+".lock"), false)
	if err != nil {
		return nil, busy(ctx, err)
	}
	queue, err := takeFile(within, l.queue(), true)
	if err != nil {
		own()
		return nil, busy(ctx, err)
	}
	all, err := takeFile(within, l.vault(), true)
	queue()
	if err != nil {
		own()
		return nil, busy(ctx, err)
	}
	return func() {
		all()
		own()
	}, nil
}

// move lets its holder move everything.
func (l *locks) move(ctx context.Context) (release func(), err error) {
	within, cancel := context.WithTimeout(ctx, lockLimit)
	defer cancel()
	queue, err := takeFile(within, l.queue(), false)
	if err != nil {
		return nil, busy(ctx, err)
	}
	all, err := takeFile(within, l.vault(), false)
	if err != nil {
		queue()
		return nil, busy(ctx, err)
	}
	return func() {
		all()
		queue()
	}, nil
}

func (l *locks) turn(name string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names == nil {
		l.names = map[string]chan struct{}{}
	}
	if l.names[name] == nil {
		l.names[name] = make(chan struct{}, 1)
	}
	return l.names[name]
}

// busy says in words that a lock was not to be had; ctx is the caller's.
func busy(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fault.Wrap(err, fault.Storage, "Another Drawbridge process is writing secrets and does not come to an end.",
		"Try again in a moment. A move of the vault can take that long.")
}
