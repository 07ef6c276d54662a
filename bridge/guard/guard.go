// Package guard decides who may use the local HTTP bridge: by API key, by JWT
// (shared secret or published keys) or by asking the issuer (RFC 7662). It says
// who a caller is, what they may do, and why somebody is refused.
//
// It must not know MCP sessions, nor a token of the servers behind the bridge:
// what a caller shows here is never passed on (MCP, token passthrough).
package guard

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"drawbridge/bridge/secret"
)

// Identity is who a credential belongs to and what it allows.
type Identity struct {
	// Mode is the name of the mode that verified it.
	Mode string
	// Subject is the caller: a claim of the token, or the API key's client.
	Subject string
	// Email and Client are set when the credential names them.
	Email, Client string
	// Unproven says that the address may be anybody's: the issuer says so, or lets
	// people choose it. It is for logs then, not for rules.
	Unproven bool
	// Issuer and ID (jti, or the API key's id) name the credential.
	Issuer, ID string
	// Scopes and Roles are what the policy looks at.
	Scopes, Roles []string
	// Claims are the other claims that are text, for the policy.
	Claims map[string]string
	// Servers and Tools narrow what an API key may do; nil: no narrower.
	Servers, Tools []string
	// Expires is the end of the credential; zero: none.
	Expires time.Time
}

// Mode verifies one kind of credential.
type Mode interface {
	// Name is that of the setting.
	Name() string
	// Takes reports whether a credential is of the mode's kind, without a secret
	// or the network.
	Takes(p Peek) bool
	// Verify returns whose it is. Its error is a *Refusal, or something that is
	// not the caller's fault.
	Verify(ctx context.Context, p Peek) (*Identity, error)
}

// Config is what a Guard is made of.
type Config struct {
	// Modes in the order in which they are asked; none refuses everybody.
	Modes []Mode
	// Open admits everybody: only for loopback, and only when somebody asked for
	// it in words.
	Open bool
	// KeyHeader also holds an API key; "" means X-API-Key.
	KeyHeader string
	// Metadata is the address of the resource metadata (RFC 9728 §5.1) that a
	// refusal names, made from the server's name; nil names none.
	Metadata func(server string) string
	// Realm goes into challenges.
	Realm string
	// Scopes that a challenge asks for.
	Scopes []string
	Policy *Policy
	Denied Denylist
	Cache  *Cache
	Limits Limiter
	// Heard is told of each decision; nil: nobody. It must not wait.
	Heard func(Decision)
	Log   *slog.Logger
	Now   func() time.Time
}

// Decision is one yes or no, for the audit.
type Decision struct {
	At time.Time
	// Who is nil when nobody was recognised.
	Who *Identity
	// Server, Method and Name are what it was about; Method is "" when only the
	// head of the request was looked at.
	Server, Method, Name string
	// Address is where the request came from.
	Address string
	// Refusal is nil for a yes.
	Refusal *Refusal
	// RequestID is in the answer, too.
	RequestID string
}

// Guard admits or refuses requests. It is safe for concurrent use.
type Guard struct {
	cfg    Config
	policy atomic.Pointer[Policy]
}

