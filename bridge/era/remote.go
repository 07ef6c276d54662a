package era

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
)

// Conn is the connection to a server; *remote.Conn is one.
type Conn interface {
	Open(ctx context.Context, raw []byte, deliver remote.Deliver) error
	Post(ctx context.Context, raw []byte, deliver remote.Deliver) error
	Listen(ctx context.Context, onOpen func(), deliver func(raw []byte)) error
	SetVersion(version string)
	Delete(ctx context.Context, limit time.Duration)
	// Exchange sends a request that stands for itself.
	Exchange(ctx context.Context, raw []byte, headers map[string]string, deliver remote.Deliver) error
}

// Protocol says which era a server is to be spoken to in.
type Protocol string

// The choices of --protocol. The empty one is Auto.
const (
	Auto       Protocol = "auto"
	OnlyLegacy Protocol = "legacy"
	OnlyModern Protocol = "modern"
)

// Config is what a Remote needs. Conn is required.
type Config struct {
	Conn Conn
	// Endpoint is the server's URL, by which its era is remembered.
	Endpoint string
	Memory   Memory
	Protocol Protocol
	// Name and Version say who we are while no client has.
	Name, Version string
	Log           *slog.Logger
}

// Remote presents a server of either era to a session as a legacy one. What a
// modern client has sent, with its version in _meta, goes to a modern server as
// it is. It is safe for concurrent use.
type Remote struct {
	conn     Conn
	endpoint string
	memory   Memory
	protocol Protocol
	self     json.RawMessage // clientInfo
	log      *slog.Logger
	tools    toolbook
	subs     subscriptions
	ids      atomic.Int64

	probing turn // of who asks the server what it is

	// discovered hears what a server answers to a modern client's server/discover;
	// it is set before the first message. nil: nobody wants to know.
	discovered func(params, result json.RawMessage)

	mu           sync.Mutex
	era          Era
	verdicts     int             // how often era was found out, or turned out to be wrong
	opened       bool            // by a legacy client's initialize
	info         json.RawMessage // its clientInfo
	capabilities json.RawMessage // as a modern server is told
	level        json.RawMessage // logging/setLevel; nil: none
	serverCaps   json.RawMessage // capabilities of the DiscoverResult
	calls        map[*flight]struct{}
	asked        map[string]chan jsonrpc.Message // requests to the client, by id
}

// NewRemote makes a Remote; nothing is sent yet.
func NewRemote(c Config) *Remote {
	r := &Remote{
		conn: c.Conn, endpoint: c.Endpoint, memory: c.Memory, protocol: c.Protocol, log: c.Log,
		self:  splice(nil, []field{{"name", quote(c.Name)}, {"version", quote(c.Version)}}),
		calls: map[*flight]struct{}{}, asked: map[string]chan jsonrpc.Message{}, probing: newTurn(),
	}
	r.subs.changed = make(chan struct{})
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	return r
}

// newID makes an id that no client uses.
func (r *Remote) newID() json.RawMessage {
	return json.RawMessage(`"drawbridge-` + strconv.FormatInt(r.ids.Add(1), 10) + `"`)
}

// Open opens a legacy server's session; of a modern server it asks the
// description and makes the answer to initialize out of it.
func (r *Remote) Open(ctx context.Context, raw []byte, deliver remote.Deliver) error {
	m, err := jsonrpc.Parse(raw)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.opened = true
	r.info = jsonrpc.Member(m.Params, "clientInfo")
	r.capabilities = clientCapabilities(jsonrpc.Member(m.Params, "capabilities"))
	r.mu.Unlock()

	presumed := r.presumed()
	if presumed == Legacy {
		r.set(Legacy)
		err := r.conn.Open(ctx, raw, r.seen(true, deliver))
		if r.protocol == OnlyLegacy || !saysModern(err) {
			return err
		}
		r.forget()
	}
	f, err := r.probe(ctx)
	if err != nil {
		return err
	}
	if f.era == Legacy {
		if presumed == Modern {
			r.forget()
			r.set(Legacy)
		}
		err := r.conn.Open(ctx, raw, r.seen(f.sure, deliver))
		if f.sure || !saysModern(err) {
			return err
		}
		// The guess was wrong; who refuses both is asked no third time.
		var again error
		if f, again = r.probe(ctx); again != nil || f.era == Legacy {
			return err
		}
	}
	if !deliver(jsonrpc.NewResult(m.ID, initializeResult(m.Params, f.result))) {
		return remote.ErrNoAnswer
	}
	return nil
}

