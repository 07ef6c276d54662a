package agent

import (
	"slices"
	"sync"
	"time"

	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// maxRenewals is how many renewals are remembered.
const maxRenewals = 500

// ledger is the account of renewals: when each was expected, and when it came. It
// is safe for concurrent use.
type ledger struct {
	// tell is called with all of them after each change, oldest first, and must not
	// call back.
	tell func([]control.Renewal)

	mu   sync.Mutex
	last uint64
	all  []control.Renewal
	open map[string]*open // by credential key
}

// open is a renewal that is to come.
type open struct {
	id     uint64
	issued time.Time // of the token that it is to replace
	trying bool      // the agent is at it, or has just been
}

// observe takes in how the credentials that are signed in stand; due says when the
// agent means to renew one, or the zero time.
func (l *ledger) observe(all []credential.Facts, due map[string]time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := false
	seen := map[string]bool{}
	for _, f := range all {
		if f.State != credential.SignedIn || !f.Renewable || f.IssuedAt.IsZero() {
			continue
		}
		seen[f.Key] = true
		o := l.open[f.Key]
		if o != nil && f.IssuedAt.After(o.issued) {
			l.close(o, f)
			o, changed = nil, true
		}
		if o == nil {
			l.begin(f)
			changed = true
		}
		if r := l.find(l.open[f.Key].id); r != nil && !same(r.Due, due[f.Key]) {
			r.Due, changed = moment(due[f.Key]), true
		}
	}
	for key, o := range l.open {
		if !seen[key] { // signed out: it will not come
			l.all = slices.DeleteFunc(l.all, func(r control.Renewal) bool { return r.ID == o.id })
			delete(l.open, key)
			changed = true
		}
	}
	l.changed(changed)
}

// begin opens a renewal of the token that there is now. Call it with mu held.
func (l *ledger) begin(f credential.Facts) {
	if l.open == nil {
		l.open = map[string]*open{}
	}
	l.last++
	l.open[f.Key] = &open{id: l.last, issued: f.IssuedAt}
	l.all = append(l.all, control.Renewal{ID: l.last, Key: f.Key, Label: who{f.Server, f.Account}.label(), Expires: moment(f.ExpiresAt)})
	if over := len(l.all) - maxRenewals; over > 0 {
		l.all = slices.Delete(l.all, 0, over)
	}
}

// close notes that another token has come. Call it with mu held.
func (l *ledger) close(o *open, f credential.Facts) {
	delete(l.open, f.Key)
	r := l.find(o.id)
	if r == nil {
		return
	}
	r.Done = moment(f.IssuedAt)
	switch {
	case !f.RefreshedAt.Equal(f.IssuedAt):
		r.By = control.RenewedByPerson
	case o.trying:
		r.By = control.RenewedByAgent
	default:
		r.By = control.RenewedByClient
	}
}

// tries notes that the agent begins to renew a credential.
func (l *ledger) tries(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.open[key]; o != nil {
		o.trying = true
	}
}

// fails notes that it came to nothing.
func (l *ledger) fails(key string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.open[key]
	if o == nil {
		return
	}
	o.trying = false
	if r := l.find(o.id); r != nil {
		r.Failures++
		r.LastFailure = fault.Public(err).What
		l.changed(true)
	}
}

func (l *ledger) find(id uint64) *control.Renewal {
	i := slices.IndexFunc(l.all, func(r control.Renewal) bool { return r.ID == id })
	if i < 0 {
		return nil
	}
	return &l.all[i]
}

func (l *ledger) changed(yes bool) {
	if yes && l.tell != nil {
		l.tell(l.all)
	}
}

func same(a *time.Time, b time.Time) bool { return a == nil && b.IsZero() || a != nil && a.Equal(b) }
