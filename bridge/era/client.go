package era

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"drawbridge/bridge/band"
	"drawbridge/bridge/jsonrpc"
)

// Session is a client's connection to a server, as of the legacy era;
// *session.Session is one.
type Session interface {
	Receive(m jsonrpc.Message)
	Close(limit time.Duration)
	// Try does something at the server, again with another token when it refuses
	// the first.
	Try(ctx context.Context, do func(ctx context.Context) error) error
	// Fail answers a request with what went wrong, and asks for a person when
	// that is what helps.
	Fail(m jsonrpc.Message, err error)
	// Await waits for the sign-in that the client was sent to by the answer to an
	// earlier request, and returns the request as it was then; any other it returns
	// as it is.
	Await(ctx context.Context, m jsonrpc.Message) (jsonrpc.Message, error)
	// Excuse is what went wrong with a request in words; later says that it may go well later.
	Excuse(m jsonrpc.Message, err error) (why string, later bool)
}

// Send takes a message for the client. related is the client's request on whose
// account it comes, or nil.
type Send func(related json.RawMessage, message []byte) error

// ClientConfig is what a Client needs. Connect and Send are required.
type ClientConfig struct {
	// Connect makes a session, whose messages go to send, and the Remote that it
	// speaks through.
	Connect func(send Send) (Session, *Remote)
	Send    Send
	// Descriptions may be nil: then each server/discover is answered by the server.
	Descriptions Descriptions
	Log          *slog.Logger
}

// Client presents a client of either era to sessions. A legacy client speaks to
// one session as if nothing were between. So does a modern one whose server is
// modern, too; for a legacy server its requests are put into a session for each
// set of capabilities that it names (MCP 2026-07-28: capabilities come with each
// request).
type Client struct {
	connect func(Send) (Session, *Remote)
	send    Send

	descriptions Descriptions
	log          *slog.Logger
	first        Session
	remote       *Remote
	ctx          context.Context // ends with Close
	cancel       context.CancelFunc
	work         band.Band
	seal         sealer

	mu        sync.Mutex
	mode      mode
	begun     bool          // the first message has come: it shows the client's era
	deciding  chan struct{} // closed when the attempt to know the server's era is over
	decideErr error
	upstreams map[string]*upstream // by capabilities and name of the client
	calls     map[*call]struct{}
	lastCall  int
	serving   map[string]bool // requests taken in by id; true: cancelled meanwhile
	asked     bool            // server/discover was said
}

// mode is what a Client does with messages.
type mode int

const (
	undecided mode = iota // no message yet, or the server's era is not known
	passing               // both ends are of one era
	bridging              // a modern client, a legacy server
)

const (
	// maxUpstreams bounds the sessions of one client.
	maxUpstreams = 8
	// decideLimit bounds the wait for the server to show its era; a client that
	// knows both takes a longer silence for the legacy one.
	decideLimit = 8 * time.Second
)

// NewClient makes a Client with its first session. Close ends it.
func NewClient(c ClientConfig) *Client {
	ctx, cancel := context.WithCancel(context.Background())
	cl := &Client{
		connect: c.Connect, send: c.Send, descriptions: c.Descriptions, log: c.Log, ctx: ctx, cancel: cancel, seal: newSealer(),
		upstreams: map[string]*upstream{}, calls: map[*call]struct{}{}, serving: map[string]bool{},
	}
	if cl.log == nil {
		cl.log = slog.New(slog.DiscardHandler)
	}
	cl.first, cl.remote = c.Connect(func(related json.RawMessage, raw []byte) error {
		return cl.fromFirst(related, raw)
	})
	if cl.remote != nil {
		cl.remote.discovered = cl.keep
	}
	return cl
}

// fromFirst takes what the first session says.
func (c *Client) fromFirst(related json.RawMessage, raw []byte) error {
	c.mu.Lock()
	bridged := c.mode == bridging
	c.mu.Unlock()
	if !bridged {
		return c.send(related, raw)
	}
	c.mu.Lock()
	var u *upstream
	for _, one := range c.upstreams {
		if one.session == c.first {
			u = one
		}
	}
	c.mu.Unlock()
	if u == nil { // an answer of Fail from before
		return c.send(related, raw)
	}
	return u.take(related, raw)
}

