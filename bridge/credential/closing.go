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
	ctx, cancel := context.WithCancel(ctx)
	var sent atomic.Bool
	go func() { // ends with ctx
		select {
		case <-m.closing:
			if sent.CompareAndSwap(false, true) {
				cancel()
			}
		case <-ctx.Done():
		}
	}()
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	}), cancel
}