// New makes a Guard. A Config without modes that is not Open refuses everybody.
func New(c Config) *Guard {
	if c.KeyHeader == "" {
		c.KeyHeader = "X-API-Key"
	}
	if c.Realm == "" {
		c.Realm = "drawbridge"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Cache == nil {
		c.Cache = NewCache(0, 0)
	}
	if c.Heard == nil {
		c.Heard = func(Decision) {}
	}
	c.KeyHeader = http.CanonicalHeaderKey(c.KeyHeader)
	g := &Guard{cfg: c}
	g.SetPolicy(c.Policy)
	return g
}

// SetPolicy replaces what callers may do, from the next message on; nil is the zero
// Policy.
func (g *Guard) SetPolicy(p *Policy) {
	if p == nil {
		p = &Policy{}
	}
	g.policy.Store(p)
}

// verifyLimit bounds the time that a mode may take, network included.
const verifyLimit = 15 * time.Second

// Admit looks at the head of a request and says whose it is. It reads nothing of
// the body.
func (g *Guard) Admit(r *http.Request, server string) (Caller, *Refusal) {
	now := g.cfg.Now()
	address := addressOf(r)
	if g.cfg.Open {
		return Caller{Identity: &openIdentity, guard: g, address: address}, nil
	}
	if g.cfg.Limits != nil {
		if wait := g.cfg.Limits.Take(r.Context(), Address, address, now); wait > 0 {
			return Caller{}, g.refuse(r, server, nil, limited(RateLimited, "too many requests from this address", wait))
		}
	}
	credential, no := g.credential(r)
	if no != nil {
		return Caller{}, g.refuse(r, server, nil, no)
	}
	key := hash(credential)
	// Who was let in before is not locked out with the others of an address:
	// behind one, or on this computer, is more than one client.
	if g.cfg.Limits != nil && !g.cfg.Cache.knows(key) {
		if wait := g.cfg.Limits.LockedOut(r.Context(), address, now); wait > 0 {
			return Caller{}, g.refuse(r, server, nil, limited(LockedOut, "too many refused credentials came from this address", wait))
		}
	}
	id, no := g.identify(r.Context(), key, credential, now)
	if no == nil {
		no = g.denied(r.Context(), id, key)
	}
	if no != nil {
		if g.cfg.Limits != nil && no.guessed() {
			g.cfg.Limits.Failed(r.Context(), address, now)
		}
		return Caller{}, g.refuse(r, server, id, no)
	}
	if g.cfg.Limits != nil {
		if wait := g.cfg.Limits.Take(r.Context(), Subject, id.key(), now); wait > 0 {
			return Caller{}, g.refuse(r, server, id, limited(RateLimited, "too many requests of this caller", wait))
		}
	}
	if !g.policy.Load().mayReach(id, server) {
		return Caller{}, g.refuse(r, server, id, insufficient("the caller has no right to this server", nil))
	}
	return Caller{Identity: id, guard: g, address: address, credential: credential}, nil
}

// Check says whose a credential is that nobody has shown yet, as Admit would: for
// who is about to hand it out.
func (g *Guard) Check(ctx context.Context, credential secret.String) (*Identity, *Refusal) {
	if text := credential.Reveal(); len(text) > maxCredential || !isToken68(text) {
		return nil, malformed("the bearer token is malformed")
	}
	key := HashOf(credential)
	id, no := g.identify(ctx, key, credential.Reveal(), g.cfg.Now())
	if no == nil {
		no = g.denied(ctx, id, key)
	}
	return id, no
}

// denied is a refusal for who is on the denylist, or while nobody can know.
func (g *Guard) denied(ctx context.Context, id *Identity, key Hash) *Refusal {
	if g.cfg.Denied == nil {
		return nil
	}
	switch denied, err := g.cfg.Denied.Denied(ctx, id, key); {
	case err != nil:
		g.cfg.Log.Error("the denylist cannot be read", "error", err)
		return unavailable()
	case denied:
		return invalid("token has been revoked", Revoked)
	}
	return nil
}

// openIdentity is everybody's when nobody is asked.
var openIdentity = Identity{Mode: "none", Subject: "anybody"}

// credential is what the request shows: a bearer token or an API key, never both
// and never twice (RFC 6750 §2).
func (g *Guard) credential(r *http.Request) (string, *Refusal) {
	auth, keys := r.Header["Authorization"], r.Header[g.cfg.KeyHeader]
	switch {
	case len(auth)+len(keys) == 0:
		return "", missing()
	case len(auth)+len(keys) > 1:
		return "", malformed("the request shows more than one credential")
	case len(keys) == 1:
		if keys[0] == "" || len(keys[0]) > maxCredential {
			return "", malformed("the API key is malformed")
		}
		return keys[0], nil
	}
	scheme, token, ok := strings.Cut(auth[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", malformed("the Authorization header is not of the form: Bearer TOKEN")
	}
	if len(token) > maxCredential || !isToken68(token) {
		return "", malformed("the bearer token is malformed")
	}
	return token, nil
}

// maxCredential bounds a token, in bytes.
const maxCredential = 16 << 10

// isToken68 reports whether s has the form of RFC 6750 §2.1.
func isToken68(s string) bool {
	if s == "" {
		return false
	}
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/') {
			return false
		}
	}
	return s != ""
}

// identify asks the cache, then the modes. Equal tokens that come at the same
// time are verified once.
func (g *Guard) identify(ctx context.Context, key Hash, credential string, now time.Time) (*Identity, *Refusal) {
	if id, no, ok := g.cfg.Cache.get(key, now); ok {
		return id, no
	}
	return g.cfg.Cache.once(ctx, key, func() (*Identity, *Refusal) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyLimit)
		defer cancel()
		p := NewPeek(credential)
		for _, m := range g.cfg.Modes {
			if !m.Takes(p) {
				continue
			}
			id, err := m.Verify(ctx, p)
			var no *Refusal
			switch {
			case err == nil:
				return id, nil
			case errors.As(err, &no):
				g.cfg.Log.Info("credential refused", "mode", m.Name(), "why", no.Code, "cause", no.Cause, "token", key.Short())
				return id, no
			}
			g.cfg.Log.Error("credential not verified", "mode", m.Name(), "error", err, "token", key.Short())
			return nil, unavailable()
		}
		return nil, invalid("the token is of no kind that is accepted here", WrongKind)
	}, now)
}

func (g *Guard) refuse(r *http.Request, server string, id *Identity, no *Refusal) *Refusal {
	no = g.complete(no, server)
	g.cfg.Heard(Decision{At: g.cfg.Now(), Who: id, Server: server, Address: addressOf(r), Refusal: no, RequestID: no.RequestID})
	return no
}

// complete is a refusal with what this guard adds to its answer.
func (g *Guard) complete(no *Refusal, server string) *Refusal {
	out := *no
	out.RequestID = rand.Text()
	out.realm = g.cfg.Realm
	if g.cfg.Metadata != nil {
		out.metadata = g.cfg.Metadata(server)
	}
	if len(out.scopes) == 0 && out.Status == http.StatusUnauthorized {
		out.scopes = g.cfg.Scopes
	}
	return &out
}

func requestIDOf(no *Refusal) string {
	if no == nil {
		return ""
	}
	return no.RequestID
}

// addressOf is the peer's address. X-Forwarded-For is anybody's word and is not
// believed.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
