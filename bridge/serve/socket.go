package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"drawbridge/bridge/fault"
)

// socket is a listener on a socket's file that only its owner may use.
type socket struct {
	net.Listener
	path string
	lock *flock.Flock // held as long as it listens
}

// listenSocket makes one. A lock file beside it decides between two bridges that
// start at once, or of which one ends, and is released by the kernel when a bridge
// dies: a socket that is found under that lock is left over, and is replaced.
func listenSocket(ctx context.Context, path string) (_ net.Listener, err error) {
	bad := func(err error, code fault.Code, next string) error {
		return fault.Wrap(err, code, fmt.Sprintf("The local bridge cannot make the socket %s.", path), next)
	}
	const another = "Another Drawbridge listens there already."
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, bad(err, fault.Storage, "Choose another path with --socket.")
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return nil, bad(err, fault.Storage, "Check that the folder is yours and the disk has room, or choose another path with --socket.")
	}
	if !held {
		return nil, bad(errors.New("it is locked"), fault.CannotListen, another)
	}
	defer func() {
		if err != nil {
			_ = lock.Unlock()
		}
	}()
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&fs.ModeSocket == 0 {
			return nil, bad(errors.New("it is a file"), fault.Usage, "There is a file of that name; choose another path with --socket.")
		}
		d := net.Dialer{Timeout: time.Second}
		if conn, err := d.DialContext(ctx, "unix", path); err == nil { // the lock file was deleted under it
			_ = conn.Close()
			return nil, bad(errors.New("somebody listens"), fault.CannotListen, another)
		}
		if err := os.Remove(path); err != nil {
			return nil, bad(err, fault.Storage, "Remove it, or choose another path with --socket.")
		}
	}
	// Made under another name, so that nobody can connect before its mode is right.
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a bridge that died just here
		return nil, bad(err, fault.Storage, "Choose another path with --socket.")
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", tmp)
	if err != nil {
		return nil, bad(err, fault.Usage, "Choose a shorter path with --socket.")
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(tmp, 0o600), os.Rename(tmp, path)); err != nil {
		_ = l.Close()
		_ = os.Remove(tmp)
		return nil, bad(err, fault.Storage, "Choose another path with --socket.")
	}
	return socket{l, path, lock}, nil
}

// Close also removes the socket's file, while it is sure to be ours: the lock comes
// last. The lock's file stays, as another bridge may be waiting at it.
func (s socket) Close() error {
	if !s.lock.Locked() {
		return net.ErrClosed
	}
	return errors.Join(s.Listener.Close(), os.Remove(s.path), s.lock.Unlock())
}
