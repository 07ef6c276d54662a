// Package localhttp serves MCP clients on this machine, or on a network that
// its owner chose, over HTTP: Streamable HTTP (MCP 2025-03-26 to 2026-07-28) at
// /SERVER/mcp and the HTTP+SSE of 2024-11-05 at /SERVER/sse.
//
// Nothing of a request's body is read before the guard has admitted its sender.
// The package must not know tokens: whose requests these are, and what they may
// do, it learns from the guard; the server's side is behind a Session.
package localhttp

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// Defaults of Config, and bounds that nobody has asked to change.
const (
	// DefaultMaxBody bounds the body of a request, in bytes.
	DefaultMaxBody = 64 << 20
	// DefaultIdleLimit is how long a session without a request or a stream is kept.
	DefaultIdleLimit = 30 * time.Minute
	// DefaultMaxSessions bounds the sessions that are kept at once.
	DefaultMaxSessions = 20000
	// maxBatch bounds the messages of a batch (MCP 2025-03-26).
	maxBatch = 256
	// closeLimit bounds the goodbye to the server when a session ends.
	closeLimit = time.Second
)

// Target names what a request is for: a server and an account at it, "" for the
// one that counts.
type Target struct{ Server, Account string }

// Session is one client's connection to a server; *session.Session is one.
type Session interface {
	// Receive takes one message of the client.
	Receive(m jsonrpc.Message)
	// Close ends the session and waits no longer than limit.
	Close(limit time.Duration)
}

// Send takes one message for the client. related is the id of the client's
// request on whose account the message comes, as the client spelt it, or nil.
type Send func(related []byte, message []byte) error

// Caller is who sent a request, as the guard found out.
type Caller interface {
	// Key is the same for requests of one caller and different for those of two:
	// a session belongs to its caller, for a session id proves nothing (MCP
	// 2025-11-25, session hijacking).
	Key() string
	// Permit decides whether the caller may send a message. name is the tool,
	// prompt or resource that it is about, or "".
	Permit(at Target, method, name string) Refusal
	// Good reports whether the caller would still be let in with what they showed.
	Good(ctx context.Context) bool
}

// Refusal is a guard's no. It writes the whole answer.
type Refusal interface {
	error
	Write(w http.ResponseWriter)
}

// Mirrored checks headers against the arguments that they mirror (MCP 2026-07-28,
// tools, x-mcp-header); *era.ParamBook is one.
type Mirrored interface {
	// Learn reads the result of a tools/list.
	Learn(result json.RawMessage)
	// Check returns an error for the client when a header is not as the argument is.
	Check(tool string, arguments json.RawMessage, header http.Header) error
}

// Guard decides who may use the bridge.
type Guard interface {
	// Admit looks at a request's head and address, never at its body.
	Admit(r *http.Request, at Target) (Caller, Refusal)
}

