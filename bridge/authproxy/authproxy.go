// Package authproxy is the local bridge as an authorization server, for MCP
// clients that register themselves (RFC 7591) before an identity provider that
// registers nobody and knows the bridge as its one client.
//
// It asks the person for each client before it sends a browser on (MCP security
// best practices, confused deputy), and hands out only tokens that the guard
// accepts. It keeps no token: a code is redeemed when its client comes for it. It
// must not know MCP, the servers behind the bridge, nor how the guard decides.
package authproxy

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"drawbridge/bridge/secret"
)

// The paths, below the bridge's own address.
const (
	RegisterPath  = "/oauth/register"
	AuthorizePath = "/oauth/authorize"
	CallbackPath  = "/oauth/callback"
	TokenPath     = "/oauth/token"
)

const (
	// stateTime is how long a person may take at the identity provider, and at the
	// page that asks.
	stateTime = 10 * time.Minute
	// codeTime is how long a code is good (RFC 6749 §4.1.2 wants it short).
	codeTime = time.Minute
	// consentTime is how long a person's yes to a client is remembered.
	consentTime = 30 * 24 * time.Hour

	maxCode      = 512 // a code of ours, and what a client shows as one
	maxState     = 256 // a client's state, and ours
	maxChallenge = 256
	maxTheirs    = 4096 // the identity provider's code: some have more than a thousand characters
	maxURI       = 1024
	maxClientID  = 4096
	maxScopes    = 2048
	maxRegister  = 256 << 10
	maxForm      = 1 << 20
)

// Store keeps what belongs to one sign-in until somebody takes it, which only one
// can.
type Store interface {
	Put(ctx context.Context, key string, value []byte, life time.Duration) error
	Take(ctx context.Context, key string) (value []byte, ok bool, err error)
}

// Limits bound how often an address comes.
type Limits interface {
	// Wait is how long the address has to wait first; 0: not at all.
	Wait(ctx context.Context, address string) time.Duration
	// Failed notes something that was forged or guessed.
	Failed(ctx context.Context, address string)
}

// Who is whose a token is.
type Who struct {
	Subject, Email string
	// Expires is the token's end; zero: it has none, or does not say.
	Expires time.Time
}

// ErrRevoked means that somebody is not let in any more.
var ErrRevoked = errors.New("it has been revoked")

// ErrAway means that the guard cannot tell now.
var ErrAway = errors.New("it cannot be checked now")

// Event is something for the record.
type Event struct {
	At time.Time
	// Kind is signed_in, refreshed, denied or revoked.
	Kind string
	Who  Who
	// Client is what the client calls itself, Server what it signed in for.
	Client, Server, Address string
	// Reason says why not.
	Reason string
}

// Config is what a Proxy is made of. All but Store, Limits, Heard, Log and Now are
// required.
type Config struct {
	// Base is the bridge's address, without a path: its name as an issuer.
	Base     string
	Upstream *Upstream
	// Key signs and seals; several bridges that take each other's need the same.
	Key secret.String
	// Offered are the scopes that clients may ask for, Asked those that are asked
	// for when a client names none.
	Offered, Asked []string
	Redirects      Redirects
	// Knows reports whether there is a server of the name.
	Knows func(server string) bool
	// Accept is the guard: a token that it does not accept is not handed out.
	Accept func(ctx context.Context, token secret.String) (Who, error)
	Store  Store
	Limits Limits
	// Heard is told what happened; it must not wait.
	Heard func(Event)
	Log   *slog.Logger
	Now   func() time.Time
}

// Proxy answers. Make it with New; it is safe for concurrent use.
type Proxy struct {
	cfg  Config
	keys keys
	// origin is Base as browsers spell it, secure whether cookies are for https.
	origin string
	secure bool
}

