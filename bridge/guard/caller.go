package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"drawbridge/bridge/secret"
)

// Caller is somebody who was admitted.
type Caller struct {
	*Identity
	guard      *Guard
	address    string
	credential string
}

// Exchangeable is the token that the caller showed, to be exchanged for another
// (RFC 8693) and for nothing else: it never goes to a server behind the bridge. An
// API key is none, nor what nobody has checked.
func (c Caller) Exchangeable() (token secret.String, ok bool) {
	if c.guard.cfg.Open || c.Mode == "api-key" {
		return secret.String{}, false
	}
	return secret.New(c.credential), true
}

// Rights is the same for callers who are one and may do the same: what is got in
// return for the token of one may be used for the other.
func (c Caller) Rights() string {
	sorted := func(all []string) []string { return slices.Sorted(slices.Values(all)) }
	sum := sha256.New()
	for _, part := range slices.Concat([]string{c.Client}, sorted(c.Scopes), []string{""}, sorted(c.Roles)) {
		_, _ = fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return c.key() + "\x00" + hex.EncodeToString(sum.Sum(nil))
}

// Key is the same for all requests of one caller.
func (c Caller) Key() string { return c.key() }

func (id *Identity) key() string { return id.Mode + "\x00" + id.Issuer + "\x00" + id.Subject }

// Good reports whether the caller would still be admitted at a server with what
// they showed: it has not ended and was not revoked or denied. What cannot be found
// out now ends nobody's stream: it lets nobody in either.
func (c Caller) Good(ctx context.Context, server string) bool {
	g := c.guard
	if g.cfg.Open {
		return true
	}
	key := hash(c.credential)
	id, no := g.identify(ctx, key, c.credential, g.cfg.Now())
	if no != nil {
		return no.Code == Unavailable
	}
	if g.cfg.Denied != nil {
		if denied, err := g.cfg.Denied.Denied(ctx, id, key); err == nil && denied {
			return false
		}
	}
	return g.policy.Load().mayReach(id, server)
}

// Permit decides whether the caller may send a message. name is the tool, prompt
// or resource that it is about, or "".
func (c Caller) Permit(server, method, name string) *Refusal {
	g := c.guard
	var no *Refusal
	if !g.cfg.Open {
		no = g.policy.Load().permit(c.Identity, server, method, name)
	}
	if no != nil {
		no = g.complete(no, server)
	}
	g.cfg.Heard(Decision{At: g.cfg.Now(), Who: c.Identity, Server: server, Method: method, Name: name, Address: c.address, Refusal: no, RequestID: requestIDOf(no)})
	return no
}

// MayUse reports whether the caller may call a tool: what they may not is not
// listed for them either.
func (c Caller) MayUse(server, tool string) bool {
	return c.guard.cfg.Open || c.guard.policy.Load().permit(c.Identity, server, "tools/call", tool) == nil
}
