package localhttp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// Sessions is a store that several bridges share, so that a client's requests
// may come to any of them: what a session was opened with, by its id. A bridge
// that does not have the session itself opens one to the server with the same
// words. What the server kept for the first one is not there then.
type Sessions interface {
	Put(ctx context.Context, id string, s Stored, life time.Duration) error
	// Get returns false when there is no such session.
	Get(ctx context.Context, id string) (Stored, bool, error)
	// Touch says that a session is in use and keeps it for life from now on.
	Touch(ctx context.Context, id string, life time.Duration) error
	Delete(ctx context.Context, id string) error
}

// Stored is what is kept of a session. It holds no secret.
type Stored struct {
	// Caller is a hash of Caller.Key.
	Caller string `json:"caller"`
	At     Target `json:"at"`
	// Initialize is the client's request, as it came.
	Initialize []byte `json:"initialize"`
}

const (
	// storeLimit bounds the wait for the store, which has a limit of its own.
	storeLimit = 5 * time.Second
	// touchEvery is how often a session's use is told.
	touchEvery = time.Minute
)

func callerHash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// share stores a session that has just been opened. That the store is away does
// not keep the client from using it here.
func (c *call) share(h *hub, m jsonrpc.Message) {
	if c.s.cfg.Sessions == nil {
		return
	}
	h.mu.Lock()
	h.shared = c.s.cfg.Now()
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.r.Context(), storeLimit)
	defer cancel()
	s := Stored{Caller: callerHash(h.caller), At: h.at, Initialize: jsonrpc.NewRequest(bytes.Clone(m.ID), m.Method, m.Params)}
	if err := c.s.cfg.Sessions.Put(ctx, h.id, s, c.s.cfg.IdleLimit); err != nil {
		c.s.log.Warn("session not shared", "error", err)
	}
}

func (c *call) touch(h *hub) {
	if c.s.cfg.Sessions == nil {
		return
	}
	now := c.s.cfg.Now()
	h.mu.Lock()
	due := now.Sub(h.shared) >= touchEvery
	if due {
		h.shared = now
	}
	h.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), storeLimit)
	defer cancel()
	if err := c.s.cfg.Sessions.Touch(ctx, h.id, c.s.cfg.IdleLimit); err != nil {
		c.s.log.Warn("session not kept for other bridges", "error", err)
	}
}

func (c *call) unshare(h *hub) {
	if c.s.cfg.Sessions == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), storeLimit)
	defer cancel()
	if err := c.s.cfg.Sessions.Delete(ctx, h.id); err != nil {
		c.s.log.Warn("session not ended for other bridges", "error", err)
	}
}

// revive opens a session here that the caller opened at another bridge, and is as
// Server.hub is otherwise.
func (c *call) revive(id string) (_ *hub, done func()) {
	if c.s.cfg.Sessions == nil || len(id) > 64 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), storeLimit)
	defer cancel()
	stored, ok, err := c.s.cfg.Sessions.Get(ctx, id)
	if err != nil {
		c.s.log.Warn("sessions of other bridges cannot be looked up", "error", err)
		return nil, nil
	}
	if !ok || stored.Caller != callerHash(c.caller.Key()) || stored.At != c.at {
		return nil, nil
	}
	opening, err := jsonrpc.Parse(stored.Initialize)
	if err != nil {
		return nil, nil
	}
	initialized, err := jsonrpc.Parse([]byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`))
	if err != nil {
		return nil, nil
	}
	h := c.s.newHub(c.at, c.caller, false)
	h.id = id
	session, err := c.s.cfg.Open(h.ctx, c.at, c.caller, false, h.send)
	if err != nil {
		h.stop()
		c.s.log.Warn("no session", "server", c.at.Server, "error", err)
		return nil, nil
	}
	h.session = session
	// Its answer went to the client long ago; send drops this one.
	session.Receive(opening)
	session.Receive(initialized)
	done = h.use(c.s.cfg.Now)
	if !c.s.add(h) {
		h.end()
		return c.s.hub(id, c.caller, c.at) // another request of it was quicker
	}
	return h, done
}
