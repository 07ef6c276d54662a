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
	show     func(link string) bool
	wg       sync.WaitGroup
}

// takeWindow makes this process the window. When another process is,
// takeWindow asks that one to show itself, hands link ("" for none) over and
// returns errOtherWindow; when that one ends instead, this process takes its place.
// show is called from a goroutine of its own, each time that somebody else tries,
// with what they were started with, and reports whether there is still a window.
func takeWindow(ctx context.Context, p config.Paths, link string, show func(link string) bool) (*window, error) {
	dir := filepath.Dir(p.Socket()) // short enough for a socket's address
	if err := config.MakePrivate(dir); err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "window.sock")
	lock := flock.New(filepath.Join(dir, "window.lock"), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, singleTime)
	defer cancel()
	for asked := false; ; {
		mine, err := lock.TryLock()
		if err != nil {
			return nil, err
		}
		if mine {
			break
		}
		// The other one may be between its lock and its socket, or about to end.
		// Nobody is asked twice: one of an older release shows itself and says nothing.
		if !asked {
			var shown bool
			if asked, shown = ask(ctx, socket, link); shown {
				return nil, errOtherWindow
			}
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

// ask hands a link over, and reports whether it is with the other one and whether
// that one says that it has shown itself.
func ask(ctx context.Context, socket, link string) (asked, shown bool) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return false, false
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, link)
	if half, ok := conn.(*net.UnixConn); ok {
		_ = half.CloseWrite()
	}
	n, _ := conn.Read(make([]byte, 1))
	return err == nil, n == 1
}

// serve takes every connection as the wish to see the window, and what comes
// over it as a link. Who cannot finish it in time only wanted to see the window. It
// answers with one byte once there is something to see.
func (w *window) serve() {
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return
		}
		_ = conn.SetReadDeadline(time.Now().Add(singleTime))
		raw, err := io.ReadAll(io.LimitReader(conn, maxLink+1))
		link := string(raw)
		if err != nil || !isLink(link) {
			link = ""
		}
		if w.show(link) {
			_ = conn.SetWriteDeadline(time.Now().Add(singleTime))
			_, _ = conn.Write([]byte{1})
		}
		_ = conn.Close()
	}
}

// leave has nobody come any more: they wait for their turn.
func (w *window) leave() { _ = w.listener.Close() }

// close gives the right up.
func (w *window) close() {
	w.leave()
	w.wg.Wait()
	_ = w.lock.Unlock()
}
