// Package exchange gets, for a token that a caller showed to the local bridge,
// one that the server behind it takes (RFC 8693). The caller's own token never
// goes to that server.
//
// It must not know how a token is checked or how a message travels.
package exchange

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// Subject is what a caller showed, and until when it is good; zero: that is not
// known.
type Subject struct {
	Token secret.String
	Until time.Time
}

// Issued is what it was exchanged for. Life is 0 when the authorization server
// does not say.
type Issued struct {
	Token secret.String
	Life  time.Duration
}

// Ask exchanges a token at the authorization server. Its errors are *fault.Error.
type Ask func(ctx context.Context, subject secret.String) (Issued, error)

const (
	// mostKept bounds the tokens that are kept.
	mostKept = 10_000
	// askLimit bounds one exchange.
	askLimit = 20 * time.Second
	// unsaid is how long a token is used whose life the server does not say.
	unsaid = time.Minute
	// margin is how long before its end a token is not used any more, at most a
	// tenth of its life.
	margin = 10 * time.Second
	// refusedFor is how long a refusal counts, and how long a fresh token that the
	// server refuses is not replaced.
	refusedFor = 10 * time.Second
)

// Exchanger exchanges tokens for those of one server. What it got is kept by the
// hash of the caller's token until either ends; equal tokens that come at the same
// time are exchanged once. It is safe for concurrent use.
type Exchanger struct {
	ask Ask
	now func() time.Time

	mu     sync.Mutex
	kept   map[[sha256.Size]byte]*entry
	flying map[[sha256.Size]byte]*flight
}

// entry is a token, or why there is none.
type entry struct {
	token secret.String
	err   error
	since time.Time
	until time.Time
}

type flight struct {
	done  chan struct{}
	entry *entry
}

// New makes an Exchanger. now nil is the clock.
func New(ask Ask, now func() time.Time) *Exchanger {
	if now == nil {
		now = time.Now
	}
	return &Exchanger{ask: ask, now: now, kept: map[[sha256.Size]byte]*entry{}, flying: map[[sha256.Size]byte]*flight{}}
}

func hashOf(s secret.String) [sha256.Size]byte { return sha256.Sum256([]byte(s.Reveal())) }

// Token is the server's token for a caller's. Its errors are *fault.Error, or
// those of ctx.
func (x *Exchanger) Token(ctx context.Context, s Subject) (secret.String, error) {
	key := hashOf(s.Token)
	x.mu.Lock()
	if e := x.kept[key]; e != nil && x.now().Before(e.until) {
		x.mu.Unlock()
		return e.token, e.err
	}
	f := x.flying[key]
	if f == nil {
		f = &flight{done: make(chan struct{})}
		x.flying[key] = f
		go x.fly(context.WithoutCancel(ctx), key, s, f)
	}
	x.mu.Unlock()
	select {
	case <-f.done:
		return f.entry.token, f.entry.err
	case <-ctx.Done():
		return secret.String{}, ctx.Err()
	}
}

// fly asks. It ends within askLimit.
func (x *Exchanger) fly(ctx context.Context, key [sha256.Size]byte, s Subject, f *flight) {
	defer close(f.done)
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	got, err := x.ask(ctx, s.Token)
	now := x.now()
	e := &entry{token: got.Token, err: err, since: now}
	switch {
	case err == nil:
		life := got.Life
		if life <= 0 {
			life = unsaid
		}
		e.until = now.Add(life - min(margin, life/10))
		if !s.Until.IsZero() && s.Until.Before(e.until) {
			e.until = s.Until // a caller whose token has ended is nobody
		}
	case fault.Is(err, fault.Refused):
		e.until = now.Add(refusedFor)
	default:
		e.until = now // the authorization server is away: the next call asks again
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.flying, key)
	f.entry = e
	if len(x.kept) >= mostKept {
		x.sweep(now)
	}
	x.kept[key] = e
}

// sweep forgets what has ended and, if that is nothing, some of the rest. The
// caller holds mu.
func (x *Exchanger) sweep(now time.Time) {
	for key, e := range x.kept {
		if !now.Before(e.until) {
			delete(x.kept, key)
		}
	}
	for key := range x.kept {
		if len(x.kept) < mostKept-mostKept/10 {
			return
		}
		delete(x.kept, key)
	}
}

// Drop forgets a token that the server refused. It reports false when that is
// fresh, so that another would be refused as well.
func (x *Exchanger) Drop(s Subject, token secret.String) bool {
	key := hashOf(s.Token)
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.kept[key]
	switch {
	case e == nil || !e.token.Equal(token): // there is another by now
		return true
	case x.now().Sub(e.since) < refusedFor:
		return false
	}
	delete(x.kept, key)
	return true
}
