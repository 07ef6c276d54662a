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
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/bridge/band"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
	"drawbridge/bridge/remote"
)

// Credential is the account that the session uses; *credential.Account is one.
type Credential interface {
	remote.Bearer
	// Reject returns nil when another token may be tried.
	Reject(ctx context.Context, r credential.Rejection) error
	// StepUp returns nil when another token may be tried after a 403.
	StepUp(ctx context.Context, r credential.Rejection) error
	// Name is what a person calls the server.
	Name() string
}

// Remote is the server's side of a session; *remote.Conn is one. Its errors are
// those of that package.
type Remote interface {
	// Open sends initialize, which begins a session.
	Open(ctx context.Context, raw []byte, deliver remote.Deliver) error
	// Post sends any other message.
	Post(ctx context.Context, raw []byte, deliver remote.Deliver) error
	// Listen delivers what the server says of its own accord until that ends.
	Listen(ctx context.Context, onOpen func(), deliver func(raw []byte)) error
	// SetVersion tells the version that initialize agreed on.
	SetVersion(version string)
	// Delete ends the session within limit.
	Delete(ctx context.Context, limit time.Duration)
}

// Config is what a Session needs. Remote, Credential and Send are required.
type Config struct {
	Remote     Remote
	Credential Credential
	// Send passes one message, without a line break in it, to the client. It
	// is safe for concurrent use.
	Send func(message []byte) error
	// SendFor, when it is there, gets what the server says on account of a request
	// of the client instead, with the request's id: over HTTP it goes down that
	// request's stream.
	SendFor func(id json.RawMessage, message []byte) error
	// Memory may be nil: then each initialize is answered by the server.
	Memory Memory
	// Hide says which tools the client does not get to see; nil: none.
	Hide func(tool string) bool
	// CallLimit is how long a request may go unanswered without progress, and a
	// tenth of how long with it; 0 has no end.
	CallLimit time.Duration
	// SignIn starts a sign-in that the client's person asked for; open says whether
	// a browser is to be opened, or the client shows the address. nil: a client that
	// is signed out gets neither a tool nor an address.
	SignIn func(ctx context.Context, open bool) (SignInStarted, error)
	// NeedSignIn is told, once for each need, that only a person can go on.
	NeedSignIn func(ctx context.Context)
	// Called is told of each request after it was answered; it must not block.
	// nil: nobody watches.
	Called func(Call)
	Log    *slog.Logger
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
	// noteLimit bounds how long the server may take to accept a notification or
	// a response; those behind it wait.
	noteLimit = 30 * time.Second
	// cancelGrace is how long a request that the client cancelled may still be
	// answered. Some servers neither answer it nor end its stream.
	cancelGrace = 5 * time.Second
	// maxInFlight bounds the requests under way, so that a client that asks and
	// does not read cannot fill the memory.
	maxInFlight = 1024
)

// Session is one client connected to one server. Make it with New, give it the
// client's messages with Receive, end it with Close.
type Session struct {
	remote     Remote
	credential Credential
	send       func([]byte) error
	sendFor    func(json.RawMessage, []byte) error
	needSignIn func(context.Context)
	memory     Memory
	called     func(Call)
	signIn     func(context.Context, bool) (SignInStarted, error)
	hide       func(string) bool
	callLimit  time.Duration
	log        *slog.Logger

	ctx    context.Context // ends with Close; for the goroutines of the session
	cancel context.CancelFunc
	work   band.Band
	crew   crew // for requests

	notes queue // notifications and responses of the client, in order

	noteLimit, cancelGrace, describeAfter time.Duration

	greeted atomic.Bool // the client takes notifications

	leaving chan struct{} // closed when Close begins
	leave   func()        // closes it; may be called again

	mu          sync.Mutex
	picture     picture
	offered     bool              // the client's list of tools is the one that has the sign-in
	watching    bool              // somebody waits for the end of that
	initialize  *jsonrpc.Message  // the client's, to repeat when the server forgot the session
	ready       bool              // the server knows this session
	described   bool              // the client got a minimal description, or what it asked for failed
	told        bool              // the server also got `initialized`
	listening   bool              // the GET stream is kept
	relisten    func()            // ends the present GET stream, so that another begins
	streamEpoch int               // of the present GET stream
	stream      chan struct{}     // closed when it is known whether there is a GET stream, or that takes long
	asked       bool              // NeedSignIn was called for the present need
	met         int               // how many needs for which it was called are over
	stepped     *remote.Challenge // the refusal that a step-up was asked for last
	connecting  *attempt          // a connection under way
	opening     chan struct{}     // closed when `initialized` has reached the server; nil: nothing to wait for
	epoch       int               // counts connections, so that one loss leads to one new connection
	eliciting   *elicitation      // a sign-in that the client leads its person to
	elicited    int               // how many there were
	shown       *elicitation      // the last that has ended
	inFlight    map[*request]struct{}
	byID        map[string]*request // those of inFlight, by their id as it was spelt
	wishes      wishes
}

