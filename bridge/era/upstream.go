package era

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// askLimit bounds the wait for what a Client itself asks of a session.
const askLimit = 15 * time.Second

// upstream is a session with a legacy server for one set of capabilities of a
// modern client.
type upstream struct {
	c       *Client
	session Session
	// capabilities are what the client offers here.
	capabilities json.RawMessage
	ready        chan struct{} // closed when initialized is set, or err
	initialized  json.RawMessage
	err          error
	// following is whose turn it is to begin or end the subscription of a resource,
	// raising to set the log level.
	following, raising turn

	mu        sync.Mutex
	lastID    int
	waits     map[string]chan jsonrpc.Message // what the Client itself asked
	calls     map[string]*call                // by the id upstream
	listeners map[*listener]struct{}
	resources map[string]int // who follows the resources that are subscribed to; a key comes and goes in the turn
	level     int            // index into levels of the log level that was set; -1: none
}

// upstreamFor is the session for a request, opened when it is the first of its
// kind.
func (c *Client) upstreamFor(ctx context.Context, m jsonrpc.Message) (*upstream, error) {
	info := metaOf(m.Params, metaClientInfo)
	capabilities := metaOf(m.Params, metaCapabilities)
	key := string(info) + "\n" + string(capabilities)
	c.mu.Lock()
	u := c.upstreams[key]
	if u == nil {
		if c.ctx.Err() != nil { // Close may have its list of sessions already
			c.mu.Unlock()
			return nil, c.ctx.Err()
		}
		if len(c.upstreams) >= maxUpstreams {
			c.mu.Unlock()
			return nil, errors.New("too many different sets of capabilities in one connection")
		}
		u = &upstream{
			c: c, capabilities: bytes.Clone(capabilities), ready: make(chan struct{}), waits: map[string]chan jsonrpc.Message{},
			calls: map[string]*call{}, listeners: map[*listener]struct{}{}, resources: map[string]int{}, level: -1,
			following: newTurn(), raising: newTurn(),
		}
		first := !slices.ContainsFunc(slices.Collect(maps.Values(c.upstreams)), func(o *upstream) bool { return o.session == c.first })
		c.upstreams[key] = u
		if u.session = c.first; !first {
			u.session, _ = c.connect(u.take)
		}
		c.mu.Unlock()
		u.open(info)
	} else {
		c.mu.Unlock()
	}
	select {
	case <-u.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if u.err != nil { // the next request tries again
		c.mu.Lock()
		mine := c.upstreams[key] == u
		if mine {
			delete(c.upstreams, key)
		}
		c.mu.Unlock()
		if mine && u.session != c.first {
			u.session.Close(time.Second)
		}
	}
	return u, u.err
}

// open says initialize for the client.
func (u *upstream) open(info json.RawMessage) {
	defer close(u.ready)
	if !isObject(info) {
		info = json.RawMessage(`{"name":"unknown","version":"0"}`)
	}
	answer, err := u.ask(u.c.ctx, methodInitialize, splice(nil, []field{
		{"protocolVersion", quote(LatestLegacy)}, {"capabilities", without(u.capabilities, "tasks")}, {"clientInfo", info},
	}))
	switch {
	case err != nil:
		u.err = err
	case answer.Error != nil:
		u.err = &answered{answer.Error}
	default:
		u.initialized = answer.Result
		u.receive(jsonrpc.NewNotification(methodInitialized))
	}
}

// answered is the server's own error.
type answered struct{ problem json.RawMessage }

// Error implements error.
func (e *answered) Error() string { return string(e.problem) }

func (u *upstream) receive(raw []byte) {
	m, err := jsonrpc.Parse(raw)
	if err != nil {
		u.c.log.Error("message of our own making is unreadable", "error", err)
		return
	}
	u.session.Receive(m)
}

func (u *upstream) newID() json.RawMessage {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lastID++
	return json.RawMessage(strconv.Itoa(u.lastID))
}

// ask sends a request on the Client's own account and waits for the response.
func (u *upstream) ask(ctx context.Context, method string, params json.RawMessage) (jsonrpc.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	id, wait := u.newID(), make(chan jsonrpc.Message, 1)
	u.mu.Lock()
	u.waits[string(id)] = wait
	u.mu.Unlock()
	u.receive(jsonrpc.NewRequest(id, method, params))
	select {
	case m := <-wait:
		return m, nil
	case <-ctx.Done():
		u.mu.Lock()
		delete(u.waits, string(id))
		u.mu.Unlock()
		return jsonrpc.Message{}, fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// take is the session's Send: what the server, or the session itself, says.
func (u *upstream) take(related json.RawMessage, raw []byte) error {
	m, err := jsonrpc.Parse(bytes.Clone(raw))
	if err != nil {
		return err
	}
	switch {
	case m.IsResponse():
		u.mu.Lock()
		wait, one := u.waits[string(m.ID)], u.calls[string(m.ID)]
		delete(u.waits, string(m.ID))
		delete(u.calls, string(m.ID))
		u.mu.Unlock()
		switch {
		case wait != nil:
			wait <- m // it has room for one
		case one != nil:
			one.finish(m)
		}
	case m.IsRequest():
		u.asked(related, m)
	default:
		u.notified(related, m)
	}
	return nil
}

// asked takes a request of the server: into the call on whose account it comes,
// if it is one that may ask, else it is refused (MCP 2026-07-28: requests of a
// server that belong to no call are not supported).
func (u *upstream) asked(related json.RawMessage, m jsonrpc.Message) {
	if m.Method == methodPing {
		u.receive(jsonrpc.NewResult(m.ID, json.RawMessage(`{}`)))
		return
	}
	one := u.callOf(related)
	if one == nil || !takesInput[one.method] || !offers(u.capabilities, inputRequest{method: m.Method, params: m.Params}) {
		u.receive(jsonrpc.NewError(m.ID, codeUnknownMethod, "The client cannot be asked that here.", nil))
		return
	}
	one.ask(m)
}

// callOf is the call on whose account a message comes. What comes without an
// account belongs to the only call that can have caused it.
func (u *upstream) callOf(related json.RawMessage) *call {
	u.mu.Lock()
	defer u.mu.Unlock()
	if related != nil {
		return u.calls[string(related)]
	}
	var only *call
	for _, one := range u.calls {
		if !takesInput[one.method] {
			continue
		}
		if only != nil {
			return nil
		}
		only = one
	}
	return only
}

func (u *upstream) notified(related json.RawMessage, m jsonrpc.Message) {
	switch m.Method {
	case methodProgress:
		if related == nil {
			u.mu.Lock()
			for _, one := range u.calls {
				if one.token != nil && jsonrpc.SameID(one.token, jsonrpc.Member(m.Params, "progressToken")) {
					related = one.id
				}
			}
			u.mu.Unlock()
		}
		if one := u.callOf(related); one != nil && related != nil {
			one.tell(m.Raw)
		}
	case methodLog:
		// Only who asked for it, on the stream of its own request.
		if one := u.callOf(related); one != nil && related != nil && one.wantsLog(text(jsonrpc.Member(m.Params, "level"))) {
			one.tell(m.Raw)
		}
	case methodCancelled:
		if one := u.callOf(related); one != nil {
			one.unask(jsonrpc.Member(m.Params, "requestId"))
		}
	default:
		u.publish(m)
	}
}
