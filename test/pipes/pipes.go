// Package pipes is a network within the process, so that a test's time can be its
// own: in a bubble of testing/synctest, which knows nothing of sockets, a slow
// machine takes none of it. It knows nothing of Drawbridge.
package pipes

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// Net is a network with one listener, which it is itself.
type Net struct {
	conns chan net.Conn
	ended chan struct{} // closed when nobody accepts any more
	end   func()
}

// New makes a network.
func New() *Net {
	ended := make(chan struct{})
	return &Net{conns: make(chan net.Conn), ended: ended, end: sync.OnceFunc(func() { close(ended) })}
}

// Connect makes a connection; far is the listener's end.
func (n *Net) Connect(ctx context.Context) (near, far net.Conn, err error) {
	near, far = net.Pipe()
	select {
	case n.conns <- far:
		return near, far, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	case <-n.ended:
		return nil, nil, net.ErrClosed
	}
}

// Transport is one of HTTP that connects over the network, whatever the address.
func (n *Net) Transport() *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, _, err := n.Connect(ctx)
		return near, err
	}}
}

// Accept implements net.Listener.
func (n *Net) Accept() (net.Conn, error) {
	select {
	case conn := <-n.conns:
		return conn, nil
	case <-n.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (n *Net) Close() error {
	n.end()
	return nil
}

// Addr implements net.Listener.
func (n *Net) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9} }
