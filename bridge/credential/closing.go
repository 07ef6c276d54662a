package credential

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// whileOpen is ctx that also ends when the manager closes.
func (m *Manager) whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() { // ends with ctx
		select {
		case <-m.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// untilSent is a context for one HTTP request that also ends when the manager
// closes before the request has a connection. From then on it may be on its
// way, and its answer must not be lost.
func (m *Manager) untilSent(ctx context.Context) (context.Context, context.CancelFunc) {
	const sent, givenUp = 1, 2
	ctx, cancel := context.WithCancel(ctx)
	var state atomic.Int32
	go func() { // ends with ctx
		select {
		case <-m.closing:
			if state.CompareAndSwap(0, givenUp) {
				cancel()
			}
		case <-ctx.Done():
		}
	}()
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) {
			// A request whose context has ended is sent all the same when its
			// connection comes at that moment.
			if !state.CompareAndSwap(0, sent) && state.Load() == givenUp {
				_ = got.Conn.Close()
			}
		},
	}), cancel
}
