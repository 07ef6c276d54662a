package era

import (
	"context"
	"encoding/json"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// Descriptions keeps what servers said of themselves, so that a client need not
// wait for it; a session's memory is one.
type Descriptions interface {
	// Describe returns what was kept for the params of such a client; nil when
	// nothing is known. It does not wait.
	Describe(params json.RawMessage) json.RawMessage
	// Keep stores it.
	Keep(ctx context.Context, params, result json.RawMessage)
}

// checkLimit bounds the look at whether a server still is as it was described.
const checkLimit = 30 * time.Second

// kind is what descriptions of a modern client's server are kept under: they
// depend on its version and capabilities.
func kind(params json.RawMessage) json.RawMessage {
	return splice(nil, []field{{"protocolVersion", metaOf(params, metaVersion)}, {"capabilities", metaOf(params, metaCapabilities)}})
}

// describe answers the first server/discover of a client out of what is known of
// a modern server, and looks behind the client's back whether it still is so. How
// long the server lets it be kept says nothing any more. It reports whether it has
// answered. (What is known of a legacy server, its session keeps.)
func (c *Client) describe(m jsonrpc.Message) bool {
	if c.descriptions == nil || m.Method != methodDiscover || text(metaOf(m.Params, metaVersion)) != Version {
		return false
	}
	if c.remote == nil || c.remote.presumed() != Modern {
		return false
	}
	c.mu.Lock()
	again := c.asked
	c.asked = true
	c.mu.Unlock()
	if again { // the client wants to know how it is now
		return false
	}
	known := c.descriptions.Describe(kind(m.Params))
	if !isObject(known) {
		return false
	}
	c.reply(m.ID, jsonrpc.NewResult(m.ID, splice(known, []field{{"ttlMs", json.RawMessage("0")}, {"cacheScope", quote("private")}})))
	c.work.Go(func() { c.check(m) })
	return true
}

// check asks the server what it is now, and keeps it. What is in the way, such as
// a sign-in, is noted as with any request.
func (c *Client) check(m jsonrpc.Message) {
	ctx, cancel := context.WithTimeout(c.ctx, checkLimit)
	defer cancel()
	var result json.RawMessage
	err := c.first.Try(ctx, func(ctx context.Context) (err error) {
		result, err = c.remote.describe(ctx, m.Params)
		return err
	})
	switch {
	case c.ctx.Err() != nil:
	case err != nil:
		why, _ := c.first.Excuse(m, err)
		c.log.Info("the server's description could not be checked", "why", why)
	default:
		c.keep(m.Params, result)
	}
}

// keep stores what a server says of itself.
func (c *Client) keep(params, result json.RawMessage) {
	if c.descriptions != nil && isObject(result) {
		c.descriptions.Keep(c.ctx, kind(params), result)
	}
}

// describe asks a modern server what it is, in a client's words; nil: it does not
// say, and may have become another.
func (r *Remote) describe(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
	id := r.newID()
	_, number := r.known()
	answer, err := r.exchange(ctx, id, jsonrpc.NewRequest(id, methodDiscover, params), standardHeaders(Version, methodDiscover, params), func([]byte) {})
	if saysModern(err) || err == nil && answer.Error != nil {
		r.disprove(number)
	}
	return answer.Result, err
}