// Receive takes one message of the client.
func (c *Client) Receive(m jsonrpc.Message) {
	c.mu.Lock()
	if !c.begun {
		if c.begun = true; !IsModern(m) {
			c.mode = passing
		}
	}
	now := c.mode
	switch {
	case now == passing:
	case m.IsRequest():
		c.serving[string(m.ID)] = false
	case m.Method == methodCancelled: // before the mode can change: whoever finds out what it is sees this
		id := string(jsonrpc.Member(m.Params, "requestId"))
		if _, early := c.serving[id]; early {
			c.serving[id] = true
		}
	}
	c.mu.Unlock()
	switch {
	case now == passing:
		c.first.Receive(m)
	case m.IsRequest():
		c.work.Go(func() {
			c.serve(m)
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.serving, string(m.ID))
		})
	case m.Method == methodCancelled:
		c.cancelCall(jsonrpc.Member(m.Params, "requestId"))
	default: // a modern client says nothing else
	}
}

// serve answers a modern client's request.
func (c *Client) serve(m jsonrpc.Message) {
	if c.describe(m) {
		return
	}
	m, err := c.first.Await(c.ctx, m)
	if err != nil {
		c.first.Fail(m, err)
		return
	}
	if err := c.decide(); err != nil {
		if c.ctx.Err() != nil {
			return
		}
		why, later := c.first.Excuse(m, err)
		if m.Method == methodDiscover && later {
			c.reply(m.ID, jsonrpc.NewResult(m.ID, minimalDiscovery(why)))
			return
		}
		c.first.Fail(m, err)
		return
	}
	c.mu.Lock()
	now, cancelled := c.mode, c.serving[string(m.ID)]
	c.mu.Unlock()
	switch {
	case now == bridging:
		c.bridge(m)
	case !cancelled: // else the client wants no answer any more
		c.first.Receive(m)
	}
}

// decide finds out what the server is, once; who comes meanwhile waits.
func (c *Client) decide() error {
	c.mu.Lock()
	if c.mode != undecided {
		c.mu.Unlock()
		return nil
	}
	if wait := c.deciding; wait != nil {
		select {
		case <-wait: // an earlier attempt has failed
		default:
			c.mu.Unlock()
			select {
			case <-wait:
			case <-c.ctx.Done():
				return c.ctx.Err()
			}
			c.mu.Lock()
			err := c.decideErr
			c.mu.Unlock()
			return err
		}
	}
	done := make(chan struct{})
	c.deciding = done
	c.mu.Unlock()

	ctx, cancel := context.WithTimeout(c.ctx, decideLimit)
	defer cancel()
	found := Legacy
	var err error
	if c.remote != nil { // nil: a transport that only legacy servers have
		err = c.first.Try(ctx, func(ctx context.Context) error {
			var eraErr error
			found, eraErr = c.remote.Era(ctx)
			return eraErr
		})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
	case found == Modern:
		c.mode = passing
	default:
		c.mode = bridging
	}
	c.decideErr = err
	close(done)
	return err
}

// Close ends the sessions within limit.
func (c *Client) Close(limit time.Duration) {
	c.cancel()
	c.mu.Lock()
	sessions := []Session{c.first}
	for _, u := range c.upstreams {
		if u.session != c.first {
			sessions = append(sessions, u.session)
		}
	}
	calls := slices.Collect(maps.Keys(c.calls))
	c.mu.Unlock()
	for _, one := range calls {
		one.stop()
	}
	var all sync.WaitGroup
	for _, s := range sessions {
		all.Go(func() { s.Close(limit) })
	}
	all.Wait()
	done := make(chan struct{})
	go func() {
		c.work.Wait()
		close(done)
	}()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

func (c *Client) reply(related json.RawMessage, raw []byte) {
	if err := c.send(related, raw); err != nil && c.ctx.Err() == nil {
		c.log.Warn("client does not read", "error", err)
	}
}

func (c *Client) refuse(m jsonrpc.Message, code int, message string, data any) {
	c.reply(m.ID, jsonrpc.NewError(m.ID, code, message, data))
}
