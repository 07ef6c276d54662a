// Package serve is the local HTTP bridge: it listens, looks after TLS, puts the
// guard before the front, and answers what is not MCP (health, metrics, resource
// metadata).
//
// It must not know how a session reaches its server, nor where tokens of the
// servers are: what opens a session is given to it.
package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"drawbridge/bridge/audit"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/front/localhttp"
	"drawbridge/bridge/guard"
)

// Config is what a bridge is made of. Guard and Open are required, and one of
// Listen and Socket.
type Config struct {
	// Listen is host:port; a host that is not loopback wants TLS and a guard.
	Listen string
	// Socket is the path of a unix socket.
	Socket string
	// Cert and Key are the files of TLS, read again when they change.
	Cert, Key string
	// RedirectHTTP is host:port of a listener without TLS that sends clients to the
	// one with it; "": none.
	RedirectHTTP string
	// Guard decides; Unguarded says that it admits everybody.
	Guard     *guard.Guard
	Unguarded bool
	// Issuers are the authorization servers whose tokens count; with any, resource
	// metadata is served (RFC 9728).
	Issuers []string
	// SignIn, if not nil, is an authorization server in front of the issuers: it is
	// what that metadata then names (proxy mode).
	SignIn SignIn
	// Scopes are named in that metadata.
	Scopes []string
	// Described gives more members of it, or nil; see config.Bridge.
	Described func() map[string]json.RawMessage
	// PublicURL is how clients reach the bridge; "" is made from the address.
	PublicURL string
	Hosts     []string
	Origins   []string
	// KeyHeader is the header that may hold an API key; "" means X-API-Key.
	KeyHeader string
	MaxBody   int64
	// HeadLimit bounds the time that a request's head may take to come; 0: 10 s.
	HeadLimit time.Duration
	// Knows reports whether there is a server of the name.
	Knows func(server string) bool
	Open  func(ctx context.Context, at localhttp.Target, caller guard.Caller, modern bool, send localhttp.Send) (localhttp.Session, error)
	// Sessions, if not nil, are shared with other bridges.
	Sessions localhttp.Sessions
	// Mirrored is that of the front.
	Mirrored func() localhttp.Mirrored
	// Shown, if not nil, has servers where callers' tokens are exchanged.
	Shown Shown
	// Audit takes the record; nil keeps none.
	Audit *audit.Log
	Log   *slog.Logger
	// Ready is told the addresses when they are open.
	Ready func(addresses []string)
}

const (
	// headLimit and maxHead bound the time and size of a request's head.
	headLimit    = 10 * time.Second
	maxHead      = 32 << 10
	idleLimit    = 2 * time.Minute
	goodbyeLimit = 5 * time.Second
)

// Run serves until ctx ends. Its errors are *fault.Error.
func Run(ctx context.Context, c Config) error {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.HeadLimit <= 0 {
		c.HeadLimit = headLimit
	}
	if err := c.check(); err != nil {
		return err
	}
	listeners, err := c.listen(ctx)
	if err != nil {
		return err
	}
	counts := newCounts()
	front := localhttp.New(localhttp.Config{
		Guard: door{c.Guard, counts, c.Log, c.Shown}, Hosts: c.hosts(), AnyHost: c.Listen == "", Origins: c.Origins, MaxBody: c.MaxBody, KeyHeader: c.KeyHeader, Log: c.Log, Sessions: c.Sessions, Mirrored: c.Mirrored,
		Open: func(ctx context.Context, at localhttp.Target, caller localhttp.Caller, modern bool, send localhttp.Send) (localhttp.Session, error) {
			known := caller.(who).Caller
			c.Log.Info("session opened", "server", at.Server, "account", at.Account, "caller", known.Subject, "email", known.Email, "client", known.Client, "mode", known.Mode)
			return c.Open(ctx, at, known, modern, send)
		},
	})
	server, plain := c.server(c.handler(front, counts)), c.server(c.redirect())
	plain.ReadTimeout, plain.WriteTimeout = redirectLimit, redirectLimit
	served := make(chan error, len(listeners))
	var addresses []string
	for _, l := range listeners {
		if l.redirects {
			go func() { served <- plain.Serve(l) }()
			continue
		}
		addresses = append(addresses, l.address)
		go func() { served <- server.Serve(l) }()
	}
	if c.Ready != nil {
		c.Ready(addresses)
	}
	c.record(audit.Entry{Event: "started", Address: strings.Join(addresses, " ")})
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-served:
	}
	goodbye, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeLimit)
	defer cancel()
	front.Close(goodbye) // ends the streams, so that Shutdown need not wait for them
	for _, s := range []*http.Server{server, plain} {
		if err := s.Shutdown(goodbye); err != nil {
			_ = s.Close()
		}
	}
	c.record(audit.Entry{Event: "ended"})
	if failed != nil && !errors.Is(failed, http.ErrServerClosed) {
		return fault.Wrap(failed, fault.Internal, "The local bridge has stopped.", "Start it again: drawbridge serve")
	}
	return nil
}

