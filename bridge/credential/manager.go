// Package credential keeps the tokens of accounts: it signs in, renews, and
// signs out, and it is the only reader and writer of the vault.
//
// A credential belongs to exactly one server and account. Several processes
// share it: whoever finds the access token stale takes a file lock, reads the
// vault again, and refreshes only if nobody else has; the new tokens are in the
// vault before anybody uses them. Facts that are not secret (who, until when)
// are in the state folder, so that others can show them without the keychain.
//
// It must not know MCP, nor how a message travels: it hands out a bearer token
// and takes back the challenge of a server that refused one.
package credential

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
)

// Vault is where secrets are kept; *vault.Vault is one. Get returns
// vault.ErrNotFound for a name that is not there.
type Vault interface {
	Get(ctx context.Context, name string) (secret.String, error)
	Set(ctx context.Context, name string, value secret.String) error
	Delete(ctx context.Context, name string) error
}

// Config is what a Manager needs. Paths and Vault are required; zero values of
// the others mean the default.
type Config struct {
	Paths config.Paths
	Vault Vault
	// HTTP is for requests to servers and authorization servers.
	HTTP *http.Client
	// Heard is told of what becomes of sign-ins; nil: nobody is. It is called with
	// the credential's lock held, so that it must be quick.
	Heard func(Event)
	// Log takes what a person debugging needs; never a secret.
	Log *slog.Logger
	// Now is the clock.
	Now func() time.Time
	// Version goes into the User-Agent header.
	Version string
	// Wrap goes around the transport of OAuth requests, for a trace; see
	// oauth.Config. Nil wraps nothing.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// Manager hands out the accounts of one user. It is safe for concurrent use.
type Manager struct {
	paths config.Paths
	vault Vault
	http  *http.Client
	heard func(Event)
	log   *slog.Logger
	now   func() time.Time
	agent string // User-Agent
	wrap  func(http.RoundTripper) http.RoundTripper

	flights sync.WaitGroup // renewals under way
	closing chan struct{}  // closed by Close: no renewal is tried again
	close   sync.Once

	mu       sync.Mutex
	clients  map[config.TLS]*http.Client // for connections of their own
	accounts map[string]*Account         // by key and settings: one per credential and process
}

// NewManager makes a Manager; nothing is read or written yet.
func NewManager(c Config) *Manager {
	m := &Manager{
		paths: c.Paths, vault: c.Vault, http: c.HTTP, heard: c.Heard, log: c.Log, now: c.Now, wrap: c.Wrap,
		agent: "drawbridge", accounts: map[string]*Account{}, clients: map[config.TLS]*http.Client{}, closing: make(chan struct{}),
	}
	if m.http == nil {
		m.http = &http.Client{}
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if m.now == nil {
		// The wall clock alone: the monotonic one stands still while the machine
		// sleeps, and a token would outlive its end by the length of the sleep.
		m.now = func() time.Time { return time.Now().Round(0) }
	}
	if c.Version != "" {
		m.agent += "/" + c.Version
	}
	return m
}

// Account is the account of a server; "" is the default one. It is cheap and
// returns the same Account for the same credential.
func (m *Manager) Account(s config.Server, account string) *Account {
	if account == "" {
		account = config.DefaultAccount
	}
	key := Key(s, account)
	m.mu.Lock()
	defer m.mu.Unlock()
	settings, _ := json.Marshal(s) // strings always marshal
	id := key + " " + string(settings)
	if a, ok := m.accounts[id]; ok {
		return a
	}
	a := &Account{m: m, server: s, account: account, key: key}
	m.accounts[id] = a
	return a
}

// Close waits until requests for new tokens under way are over, or ctx ends: a
// process that left in the middle of one would lose the rotated refresh token.
// A renewal that waits, for the lock, a connection or another try, is given up.
func (m *Manager) Close(ctx context.Context) {
	m.close.Do(func() { close(m.closing) })
	done := make(chan struct{})
	go func() {
		m.flights.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// oauth makes requests on behalf of a server.
func (m *Manager) oauth(s config.Server) *oauth.Client { return m.oauthFor(s, s.URL) }

// oauthFor makes requests over a server's connections on behalf of somebody else
// whom the person named.
func (m *Manager) oauthFor(s config.Server, on string) *oauth.Client {
	c := OAuthConfig(s)
	c.HTTP, c.Server, c.UserAgent, c.Log, c.Wrap = m.client(s), on, m.agent, m.log, m.wrap
	return oauth.NewClient(c)
}

// OAuthConfig is what a server's settings say of the requests to it and to its
// authorization server, for who looks at them one by one.
func OAuthConfig(s config.Server) oauth.Config {
	noBrowser := s.OAuth.Grant != "" && s.OAuth.Grant != config.AuthorizationCode
	return oauth.Config{Server: s.URL, AllowHTTP: s.AllowHTTP, NoBrowser: noBrowser, Manual: manual(s)}
}
