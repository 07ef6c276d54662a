package control

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

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// AgentRunning is the code of ErrRunning.
const AgentRunning fault.Code = "agent_running"

// ErrRunning is what Listen returns while another agent of this user lives.
// Compare with errors.Is.
var ErrRunning error = fault.New(AgentRunning, "An agent is running already.", "Nothing to do: there is one agent per user.")

// probeTimeout bounds the attempt to reach whoever listens on an old socket.
const probeTimeout = time.Second

// handover bounds the wait for an agent that holds the lock but does not
// answer: it is starting, or ending, for which a local bridge beside it has ten seconds.
const handover = 12 * time.Second

// Listener accepts connections of this user on the agent's socket. Close
// removes the socket; Release, at the agent's very end, lets the next one in.
type Listener struct {
	unix *net.UnixListener
	lock *flock.Flock
}

// Listen makes the agent's socket. A lock file decides between two agents that
// start at once and is released by the kernel when an agent dies, so a socket
// found under that lock is a dead agent's and is replaced.
//
// It returns ErrRunning while another agent lives, and a fault.Storage error
// for a folder that is not this user's alone. It waits a few seconds for an
// agent that is ending.
func Listen(ctx context.Context, p config.Paths) (*Listener, error) {
	socket := p.Socket()
	dir := filepath.Dir(socket)
	if err := config.MakePrivate(dir); err != nil {
		return nil, err
	}
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(dir, "agent.lock"), flock.SetPermissions(0o600))
	if err := takeLock(ctx, lock, socket); err != nil {
		return nil, err
	}
	l, err := listenLocked(socket)
	if err != nil {
		_ = lock.Unlock()
		return nil, err
	}
	return &Listener{unix: l, lock: lock}, nil
}

func takeLock(ctx context.Context, lock *flock.Flock, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, handover)
	defer cancel()
	for {
		held, err := lock.TryLock()
		if err != nil {
			return fault.Wrap(err, fault.Storage, fmt.Sprintf("The agent's lock %s cannot be taken.", lock.Path()),
				"Check that the disk has room and that the folder is yours.")
		}
		if held {
			return nil
		}
		if answers(socket) || sleep(ctx, pollEvery) != nil {
			return ErrRunning
		}
	}
}

// answers reports whether somebody listens on a socket. Who is only slow does: a
// socket that is taken for dead is removed.
func answers(socket string) bool {
	conn, err := net.DialTimeout("unix", socket, probeTimeout)
	if late := net.Error(nil); errors.As(err, &late) && late.Timeout() {
		return true
	}
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

func listenLocked(socket string) (*net.UnixListener, error) {
	if err := clearStale(socket); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, fmt.Sprintf("The agent's socket %s cannot be made.", socket),
			"Check that the disk has room and that the folder is yours.")
	}
	// The folder keeps others out already; this is the second lock on the door.
	if err := os.Chmod(socket, 0o600); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		_ = l.Close()
		return nil, fmt.Errorf("protect the agent's socket: %w", err)
	}
	return l, nil
}

// clearStale removes a socket that nobody listens on. Somebody may still listen
// if the lock file was deleted under a living agent.
func clearStale(socket string) error {
	info, err := os.Lstat(socket)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the agent's socket: %w", err)
	}
	if !isSocket(info) {
		return fault.New(fault.Storage, fmt.Sprintf("%s is in the way: it is not a socket.", socket), "Move it away.")
	}
	if answers(socket) {
		return ErrRunning
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a dead agent's socket: %w", err)
	}
	return nil
}

// Accept waits for a connection of this user; others are closed unheard.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.unix.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if err := checkPeer(conn); err != nil {
			_ = conn.Close()
			continue
		}
		return conn, nil
	}
}

// Addr is the socket's address.
func (l *Listener) Addr() net.Addr { return l.unix.Addr() }

// Close stops accepting and removes the socket.
func (l *Listener) Close() error { return l.unix.Close() }

// Release closes l, if nobody did, and releases the lock. In this order: the
// other way round it could remove its successor's socket.
func (l *Listener) Release() {
	_ = l.unix.Close()
	_ = l.lock.Unlock()
}

func foreign(dir, why, next string) error {
	return fault.New(fault.Storage, fmt.Sprintf("The agent's folder %s is not safe: %s.", dir, why), next)
}
