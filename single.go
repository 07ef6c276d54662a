package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"drawbridge/bridge/config"
)

// singleTime bounds the talk between a first and a second window.
const singleTime = 5 * time.Second

// errOtherWindow means that a window is open already and has been asked to show itself.
var errOtherWindow = errors.New("another window is open")

// window holds the right to be the one window of this user. A second process
// that wants to be it is turned away, and the first one shows itself instead,
// with the link that the other one was started with.
type window struct {
	lock     *flock.Flock
	listener net.Listener
	show     func(link string)
	wg       sync.WaitGroup
}

// takeWindow makes this process the window. When another process is,
// takeWindow asks that one to show itself, hands link ("" for none) over and
// returns errOtherWindow. show is called from a goroutine of its own, each time
// that somebody else tries, with what they were started with.
func takeWindow(ctx context.Context, p config.Paths, link string, show func(link string)) (*window, error) {
	dir := filepath.Dir(p.Socket()) // short enough for a socket's address
	if err := config.MakePrivate(dir); err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "window.sock")
	lock := flock.New(filepath.Join(dir, "window.lock"), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, singleTime)
	defer cancel()
	for {
		mine, err := lock.TryLock()
		if err != nil {
			return nil, err
		}
		if mine {
			break
		}
		// The other one may be between its lock and its socket, or about to end.
		if conn, err := new(net.Dialer).DialContext(ctx, "unix", socket); err == nil {
			_ = conn.SetWriteDeadline(time.Now().Add(singleTime))
			_, _ = io.WriteString(conn, link)
			_ = conn.Close()
			return nil, errOtherWindow
		}
		select {
		case <-ctx.Done():
			return nil, errOtherWindow
		case <-time.After(20 * time.Millisecond):
		}
	}
	_ = os.Remove(socket) // left behind by one that was killed; the lock says it is gone
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", socket)
	if err != nil {
		_ = lock.Unlock()
		return nil, err
	}
	w := &window{lock: lock, listener: listener, show: show}
	w.wg.Go(w.serve)
	return w, nil
}

// serve takes every connection as the wish to see the window, and what comes
// over it as a link. Who cannot finish it in time only wanted to see the window.
func (w *window) serve() {
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return
		}
		_ = conn.SetReadDeadline(time.Now().Add(singleTime))
		raw, err := io.ReadAll(io.LimitReader(conn, maxLink+1))
		_ = conn.Close()
		link := string(raw)
		if err != nil || !isLink(link) {
			link = ""
		}
		w.show(link)
	}
}

// close gives the right up.
func (w *window) close() {
	_ = w.listener.Close()
	w.wg.Wait()
	_ = w.lock.Unlock()
}
