package agent

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"drawbridge/bridge/credential"
)

const (
	// worthwhile is the shortest life of a token that is renewed ahead of its
	// end. A shorter one would be renewed all day for nobody: whoever uses it
	// renews it.
	worthwhile = time.Minute
	// settling spreads renewals over the first moments after the start and
	// after sleep, when the network comes up and everybody wants it.
	settling = 5 * time.Second
	// heartbeat is how often the clocks are compared to notice that the machine
	// slept: timers stand still in sleep.
	heartbeat = 30 * time.Second
	// slept is the difference between the clocks that counts as sleep.
	slept = 10 * time.Second
	// retryFirst and retryMost bound the pauses after a renewal that failed.
	retryFirst = 30 * time.Second
	retryMost  = 10 * time.Minute
)

// renewals renews access tokens before a call has to wait for it: ahead of
// their end, at the start of the agent, and when the machine wakes.
type renewals struct {
	accounts Accounts
	log      *slog.Logger
	chance   func() float64
	now      func() time.Time
	// remember notes what the token of an account says, before and after; nil does not.
	remember func(context.Context, Account)
	ledger   ledger
	changed  chan struct{} // facts may have changed

	mu    sync.Mutex
	plans map[string]*plan // by credential key
}

// plan is when a credential is renewed next.
type plan struct {
	expires time.Time // the end of the token that the plan is for
	first   time.Time // when it was due first
	due     time.Time
	pause   time.Duration // after the next failure
	busy    bool
}

func newRenewals(accounts Accounts, log *slog.Logger) *renewals {
	return &renewals{
		accounts: accounts, log: log, chance: rand.Float64, now: time.Now,
		changed: make(chan struct{}, 1), plans: map[string]*plan{},
	}
}

// look makes run read the facts again soon. It never blocks.
func (r *renewals) look() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// run renews until ctx ends, and returns when the last renewal is over.
func (r *renewals) run(ctx context.Context) {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	last := r.now()
	for {
		timer := time.NewTimer(r.start(ctx, &tasks))
		for again := false; !again; {
			select {
			case <-ctx.Done():
				again = true
			case <-r.changed:
				again = true
			case <-timer.C:
				again = true
			case <-beat.C: // only the clocks are looked at, not the files
			}
			now := r.now()
			if overslept(now.Round(0).Sub(last.Round(0)), now.Sub(last)) {
				r.log.Info("the machine slept")
				r.wake(now)
				again = true
			}
			last = now
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// overslept reports whether the wall clock went on while the monotonic one,
// which counts the time awake, stood still.
func overslept(wall, awake time.Duration) bool { return wall-awake > slept }

// wake forgets pauses after failures: what was away may be there again.
func (r *renewals) wake(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.plans {
		p.pause = retryFirst
		if soon := now.Add(r.spread(settling)); p.due.After(soon) && p.expires.Before(p.due) {
			p.due = soon
		}
	}
}

func (r *renewals) spread(d time.Duration) time.Duration {
	return time.Duration(r.chance() * float64(d))
}

// start begins the renewals that are due and returns the time until the next.
func (r *renewals) start(ctx context.Context, tasks *sync.WaitGroup) time.Duration {
	all, err := r.accounts.AllFacts()
	if err != nil {
		r.log.Warn("some facts unreadable", "error", err)
	}
	now := r.now()
	next := time.Hour
	r.mu.Lock()
	defer r.mu.Unlock()
	known, due := map[string]bool{}, map[string]time.Time{}
	var begin []func()
	for _, f := range all {
		if f.State != credential.SignedIn || !f.Renewable || f.ExpiresAt.Sub(f.IssuedAt) < worthwhile {
			continue
		}
		known[f.Key] = true
		p := r.planLocked(f, now)
		due[f.Key] = p.first
		if p.busy {
			continue
		}
		if wait := p.due.Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		p.busy = true
		account, ahead := r.accounts.Account(f.Server, f.Account), 2*f.Lead(1)
		begin = append(begin, func() { r.renew(ctx, account, p, ahead) })
	}
	r.ledger.observe(all, due)
	for _, renew := range begin { // whose tries would else be of a renewal that the ledger does not know
		tasks.Go(renew)
	}
	for key := range r.plans {
		if !known[key] {
			delete(r.plans, key)
		}
	}
	return next
}

// planLocked is the plan for a credential, made anew for a new token.
func (r *renewals) planLocked(f credential.Facts, now time.Time) *plan {
	p := r.plans[f.Key]
	if p == nil {
		p = &plan{}
		r.plans[f.Key] = p
	}
	if p.busy || p.expires.Equal(f.ExpiresAt) {
		return p
	}
	p.expires, p.pause = f.ExpiresAt, retryFirst
	p.due = f.ExpiresAt.Add(-f.Lead(r.chance()))
	if !p.due.After(now) { // it ended while nobody looked: not all at once
		p.due = now.Add(r.spread(settling))
	}
	p.first = p.due
	return p
}

func (r *renewals) renew(ctx context.Context, account Account, p *plan, ahead time.Duration) {
	if r.remember != nil { // the vault is read for the renewal anyway
		r.remember(ctx, account)
	}
	r.ledger.tries(account.Key())
	err := account.RenewAhead(ctx, ahead)
	if r.remember != nil && err == nil {
		r.remember(ctx, account)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p.busy = false
	if err == nil {
		p.due = r.now().Add(retryFirst) // until the facts of the new token are read
		r.look()
		return
	}
	if ctx.Err() != nil {
		return
	}
	r.log.Warn("token not renewed ahead of its end", "key", account.Key(), "error", err)
	r.ledger.fails(account.Key(), err)
	p.due = r.now().Add(p.pause + r.spread(p.pause/2))
	p.pause = min(2*p.pause, retryMost)
	r.look()
}
