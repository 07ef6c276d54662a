package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
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
	unlock, _, err = m.lockFileAfter(ctx, name)
	return unlock, err
}

// wait is what came before a lock was taken: nothing when it was free, however
// long it took to find that out.
type wait struct {
	lasted time.Duration
	since  time.Time // when the one who had the lock took it; zero: not known
}

// lockFileAfter is lockFile and says how long another had the lock.
func (m *Manager) lockFileAfter(ctx context.Context, name string) (unlock func(), waited wait, err error) {
	if err := config.MakePrivate(m.paths.Locks()); err != nil {
		return nil, wait{}, err
	}
	l := flock.New(filepath.Join(m.paths.Locks(), name), flock.SetPermissions(0o600))
	ok, err := false, ctx.Err()
	if err == nil {
		ok, err = l.TryLock()
	}
	if err == nil && !ok {
		h, _ := m.whoHas(name)
		asked := m.now()
		ok, err = l.TryLockContext(ctx, lockPoll)
		waited = wait{m.now().Sub(asked), h.Since}
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return nil, wait{}, fault.Wrap(err, fault.Storage, fmt.Sprintf("The lock %s cannot be taken.", l.Path()), "Check that the disk has room and that the folder is yours.")
	}
	if errors.Is(err, context.Canceled) { // the caller has gone: nothing is wrong with the other
		_ = l.Close()
		return nil, wait{}, fmt.Errorf("lock %s: %w", name, err)
	}
	if err != nil || !ok {
		_ = l.Close()
		return nil, wait{}, fault.Wrap(errors.Join(errors.New("lock "+name), err), fault.Internal,
			fmt.Sprintf("Another Drawbridge process%s is busy with this sign-in.", m.holder(name)), "Try again in a moment; if it lasts, end that process.")
	}
	m.noteHolder(name)
	return func() {
		_ = os.Remove(m.holderFile(name))
		_ = l.Close()
	}, waited, nil
}

// holder is who has a lock, for diagnosis only: the lock itself is the operating
// system's, and a note that a killed process left behind holds nobody up. It is
// not in the lock file, which Windows lets nobody else read while it is locked.
type holder struct {
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

func (m *Manager) holderFile(name string) string {
	return filepath.Join(m.paths.Locks(), name+".holder")
}

func (m *Manager) noteHolder(name string) {
	raw, err := json.Marshal(holder{PID: os.Getpid(), Since: m.now()})
	if err == nil {
		err = os.WriteFile(m.holderFile(name), raw, 0o600)
	}
	if err != nil {
		m.log.Debug("holder of the lock not noted", "lock", name, "error", err)
	}
}

// whoHas reads the note of who has the lock; false: that is not known.
func (m *Manager) whoHas(name string) (h holder, ok bool) {
	raw, err := os.ReadFile(m.holderFile(name))
	if err != nil || json.Unmarshal(raw, &h) != nil || h.PID == 0 {
		return holder{}, false
	}
	return h, true
}

// holder says in words who has the lock, or "" when that is not known.
func (m *Manager) holder(name string) string {
	h, ok := m.whoHas(name)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (PID %d, since %s)", h.PID, h.Since.Local().Format("15:04:05"))
}
