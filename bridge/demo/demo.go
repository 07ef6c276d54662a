package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of Config.
const (
	// DefaultTokenLifetime is short, so that a person watching sees a refresh.
	DefaultTokenLifetime   = 15 * time.Second
	DefaultRefreshLifetime = 24 * time.Hour
)

// closeGrace is how long Close lets requests under way finish.
const closeGrace = 2 * time.Second

// Config says how a demo runs. Its zero value is usable.
type Config struct {
	// Addr is a loopback address, "127.0.0.1:0" when empty.
	Addr string
	// TokenLifetime is the life of an access token: at least one second,
	// DefaultTokenLifetime when zero.
	TokenLifetime time.Duration
	// RefreshLifetime is the life of a refresh token since it was issued:
	// at least one second, DefaultRefreshLifetime when zero.
	RefreshLifetime time.Duration
	// Log may be nil.
	Log *slog.Logger
	// Now is the clock, time.Now when nil.
	Now func() time.Time
}

// Counts are what happened so far, seen from the server's side.
type Counts struct {
	// Authorizations are sign-in pages shown; the person may still refuse.
	Authorizations int `json:"authorizations"`
	// Registrations are clients registered.
	Registrations int `json:"registrations"`
	// TokenRequests are requests to the token endpoint, refused ones included.
	TokenRequests int `json:"tokenRequests"`
	// Refreshes are refresh tokens exchanged for new ones.
	Refreshes int `json:"refreshes"`
	// Reuses are codes and refresh tokens presented again after their one use.
	Reuses int `json:"reuses"`
	// Revocations are tokens revoked at the revocation endpoint.
	Revocations int `json:"revocations"`
	// MCPCalls are tool calls that ran, all with a good access token.
	MCPCalls int `json:"mcpCalls"`
}

// counters are Counts while they grow.
type counters struct {
	authorizations, registrations, tokenRequests, refreshes, reuses, revocations, mcpCalls atomic.Int64
}

// Demo is a running demo. Close it.
type Demo struct {
	cfg      Config
	host     string // host:port
	keys     *keys
	clients  *clients
	requests *requests
	grants   *grants
	sessions *sessions
	counts   counters

	server    *http.Server
	cancel    context.CancelFunc
	served    chan struct{}
	closeOnce sync.Once
	closeErr  error
	unwatch   func() bool
}

// Start listens and serves until Close is called or ctx ends. An address that
// is not loopback is an error, as is a lifetime below a second.
func Start(ctx context.Context, cfg Config) (*Demo, error) {
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	signing, err := newKeys()
	if err != nil {
		return nil, fmt.Errorf("start the demo: %w", err)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("start the demo: %w", err)
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d := &Demo{
		cfg:      cfg,
		host:     ln.Addr().String(),
		keys:     signing,
		clients:  newClients(cfg.Now),
		requests: newRequests(cfg.Now),
		grants:   newGrants(cfg.Now, cfg.TokenLifetime, cfg.RefreshLifetime),
		sessions: newSessions(cfg.Now),
		cancel:   cancel,
		served:   make(chan struct{}),
	}
	d.server = &http.Server{
		Handler:           d.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(d.served)
		if err := d.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			cfg.Log.Error("the demo stopped serving", "err", err)
		}
	}()
	d.unwatch = context.AfterFunc(ctx, d.shutdown)
	cfg.Log.Info("the demo is up", "mcp", d.URL())
	return d, nil
}

// filled puts the defaults in and refuses what cannot be served.
func (c Config) filled() (Config, error) {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if err := checkLoopback(c.Addr); err != nil {
		return c, err
	}
	if c.TokenLifetime == 0 {
		c.TokenLifetime = DefaultTokenLifetime
	}
	if c.RefreshLifetime == 0 {
		c.RefreshLifetime = DefaultRefreshLifetime
	}
	// JWT times are whole seconds, and so is expires_in.
	if c.TokenLifetime < time.Second || c.RefreshLifetime < time.Second {
		return c, errors.New("start the demo: a lifetime below one second cannot be told to a client")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, nil
}

// checkLoopback refuses every address that is not a loopback IP address and a
// port. A name, even localhost, may resolve to anything.
func checkLoopback(addr string) error {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return fmt.Errorf("start the demo: %q is not an IP address and a port", addr)
	}
	if !ap.Addr().IsLoopback() {
		return fmt.Errorf("start the demo: %s is not a loopback address; the demo never serves another machine", addr)
	}
	return nil
}

func (d *Demo) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", d.serverMetadata)
	mux.HandleFunc("GET /.well-known/oauth-protected-resource/mcp", d.resourceMetadata)
	mux.HandleFunc("GET /jwks", d.jwks)
	mux.HandleFunc("POST /register", d.register)
	mux.HandleFunc("GET /authorize", d.authorize)
	mux.HandleFunc("POST /authorize", d.decide)
	mux.HandleFunc("GET /style.css", style)
	mux.HandleFunc("POST /token", d.token)
	mux.HandleFunc("POST /revoke", d.revoke)
	mux.Handle("/mcp", d.protected(d.sessions.around(d.mcpHandler())))
	return d.onlyHere(mux)
}

// onlyHere refuses requests that a page of another site made in the person's
// browser: a name that was rebound to loopback shows in Host, a cross-site
// request in Origin (MCP 2025-11-25 transports: Origin must be validated).
func (d *Demo) onlyHere(next http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(d.host)
	alias := net.JoinHostPort("localhost", port)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(r.Host)
		if host != d.host && host != alias {
			http.Error(w, "This server answers to its own loopback address only.", http.StatusForbidden)
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+host {
			http.Error(w, "This server does not answer the pages of other sites.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// URL is the address of the MCP server, which is also its resource identifier
// (RFC 8707) and the audience of its tokens.
func (d *Demo) URL() string { return d.Issuer() + "/mcp" }

// Issuer identifies the authorization server (RFC 8414 §2).
func (d *Demo) Issuer() string { return "http://" + d.host }

// Counts is a copy of the counters.
func (d *Demo) Counts() Counts {
	return Counts{
		Authorizations: int(d.counts.authorizations.Load()),
		Registrations:  int(d.counts.registrations.Load()),
		TokenRequests:  int(d.counts.tokenRequests.Load()),
		Refreshes:      int(d.counts.refreshes.Load()),
		Reuses:         int(d.counts.reuses.Load()),
		Revocations:    int(d.counts.revocations.Load()),
		MCPCalls:       int(d.counts.mcpCalls.Load()),
	}
}

// Close ends open streams, gives other requests two seconds and returns when
// nothing serves any more. Calling it again returns the same.
func (d *Demo) Close() error {
	d.unwatch()
	d.shutdown()
	return d.closeErr
}

func (d *Demo) shutdown() {
	d.closeOnce.Do(func() {
		d.cancel()
		ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		if err := d.server.Shutdown(ctx); err != nil {
			// Requests that did not notice their context: cut them off.
			d.closeErr = d.server.Close()
		}
		<-d.served
	})
}