// Config is what a Server needs. Open and Guard are required.
type Config struct {
	// Open connects a caller to a server. modern says that the client speaks
	// 2026-07-28, where one session serves all its requests. Its error is shown
	// to the client; ErrNoServer is answered with 404.
	Open func(ctx context.Context, at Target, caller Caller, modern bool, send Send) (Session, error)
	// Guard admits or refuses each request.
	Guard Guard
	// Hosts are names that the Host header may hold beside those of loopback; with
	// AnyHost it is not looked at (a unix socket has no name to rebind).
	Hosts   []string
	AnyHost bool
	// Origins are web pages that may call, as scheme://host[:port], beside those
	// on loopback; to these alone CORS answers.
	Origins []string
	// KeyHeader is the header that may hold an API key; "" means X-API-Key.
	KeyHeader string
	// MaxBody, IdleLimit and MaxSessions are bounds; zero values mean the default.
	MaxBody     int64
	IdleLimit   time.Duration
	MaxSessions int
	// Sessions, if not nil, lets other bridges go on with a session of this one.
	Sessions Sessions
	// Mirrored makes what knows the arguments that clients of 2026-07-28 mirror in
	// headers; nil: they are not looked at.
	Mirrored func() Mirrored
	// Versions are the legacy protocol versions that the header may name.
	Versions []string
	Log      *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

// ErrNoServer means that there is no server of the name.
var ErrNoServer = errors.New("there is no such server")

// Server answers MCP clients over HTTP. Make it with New; it is an http.Handler.
type Server struct {
	cfg  Config
	log  *slog.Logger
	ctx  context.Context // ends with Close
	stop context.CancelFunc
	work sync.WaitGroup

	streams atomic.Int64 // that have a connection of their own

	mu     sync.Mutex
	closed bool
	hubs   map[string]*hub    // by session id
	of     map[string]int     // how many each caller has
	modern map[string]*shared // by caller and target
}

// New makes a Server and starts the goroutine that ends idle sessions; Close
// ends it and all sessions.
func New(c Config) *Server {
	if c.MaxBody <= 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.IdleLimit <= 0 {
		c.IdleLimit = DefaultIdleLimit
	}
	if c.MaxSessions <= 0 {
		c.MaxSessions = DefaultMaxSessions
	}
	if c.KeyHeader == "" {
		c.KeyHeader = "X-API-Key"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Versions == nil {
		c.Versions = []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{cfg: c, log: c.Log, ctx: ctx, stop: stop, hubs: map[string]*hub{}, of: map[string]int{}, modern: map[string]*shared{}}
	s.work.Go(s.sweep)
	return s
}

// Close ends all sessions and waits until they are gone, or ctx ends.
func (s *Server) Close(ctx context.Context) {
	s.stop()
	s.mu.Lock()
	s.closed = true
	hubs, modern := s.hubs, s.modern
	s.hubs, s.of, s.modern = map[string]*hub{}, map[string]int{}, map[string]*shared{}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		var all sync.WaitGroup
		for _, h := range hubs {
			all.Go(h.end)
		}
		for _, m := range modern {
			all.Go(m.end)
		}
		all.Wait()
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Sessions is how many sessions are open.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.hubs) + len(s.modern)
}

// Streams is how many streams are open of which the handler has returned.
func (s *Server) Streams() int { return int(s.streams.Load()) }

// ServeHTTP answers /SERVER[@ACCOUNT]/mcp, /SERVER[@ACCOUNT]/sse and the message
// endpoint of the latter.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if !s.fromHere(w, r) {
		return
	}
	at, endpoint, ok := split(r.URL.Path)
	if !ok {
		http.Error(w, "MCP is at /SERVER/mcp, or at /SERVER/sse for old clients.", http.StatusNotFound)
		return
	}
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", allowed[endpoint])
		w.WriteHeader(http.StatusNoContent)
		return
	}
	caller, refused := s.cfg.Guard.Admit(r, at)
	if refused != nil {
		refused.Write(w)
		return
	}
	c := &call{s: s, w: w, r: r, at: at, caller: caller}
	switch {
	case endpoint == "mcp" && r.Method == http.MethodPost:
		c.post()
	case endpoint == "mcp" && r.Method == http.MethodGet:
		c.get()
	case endpoint == "mcp" && r.Method == http.MethodDelete:
		c.delete()
	case endpoint == "sse" && r.Method == http.MethodGet:
		c.openSSE()
	case endpoint == "messages" && r.Method == http.MethodPost:
		c.postSSE()
	default:
		w.Header().Set("Allow", allowed[endpoint])
		http.Error(w, "Method not allowed.", http.StatusMethodNotAllowed)
	}
}

// allowed are the methods of each endpoint.
var allowed = map[string]string{
	"mcp": "GET, POST, DELETE, OPTIONS", "sse": "GET, OPTIONS", "messages": "POST, OPTIONS",
}

// split takes /SERVER[@ACCOUNT]/ENDPOINT apart.
func split(path string) (at Target, endpoint string, ok bool) {
	rest, found := strings.CutPrefix(path, "/")
	name, endpoint, more := strings.Cut(rest, "/")
	if !found || !more || name == "" || allowed[endpoint] == "" {
		return Target{}, "", false
	}
	at.Server, at.Account, more = strings.Cut(name, "@")
	return at, endpoint, at.Server != "" && (!more || at.Account != "")
}

// call is one HTTP request being answered.
type call struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	at     Target
	caller Caller
}