// New makes a Session. Close ends it and the goroutines that it has by then.
func New(c Config) *Session {
	ctx, cancel := context.WithCancel(context.Background())
	leaving := make(chan struct{})
	s := &Session{
		remote: c.Remote, credential: c.Credential, send: c.Send, sendFor: c.SendFor, needSignIn: c.NeedSignIn, called: c.Called, log: c.Log,
		ctx: ctx, cancel: cancel, leaving: leaving, leave: sync.OnceFunc(func() { close(leaving) }),
		memory: c.Memory, signIn: c.SignIn, hide: c.Hide, callLimit: c.CallLimit, noteLimit: noteLimit, cancelGrace: cancelGrace, describeAfter: describeAfter, inFlight: map[*request]struct{}{}, byID: map[string]*request{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.sendFor == nil {
		s.sendFor = func(_ json.RawMessage, raw []byte) error { return s.send(raw) }
	}
	if s.memory == nil {
		s.memory = forgetful{}
	}
	if s.needSignIn == nil {
		s.needSignIn = func(context.Context) {}
	}
	s.crew = crew{work: &s.work, next: make(chan func()), done: ctx.Done()}
	return s
}

// Receive takes one message of the client. It returns at once, except that
// notifications wait while 256 others do.
func (s *Session) Receive(m jsonrpc.Message) {
	switch {
	case m.Method == mcp.MethodInitialize && m.IsRequest():
		a := s.begin(m)
		s.work.Go(func() { s.open(m, a) })
	case m.IsRequest():
		opening := s.waitOpening()
		r, ok := s.accept(m)
		if !ok {
			// From here, so that a client that does not read is not read either.
			s.reply(jsonrpc.NewError(m.ID, jsonrpc.CodeBridge, fmt.Sprintf("%d requests are under way already. Wait for some answers.", maxInFlight), nil))
			return
		}
		s.crew.run(func() {
			defer s.done(r)
			if m.Method == mcp.MethodPing && !s.isReady() {
				empty := json.RawMessage(`{}`)
				s.answered(m.ID, func(r *request) { r.answer.Result = empty })
				s.reply(jsonrpc.NewResult(m.ID, empty)) // the client asks whether we live
				return
			}
			if opening != nil { // a request must not overtake `initialized`
				select {
				case <-opening:
				case <-r.ctx.Done():
				}
			}
			if !s.call(r.ctx, m) && errors.Is(context.Cause(r.ctx), errTooLong) {
				s.tooLong(m)
			}
		})
	case s.heard(m):
	default:
		switch m.Method {
		case initialized:
			s.mu.Lock()
			if s.opening == nil {
				s.opening = make(chan struct{})
			}
			s.mu.Unlock()
		case mcp.NotificationCancelled:
			s.letGo(jsonrpc.Member(m.Params, "requestId"))
		}
		s.takeNote(s.ctx, &note{m: m})
	}
}

// Close ends the session: what the client has said is still sent, the answers
// are given up, and the server is told (DELETE). That takes no longer than limit.
func (s *Session) Close(limit time.Duration) {
	begun := time.Now()
	s.leave()
	s.drain(limit * 2 / 3)
	limit -= time.Since(begun)
	s.cancel()
	done := make(chan struct{})
	go func() {
		s.remote.Delete(context.Background(), limit)
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