// New makes a Proxy. Its error is for whoever set it up.
func New(c Config) (*Proxy, error) {
	u, err := url.Parse(c.Base)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return nil, errors.New("the address of the bridge has a path, or is none")
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		return nil, errors.New("the address of the bridge is that of all its networks, which no browser can open")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, errors.New("the address of the bridge is not https")
	}
	if err := c.Redirects.check(); err != nil {
		return nil, err
	}
	if len(c.Key.Reveal()) < minKey {
		return nil, errors.New("the key has less than 32 bytes")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Store == nil {
		c.Store = NewMemory(c.Now)
	}
	if c.Limits == nil {
		c.Limits = noLimits{}
	}
	if c.Heard == nil {
		c.Heard = func(Event) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Proxy{cfg: c, keys: newKeys(c.Key), origin: originOf(u), secure: u.Scheme == "https"}, nil
}

// originOf is a URL's origin as a browser spells it (RFC 6454 §6.2).
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	for scheme, port := range map[string]string{"https": ":443", "http": ":80"} {
		if u.Scheme == scheme {
			host = strings.TrimSuffix(host, port)
		}
	}
	return u.Scheme + "://" + host
}

type noLimits struct{}

func (noLimits) Wait(context.Context, string) time.Duration { return 0 }
func (noLimits) Failed(context.Context, string)             {}

// Metadata answers with what RFC 8414 §2 says of an authorization server.
func (p *Proxy) Metadata(w http.ResponseWriter, r *http.Request) {
	if !p.method(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	p.json(w, http.StatusOK, map[string]any{
		"issuer":                                         p.cfg.Base,
		"authorization_endpoint":                         p.cfg.Base + AuthorizePath,
		"token_endpoint":                                 p.cfg.Base + TokenPath,
		"registration_endpoint":                          p.cfg.Base + RegisterPath,
		"revocation_endpoint":                            p.cfg.Base + RevokePath,
		"scopes_supported":                               p.cfg.Offered,
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"token_endpoint_auth_methods_supported":          []string{"none"},
		"revocation_endpoint_auth_methods_supported":     []string{"none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	})
}

// resource says which server a resource indicator (RFC 8707) names. Only the
// bridge's own endpoints are resources of this authorization server.
func (p *Proxy) resource(uri string) (server string, ok bool) {
	path, ours := strings.CutPrefix(uri, p.cfg.Base+"/")
	name, endpoint, found := strings.Cut(strings.TrimSuffix(path, "/"), "/")
	server, _, _ = strings.Cut(name, "@")
	if !ours || !found || (endpoint != "mcp" && endpoint != "sse") || !p.cfg.Knows(server) {
		return "", false
	}
	return server, true
}

// method answers what is not one of the methods.
func (p *Proxy) method(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	if slices.Contains(methods, r.Method) {
		return true
	}
	w.Header().Set("Allow", strings.Join(append(methods, http.MethodOptions), ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
	} else {
		http.Error(w, "Method not allowed.", http.StatusMethodNotAllowed)
	}
	return false
}

// wait is how long who sent a request has to wait, in whole seconds, also told in
// the header.
func (p *Proxy) wait(w http.ResponseWriter, r *http.Request) bool {
	wait := p.cfg.Limits.Wait(r.Context(), address(r))
	if wait <= 0 {
		return false
	}
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	return true
}

func (p *Proxy) json(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache") // RFC 6749 §5.1
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// refuse is an error answer of RFC 6749 §5.2 or RFC 7591 §3.2.2. What it was is
// for the log; the client gets the code and the few words that its programmer
// needs.
func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, status int, code, words string, cause error) {
	p.cfg.Log.Info("sign-in refused", "at", r.URL.Path, "code", code, "why", words, "cause", cause, "address", address(r))
	p.json(w, status, map[string]string{"error": code, "error_description": words})
}

// address is the peer's. X-Forwarded-For is anybody's word and is not believed.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// once is a parameter that must not be there twice (RFC 6749 §3.1).
func once(q url.Values, name string, most int) (string, error) {
	switch {
	case len(q[name]) > 1:
		return "", errors.New(name + " is there twice")
	case len(q.Get(name)) > most:
		return "", errors.New(name + " is too long")
	}
	return q.Get(name), nil
}
