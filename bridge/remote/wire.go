package remote

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
)

// wire is a connection that says when a message has left. net/http says it when
// the message is in its buffer: who closes the connection then takes it back.
type wire struct {
	net.Conn
	writes atomic.Int64
	next   atomic.Pointer[passage] // whose rest the next write takes along
}

// Write implements net.Conn.
func (w *wire) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	w.writes.Add(1)
	if w.next.Load() != nil {
		if p := w.next.Swap(nil); p != nil && err == nil {
			p.course.Written()
		}
	}
	return n, err
}

// wired has a transport's connections be wires. What is in the buffer is to leave
// with one write, of TLS too: records of the size of a packet, as TLS makes them at
// first, serve those who read while the rest is under way, which nobody can do with
// a message.
func wired(t *http.Transport) *http.Transport {
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.TLSClientConfig.DynamicRecordSizingDisabled = true
	if dial := t.DialContext; dial != nil {
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &wire{Conn: conn}, nil
		}
	}
	return t
}

// wireOf is the wire beneath a connection; nil: there is none.
func wireOf(conn net.Conn) *wire {
	for {
		switch c := conn.(type) {
		case *wire:
			return c
		case interface{ NetConn() net.Conn }: // TLS
			conn = c.NetConn()
		default:
			return nil
		}
	}
}