func (c Config) record(e audit.Entry) {
	if c.Audit != nil {
		c.Audit.Add(e)
	}
}

// check refuses what would open signed-in accounts to anybody.
func (c Config) check() error {
	usage := func(what, next string) error { return fault.New(fault.Usage, what, next) }
	if c.Listen == "" && c.Socket == "" {
		return usage("The local bridge has no address.", "Give --listen or --socket.")
	}
	if (c.Cert == "") != (c.Key == "") {
		return usage("TLS wants a certificate and its key.", "Give both --tls-cert and --tls-key.")
	}
	if c.RedirectHTTP != "" && (c.Cert == "" || c.Listen == "") {
		return usage("There is no https address to redirect to.", "Give --listen, --tls-cert and --tls-key, or leave --redirect-http out.")
	}
	if c.Listen == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return usage(fmt.Sprintf("%q is no address to listen on.", c.Listen), "Give --listen HOST:PORT, such as 127.0.0.1:7420.")
	}
	if isLoopback(host) {
		return c.checkNames(host)
	}
	switch {
	case c.Unguarded:
		return usage("Without a guard the bridge listens on this computer only.", "Leave --guard none out, or listen on 127.0.0.1.")
	case c.Cert == "":
		return usage(fmt.Sprintf("%s is an address that other computers reach; tokens would cross the network in clear text.", c.Listen),
			"Give --tls-cert and --tls-key, or listen on 127.0.0.1.")
	}
	return c.checkNames(host)
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// handler puts together what is at which path.
func (c Config) handler(front *localhttp.Server, counts *counts) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /metrics", front.FromHere(func(w http.ResponseWriter, r *http.Request) {
		caller, no := c.Guard.Admit(r, metricsName)
		if no == nil {
			no = caller.Permit(metricsName, metricsName, "")
		}
		if no != nil {
			no.Write(w)
			return
		}
		counts.write(w, front.Sessions(), front.Streams())
	}))
	if len(c.Issuers) > 0 {
		mux.HandleFunc("GET "+wellKnown+"{server}/{endpoint}", front.FromHere(c.resourceMetadata))
		// A page that sends MCP-Protocol-Version along asks first.
		mux.HandleFunc("OPTIONS "+wellKnown+"{server}/{endpoint}", front.FromHere(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", "GET, HEAD, OPTIONS")
			w.WriteHeader(http.StatusNoContent)
		}))
	}
	c.signIn(mux, front)
	mux.Handle("/", front)
	return counts.watch(c.secure(mux))
}

// metricsName is what the policy calls the metrics: a server and a method.
const metricsName = "metrics"

const wellKnown = "/.well-known/oauth-protected-resource/"

// MetadataURL is where the resource metadata of a server is; the metrics have none.
func (c Config) MetadataURL(server string) string {
	if server == metricsName {
		return ""
	}
	return c.Base() + wellKnown + server + "/mcp"
}
