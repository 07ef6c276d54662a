package remote

import (
	"context"
	"sync"
)

// place is a session, the version that it speaks, as headers have both, and its
// cookies.
type place struct {
	session []string // Mcp-Session-Id, nil when the server gave none
	version []string // MCP-Protocol-Version, nil before initialize
	kept    *cookies
}

// Handshake is the opening of a session in the place of one that calls still use.
// What is sent with its context is of the new session, all else of the earlier one,
// which refuses it: a call that came between initialize and initialized might be
// misunderstood.
type Handshake struct {
	mu   sync.Mutex
	over func() // nil: nothing was opened
}

type handshakeKey struct{}

// WithHandshake has Open, and what is sent with the context after it, be of the
// handshake.
func WithHandshake(ctx context.Context, h *Handshake) context.Context {
	return context.WithValue(ctx, handshakeKey{}, h)
}

// Done says that the new session takes calls: it is the one from here on.
func (h *Handshake) Done() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over != nil {
		h.over()
	}
}

func handshakeOf(ctx context.Context) *Handshake {
	h, _ := ctx.Value(handshakeKey{}).(*Handshake)
	return h
}

// here is where something goes that is sent with the context.
func (c *Conn) here(ctx context.Context) place {
	h := handshakeOf(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if h != nil && c.next != nil {
		return *c.next
	}
	return c.place
}

// begin takes the session that the answer to initialize names, or none, and the
// cookies that came with it.
func (c *Conn) begin(ctx context.Context, session string, kept *cookies) {
	p := place{session: headerValue(session), kept: kept}
	h := handshakeOf(ctx)
	if h == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.place, c.next = p, nil
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = func() { c.settle(&p) }
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = &p
}

// settle makes a session that was opened beside the present one the present one,
// unless another was opened since.
func (c *Conn) settle(p *place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == p {
		c.place, c.next = *p, nil
	}
}

// SetVersion sets the protocol version that the initialize response named; it
// goes with each later request (MCP 2025-06-18, MCP-Protocol-Version header).
// One that cannot stand in a header is left out.
func (c *Conn) SetVersion(version string) {
	if !inHeader(version) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next != nil {
		c.next.version = headerValue(version)
		return
	}
	c.place.version = headerValue(version)
}
