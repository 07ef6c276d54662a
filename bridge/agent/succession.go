package agent

import (
	"context"
	"sync"
	"time"

	"drawbridge/bridge/control"
	"drawbridge/bridge/token"
)

// rememberLimit bounds one look into the vault for a token to remember.
const rememberLimit = 15 * time.Second

// succession is what the last two tokens of each credential said: decoded
// values, in memory only. The zero value is ready; it is safe for concurrent use.
type succession struct {
	mu  sync.Mutex
	all map[string]*successor // by credential key
}

// successor is a token and the one before it.
type successor struct {
	now    token.Said
	before *token.Said
	asked  time.Time // when the token was issued that was looked for last
	noted  time.Time // when it was found out last what its token says
}

// note takes in what the current token says. One that is known changes nothing.
func (s *succession) note(key string, said token.Said) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]*successor{}
	}
	known := s.all[key]
	switch {
	case known == nil:
		known = &successor{now: said, asked: said.IssuedAt}
		s.all[key] = known
	case said.IssuedAt.After(known.now.IssuedAt):
		before := known.now
		known.now, known.before, known.asked = said, &before, said.IssuedAt
	}
	known.noted = time.Now()
}

// difference is nil while only one token of the credential is known.
func (s *succession) difference(key string) *token.Difference {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.all[key]
	if known == nil || known.before == nil {
		return nil
	}
	d := token.Compare(*known.before, known.now)
	return &d
}

// missed reports whether a token was issued at the time that is not known yet,
// though one before it is; it says so once for each.
func (s *succession) missed(key string, issued time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.all[key]
	if known == nil || !issued.After(known.asked) {
		return false
	}
	known.asked = issued
	return true
}

// keep forgets the credentials that are not among the keys, as they were read at a
// time: one that has come since then stays.
func (s *succession) keep(keys map[string]bool, read time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, known := range s.all {
		if !keys[key] && !known.noted.After(read) {
			delete(s.all, key)
		}
	}
}

// remember notes what the account's token says. That it cannot be read is
// nobody's trouble: there is then nothing to compare.
func (a *Agent) remember(ctx context.Context, account Account) {
	ctx, cancel := context.WithTimeout(ctx, rememberLimit)
	defer cancel()
	said, err := account.Said(ctx)
	if err != nil {
		a.log.Debug("a token was not remembered", "key", account.Key(), "error", err)
		return
	}
	a.tokens.note(account.Key(), said)
}

// followTokens looks at the tokens that another process has renewed, where the one
// before is known, and forgets those that are gone. The keychain is not woken for a
// credential that nobody has looked at here. read is when the servers' facts were.
func (a *Agent) followTokens(servers []control.Server, read time.Time) {
	kept := map[string]bool{}
	for _, s := range servers {
		if s.State == control.SignedOut || s.IssuedAt == nil {
			continue
		}
		kept[s.Key] = true
		if !a.tokens.missed(s.Key, *s.IssuedAt) {
			continue
		}
		if _, account, err := a.find(control.Keyed(s.Key)); err == nil {
			a.tasks.Go(func() { a.remember(a.life, account) })
		}
	}
	a.tokens.keep(kept, read)
}