// seen remembers the server as legacy when its answer to initialize is a result.
func (r *Remote) seen(sure bool, deliver remote.Deliver) remote.Deliver {
	return func(raw []byte) bool {
		m, err := jsonrpc.Parse(raw)
		if sure && err == nil && m.Result != nil && jsonrpc.Member(m.Result, "protocolVersion") != nil {
			r.remember(Legacy)
		}
		return deliver(raw)
	}
}

// saysModern reports whether a refusal of initialize is of a server that knows
// only the modern era.
func saysModern(err error) bool {
	var status *remote.StatusError
	return errors.As(err, &status) && status.Status >= 400 && status.Status < 500 &&
		status.Status != 408 && status.Status != 429
}

// SetVersion implements a session's remote. To a modern server the version goes
// with each request.
func (r *Remote) SetVersion(version string) {
	if !r.isModern() {
		r.conn.SetVersion(version)
	}
}

// Delete implements a session's remote. A modern server has no sessions.
func (r *Remote) Delete(ctx context.Context, limit time.Duration) {
	if !r.isModern() {
		r.conn.Delete(ctx, limit)
	}
}

func (r *Remote) isModern() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.era == Modern
}

// Post sends a message of the client.
func (r *Remote) Post(ctx context.Context, raw []byte, deliver remote.Deliver) error {
	r.mu.Lock()
	known, number, opened := r.era, r.verdicts, r.opened
	r.mu.Unlock()
	if known == Legacy || known == Unknown && opened {
		return r.conn.Post(ctx, raw, deliver)
	}
	m, err := jsonrpc.Parse(raw)
	if err != nil {
		return err
	}
	switch {
	case m.IsResponse():
		r.answered(m)
		return nil
	case m.IsNotification():
		// A modern server takes none; a cancelled call's stream is closed.
		if m.Method == methodCancelled {
			r.cancelled(jsonrpc.Member(m.Params, "requestId"))
		}
		return nil
	}
	if known == Unknown {
		if known, err = r.Era(ctx); err != nil {
			return err
		}
		if known == Legacy {
			return r.conn.Post(ctx, raw, deliver)
		}
		_, number = r.known()
	}
	f, ctx, end := r.takeOff(ctx, m.ID)
	defer end()
	if metaOf(m.Params, metaVersion) != nil || !opened {
		err = r.pass(ctx, m, number, deliver)
	} else {
		err = r.translate(ctx, m, deliver)
	}
	if err != nil && f.isCancelled() {
		// The client wants no answer any more, and gets none: what waits for one
		// gives up by itself.
		<-f.outer.Done()
		return f.outer.Err()
	}
	return err
}

// flight is a request on its way to a modern server.
type flight struct {
	id        json.RawMessage
	outer     context.Context
	cancel    context.CancelFunc
	mu        sync.Mutex
	cancelled bool
}

func (f *flight) isCancelled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cancelled
}

func (r *Remote) takeOff(outer context.Context, id json.RawMessage) (*flight, context.Context, func()) {
	ctx, cancel := context.WithCancel(outer)
	f := &flight{id: id, outer: outer, cancel: cancel}
	r.mu.Lock()
	r.calls[f] = struct{}{}
	r.mu.Unlock()
	return f, ctx, func() {
		cancel()
		r.mu.Lock()
		delete(r.calls, f)
		r.mu.Unlock()
	}
}

// cancelled closes the stream of the request that the client names, which is how
// a modern server learns of it (MCP 2026-07-28, cancellation).
func (r *Remote) cancelled(id json.RawMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for f := range r.calls {
		if jsonrpc.SameID(f.id, id) {
			f.mu.Lock()
			f.cancelled = true
			f.mu.Unlock()
			f.cancel()
		}
	}
}
