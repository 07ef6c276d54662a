package credential

import (
	"time"

	"drawbridge/bridge/secret"
)

// quick is the token of the moment: what a call gets without a lock, the
// keychain or a look at the disk. Its times are of the wall clock, which goes
// on while the machine sleeps; a clock that was set back ends it, too.
type quick struct {
	access      secret.String
	from, until time.Time
}

// quickToken is the token of the moment, if there is one.
func (a *Account) quickToken() (secret.String, bool) {
	q := a.quick.Load()
	if q == nil {
		return secret.String{}, false
	}
	now := a.m.now().Round(0)
	return q.access, now.Before(q.until) && !now.Before(q.from)
}

// offerQuick makes cur's token the token of the moment: until its margin, and
// until it is time to look whether another process changed the credential.
func (a *Account) offerQuick(cur *record, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cur != cur || a.bad.Equal(cur.Access) {
		return // somebody knows better by now
	}
	q := &quick{access: cur.Access, from: now.Round(0), until: a.looked.Add(lookAgain).Round(0)}
	if end := cur.ExpiresAt.Add(-cur.margin()); !cur.ExpiresAt.IsZero() && end.Before(q.until) {
		q.until = end.Round(0)
	}
	a.quick.Store(q)
}
