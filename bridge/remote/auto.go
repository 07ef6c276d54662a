package remote

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// Auto finds out which transport a server speaks (MCP 2025-11-25, backwards
// compatibility): it sends initialize by Streamable HTTP, and if that is answered
// with 400, 404 or 405 it looks for the stream of HTTP+SSE. What it found holds
// until it no longer works.
type Auto struct {
	streamable *Conn
	legacy     *Legacy

	mu    sync.Mutex
	isOld bool
}

// NewAuto makes an Auto; nothing is sent yet.
func NewAuto(c Config) *Auto { return &Auto{streamable: NewConn(c), legacy: NewLegacy(c)} }

// IsLegacy reports whether the server was found to speak HTTP+SSE.
func (a *Auto) IsLegacy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.isOld
}

func (a *Auto) settle(isOld bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.isOld = isOld
}

// Open sends initialize. Its errors are those of Conn.Open: when the server
// speaks neither transport, that of the newer one.
//
// Whoever hears the answer goes on at once, and by the transport that it came by.
func (a *Auto) Open(ctx context.Context, raw []byte, deliver Deliver) error {
	over := func(isOld bool) Deliver {
		return func(raw []byte) bool {
			a.settle(isOld)
			return deliver(raw)
		}
	}
	if a.IsLegacy() {
		err := a.legacy.Open(ctx, raw, over(true))
		if !notSpoken(err) {
			return err
		}
	}
	err := a.streamable.Open(ctx, raw, over(false))
	if !mayBeOld(err) {
		return err
	}
	if oldErr := a.legacy.Open(ctx, raw, over(true)); !notSpoken(oldErr) {
		return oldErr
	}
	return err
}

// notSpoken reports whether the server does not offer HTTP+SSE.
func notSpoken(err error) bool {
	var status *StatusError
	return errors.Is(err, ErrNoStream) || errors.Is(err, ErrContentType) ||
		errors.As(err, &status) && status.Status < http.StatusInternalServerError && status.Status != http.StatusTooManyRequests
}

// mayBeOld reports whether a server that refused initialize so may speak the
// older transport: 400, 404 or 405, and not in the words of a modern server.
func mayBeOld(err error) bool {
	var status *StatusError
	if !errors.As(err, &status) {
		return false
	}
	switch status.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed:
	default:
		return false
	}
	m, parseErr := jsonrpc.Parse(status.Body)
	var e struct{ Code int }
	if parseErr != nil || m.Error == nil || json.Unmarshal(m.Error, &e) != nil {
		return true
	}
	return e.Code > -32020 || e.Code < -32099 // the codes of MCP 2026-07-28
}

func (a *Auto) current() transport {
	if a.IsLegacy() {
		return a.legacy
	}
	return a.streamable
}

// Exchange sends a request that stands for itself, which the older transport
// knows nothing of.
func (a *Auto) Exchange(ctx context.Context, raw []byte, headers map[string]string, deliver Deliver) error {
	return a.streamable.Exchange(ctx, raw, headers, deliver)
}

// transport is what both have in common after Open.
type transport interface {
	Post(ctx context.Context, raw []byte, deliver Deliver) error
	Listen(ctx context.Context, opened func(), deliver func(raw []byte)) error
	SetVersion(version string)
	Delete(ctx context.Context, limit time.Duration)
}

// Post is that of the transport in use.
func (a *Auto) Post(ctx context.Context, raw []byte, deliver Deliver) error {
	return a.current().Post(ctx, raw, deliver)
}

// Listen is that of the transport in use.
func (a *Auto) Listen(ctx context.Context, opened func(), deliver func(raw []byte)) error {
	return a.current().Listen(ctx, opened, deliver)
}

// SetVersion is that of the transport in use.
func (a *Auto) SetVersion(version string) { a.current().SetVersion(version) }

// Delete is that of the transport in use.
func (a *Auto) Delete(ctx context.Context, limit time.Duration) { a.current().Delete(ctx, limit) }
