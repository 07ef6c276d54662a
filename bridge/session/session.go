// Package session joins one client to one server: it passes every message on
// in both directions, keeps the protocol's lifecycle on the remote side, and
// turns what goes wrong there into an answer that a person can act on.
//
// It knows MCP's lifecycle and JSON-RPC ids; it must not know OAuth, the vault
// or how the client is connected.
package session

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
)

// Credential is the account that the session uses; *credential.Account is one.
type Credential interface {
	remote.Bearer
	// Reject returns nil when another token may be tried.
	Reject(ctx context.Context, r credential.Rejection) error
	// Name is what a person calls the server.
	Name() string
}

// Config is what a Session needs. Remote, Credential and Send are required.
type Config struct {
	Remote     *remote.Conn
	Credential Credential
	// Send passes one message, without a line break in it, to the client. It
	// is safe for concurrent use.
	Send func(message []byte) error
	// NeedSignIn is told, once for each need, that only a person can go on.
	NeedSignIn func(ctx context.Context)
	Log        *slog.Logger
}

const (
	// firstAnswer bounds how long a client waits for the answer to initialize;
	// what the server says later is followed by list_changed.
	firstAnswer = 10 * time.Second
	// callAnswer bounds how long a call waits for a server that was not there.
	callAnswer = 900 * time.Millisecond
	// lookAgain is the first pause between tries to reach a server that needs a
	// sign-in or does not answer, lookSeldom the longest.
	lookAgain  = time.Second
	lookSeldom = 30 * time.Second
)

// Session is one client connected to one server. Make it with New, give it the
// client's messages with Receive, end it with Close.
type Session struct {
	remote     *remote.Conn
	credential Credential
	send       func([]byte) error
	needSignIn func(context.Context)
	log        *slog.Logger

	ctx    context.Context // ends with Close; for the goroutines of the session
	cancel context.CancelFunc
	work   sync.WaitGroup

	notes chan jsonrpc.Message // notifications and responses of the client, in order

	mu         sync.Mutex
	initialize *jsonrpc.Message // the client's, to repeat when the server forgot the session
	ready      bool             // the server knows this session
	described  bool             // the client got a minimal description instead of the server's
	listening  bool             // the GET stream is kept
	asked      bool             // NeedSignIn was called for the present need
	connecting *attempt         // a connection under way
	opening    chan struct{}    // closed when `initialized` has reached the server; nil: nothing to wait for
	epoch      int              // counts connections, so that one loss leads to one new connection
}

// New makes a Session and starts its goroutines; Close ends them.
func New(c Config) *Session {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Session{
		remote: c.Remote, credential: c.Credential, send: c.Send, needSignIn: c.NeedSignIn, log: c.Log,
		ctx: ctx, cancel: cancel, notes: make(chan jsonrpc.Message, 256),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.needSignIn == nil {
		s.needSignIn = func(context.Context) {}
	}
	s.work.Go(s.sendNotes)
	return s
}

// Receive takes one message of the client. It returns at once, except that
// notifications wait while 256 others do.
func (s *Session) Receive(m jsonrpc.Message) {
	switch {
	case m.Method == string(mcp.MethodInitialize) && m.IsRequest():
		s.work.Go(func() { s.open(m) })
	case m.IsRequest():
		opening := s.waitOpening()
		s.work.Go(func() {
			if opening != nil { // a request must not overtake `initialized`
				select {
				case <-opening:
				case <-s.ctx.Done():
					return
				}
			}
			s.call(m)
		})
	default:
		if m.Method == initialized {
			s.mu.Lock()
			s.opening = make(chan struct{})
			s.mu.Unlock()
		}
		select {
		case s.notes <- m:
		case <-s.ctx.Done():
		}
	}
}

// Close ends the session: what is in flight is given up, and the server is told
// (DELETE), for which it waits no longer than limit.
func (s *Session) Close(limit time.Duration) {
	s.cancel()
	s.remote.Delete(context.Background(), limit)
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// initialized is the notification after which a server takes requests.
const initialized = "notifications/initialized"

func (s *Session) waitOpening() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opening
}

// sendNotes posts notifications and responses one after another, in the
// client's order.
func (s *Session) sendNotes() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case m := <-s.notes:
			s.sendNote(m)
		}
	}
}

func (s *Session) sendNote(m jsonrpc.Message) {
	if m.Method == initialized {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.opening != nil {
				close(s.opening)
				s.opening = nil
			}
		}()
	}
	if !s.isReady() {
		return // the server knows nothing that it could be about
	}
	if err := s.exchange(s.ctx, m.Raw, nil); err != nil && s.ctx.Err() == nil {
		s.log.Warn("message of the client not delivered", "method", m.Method, "error", err)
		return
	}
	if m.Method == initialized {
		s.listen()
	}
}

// call passes a request on and sees to it that it is answered exactly once.
func (s *Session) call(m jsonrpc.Message) {
	if err := s.connected(m); err != nil {
		if m.Method == string(mcp.MethodPing) {
			s.reply(jsonrpc.NewResult(m.ID, json.RawMessage(`{}`))) // the client asks whether we live
			return
		}
		s.fail(m, err)
		return
	}
	epoch := s.currentEpoch()
	err := s.pass(m)
	if sessionGone(err) {
		// The server did not act: it does not know the session. Say initialize
		// again and repeat the request (MCP 2025-03-26, session management).
		if err = s.reconnect(epoch); err == nil {
			err = s.pass(m)
		}
	}
	if err != nil && s.ctx.Err() == nil {
		s.fail(m, err)
	}
}

// pass posts a request and sends what comes back to the client. A nil error
// means that the response was among it.
func (s *Session) pass(m jsonrpc.Message) error {
	return s.exchange(s.ctx, m.Raw, func(raw []byte) bool { return s.relay(raw, m.ID) })
}

// relay sends the server's message, or each message of its batch, to the
// client. It reports whether the response to id was among them.
func (s *Session) relay(raw []byte, id json.RawMessage) (responded bool) {
	batch, err := jsonrpc.Split(raw)
	if err != nil {
		s.log.Warn("unreadable message of the server dropped", "error", err, "bytes", len(raw))
		return false
	}
	for _, one := range batch {
		m, err := jsonrpc.Parse(one)
		if err != nil {
			s.log.Warn("unreadable message of the server dropped", "error", err, "bytes", len(one))
			continue
		}
		if m.IsResponse() && id != nil {
			responded = true
			if m.ID == nil && m.Error != nil { // an error that did not say whose it is
				s.reply(jsonrpc.Answer(id, m))
				continue
			}
		}
		s.reply(m.Raw)
	}
	return responded
}

func (s *Session) reply(raw []byte) {
	if err := s.send(raw); err != nil && s.ctx.Err() == nil {
		s.log.Warn("client does not read", "error", err)
	}
}

// exchange posts a message, and once more with another token when the server
// refuses the one it got. A 401 says that the message was not processed.
func (s *Session) exchange(ctx context.Context, raw []byte, deliver remote.Deliver) error {
	for try := 0; ; try++ {
		err := s.remote.Post(ctx, raw, deliver)
		var refused *remote.Challenge
		if !errors.As(err, &refused) || refused.Status != 401 || try > 0 {
			return err
		}
		if err := s.credential.Reject(ctx, credential.Rejection{
			Token: refused.Token, Status: refused.Status, Challenge: refused.Header,
		}); err != nil {
			return err
		}
	}
}

func sessionGone(err error) bool {
	var status *remote.StatusError
	return errors.As(err, &status) && status.Status == 404 && status.Session
}
