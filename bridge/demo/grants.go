package demo

import (
	"crypto/subtle"
	"slices"
	"sync"
	"time"
)

const (
	// codeLifetime is short: a client exchanges its code at once (RFC 6749
	// §4.1.2 allows ten minutes at most).
	codeLifetime = time.Minute
	// sweepEvery is how often what has expired is forgotten.
	sweepEvery = time.Minute
)

// grant is what a person allowed: the family that all codes and tokens issued
// for it belong to.
type grant struct {
	client   *client
	person   person
	resource string
	scopes   []string
	nonce    string
	signedIn time.Time
	revoked  bool // guarded by grants.mu
}

// refreshable reports whether the grant gets refresh tokens: the client
// registered for them.
func (g *grant) refreshable() bool { return slices.Contains(g.client.grantTypes, grantRefresh) }

type code struct {
	grant       *grant
	redirectURI string
	challenge   string
	expires     time.Time
	used        bool
}

type refreshToken struct {
	grant   *grant
	expires time.Time
	used    bool
}

type accessToken struct {
	grant   *grant
	expires time.Time
	revoked bool
}

// issued is what one successful token request gets.
type issued struct {
	grant   *grant
	tokenID string // jti of the access token
	scopes  []string
	refresh string // "" when there is none
	at      time.Time
	expires time.Time
}

// grants are the codes and tokens that were issued, kept by their digest. It
// knows the rules of single use and of families, and nothing of HTTP or JWT.
type grants struct {
	now             func() time.Time
	tokenLifetime   time.Duration
	refreshLifetime time.Duration

	mu      sync.Mutex
	codes   map[digest]*code
	refresh map[digest]*refreshToken
	access  map[string]*accessToken // by jti
	swept   time.Time
}

func newGrants(now func() time.Time, token, refresh time.Duration) *grants {
	return &grants{
		now: now, tokenLifetime: token, refreshLifetime: refresh,
		codes:   map[digest]*code{},
		refresh: map[digest]*refreshToken{},
		access:  map[string]*accessToken{},
		swept:   now(),
	}
}

// newCode issues a code for what a person just allowed.
func (g *grants) newCode(gr *grant, redirectURI, challenge string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep()
	value := random()
	g.codes[digestOf(value)] = &code{
		grant: gr, redirectURI: redirectURI, challenge: challenge,
		expires: g.now().Add(codeLifetime),
	}
	return value
}

// redemption is an attempt to exchange a code (RFC 6749 §4.1.3, RFC 7636 §4.5).
type redemption struct {
	client            *client
	code, redirectURI string
	resource          string
	verifierChallenge string // computed from the verifier; "" when it has no verifier's form
}

// redeem exchanges a code. A code is spent by being shown, whatever comes of
// it; showing it again revokes what it gave (RFC 6749 §4.1.2). reused says so.
func (g *grants) redeem(r redemption) (got issued, reused bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep()
	c, ok := g.codes[digestOf(r.code)]
	if !ok || c.grant.client != r.client {
		return issued{}, false, refuse("invalid_grant", "the code is not known for this client, or has expired")
	}
	if c.used {
		c.grant.revoked = true
		return issued{}, true, refuse("invalid_grant", "the code was used before; what it gave is revoked")
	}
	c.used = true
	switch {
	case !g.now().Before(c.expires):
		return issued{}, false, refuse("invalid_grant", "the code is not known for this client, or has expired")
	case c.redirectURI != r.redirectURI:
		return issued{}, false, refuse("invalid_grant", "redirect_uri is not the one of the authorization request")
	case subtle.ConstantTimeCompare([]byte(c.challenge), []byte(r.verifierChallenge)) != 1:
		return issued{}, false, refuse("invalid_grant", "code_verifier does not fit the challenge")
	case c.grant.resource != r.resource:
		return issued{}, false, refuse("invalid_target", "resource is not the one of the authorization request")
	}
	return g.issue(c.grant, c.grant.scopes), false, nil
}

// rotate exchanges a refresh token for a new one (RFC 9700 §4.14.2). Showing a
// spent one revokes the family: one of the two who showed it is a thief.
func (g *grants) rotate(cl *client, token, resource string, scopes []string) (got issued, reused bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep()
	gone := refuse("invalid_grant", "the refresh token is not known for this client, has expired or is revoked")
	t, ok := g.refresh[digestOf(token)]
	if !ok || t.grant.client != cl {
		return issued{}, false, gone
	}
	if t.used {
		t.grant.revoked = true
		return issued{}, true, refuse("invalid_grant", "the refresh token was used before; the whole family is revoked")
	}
	if t.grant.revoked || !g.now().Before(t.expires) {
		return issued{}, false, gone
	}
	// What is wrong with the request itself does not cost the token.
	if t.grant.resource != resource {
		return issued{}, false, refuse("invalid_target", "resource is not the one of the authorization request")
	}
	if scopes == nil {
		scopes = t.grant.scopes
	}
	for _, s := range scopes {
		if !slices.Contains(t.grant.scopes, s) {
			return issued{}, false, refuse("invalid_scope", "the scope is wider than what was granted")
		}
	}
	t.used = true
	return g.issue(t.grant, scopes), false, nil
}

// issue makes an access token's record and the next refresh token. g.mu is held.
func (g *grants) issue(gr *grant, scopes []string) issued {
	now := g.now()
	out := issued{grant: gr, tokenID: random(), scopes: scopes, at: now, expires: now.Add(g.tokenLifetime)}
	// One second more: the claim is rounded up to whole seconds.
	g.access[out.tokenID] = &accessToken{grant: gr, expires: out.expires.Add(time.Second)}
	if gr.refreshable() {
		out.refresh = random()
		g.refresh[digestOf(out.refresh)] = &refreshToken{grant: gr, expires: now.Add(g.refreshLifetime)}
	}
	return out
}

// live reports whether the access token with this jti was neither revoked nor
// issued by somebody else.
func (g *grants) live(tokenID string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, ok := g.access[tokenID]
	return ok && !t.revoked && !t.grant.revoked
}

// revokeRefresh revokes the family of a refresh token (RFC 7009 §2.1).
func (g *grants) revokeRefresh(cl *client, token string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, ok := g.refresh[digestOf(token)]
	if !ok || t.grant.client != cl || t.grant.revoked {
		return false
	}
	t.grant.revoked = true
	return true
}

// revokeAccess revokes one access token and leaves its family alone.
func (g *grants) revokeAccess(cl *client, tokenID string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, ok := g.access[tokenID]
	if !ok || t.grant.client != cl || t.revoked {
		return false
	}
	t.revoked = true
	return true
}

// sweep forgets what has expired. Spent codes and refresh tokens are kept until
// then, so that showing them again is noticed. g.mu is held.
func (g *grants) sweep() {
	now := g.now()
	if now.Sub(g.swept) < sweepEvery {
		return
	}
	g.swept = now
	for k, c := range g.codes {
		// A spent code outlives itself a little: that is when a copy shows up.
		if now.Sub(c.expires) > 10*codeLifetime {
			delete(g.codes, k)
		}
	}
	for k, t := range g.refresh {
		if !now.Before(t.expires) {
			delete(g.refresh, k)
		}
	}
	for k, t := range g.access {
		if !now.Before(t.expires) {
			delete(g.access, k)
		}
	}
}
