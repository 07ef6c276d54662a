package credential

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
	// lockWait bounds the wait for another process's refresh: its own deadline
	// and some.
	lockWait = 45 * time.Second
	lockPoll = 10 * time.Millisecond
)

// lock takes the credential's file lock: one refresh at a time on this machine.
// The operating system drops it when its holder dies.
func (a *Account) lock(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	return a.m.lockFile(ctx, a.key+".lock")
}

func (m *Manager) lockFile(ctx context.Context, name string) (unlock func(), err error) {
	if err := config.MakePrivate(m.paths.Locks()); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(m.paths.Locks(), name), flock.SetPermissions(0o600))
	ok, err := l.TryLockContext(ctx, lockPoll)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return nil, fault.Wrap(err, fault.Storage, fmt.Sprintf("The lock %s cannot be taken.", l.Path()), "Check that the disk has room and that the folder is yours.")
	}
	if err != nil || !ok {
		_ = l.Close()
		return nil, fault.Wrap(errors.Join(errors.New("lock "+name), err), fault.Internal,
			"Another Drawbridge process is busy with this sign-in.", "Try again in a moment.")
	}
	return func() { _ = l.Close() }, nil
}
