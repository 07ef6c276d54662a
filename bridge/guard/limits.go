package guard

import (
	"sync"
	"time"
)

// Limits bounds how often callers come. It is safe for concurrent use; zero
// fields of LimitConfig mean no limit.
type Limits struct {
	cfg LimitConfig

	mu        sync.Mutex
	byAddress map[string]*bucket
	bySubject map[string]*bucket
	failures  map[string]*failure
}

// LimitConfig is what a Limits allows.
type LimitConfig struct {
	// PerAddress and PerSubject are requests a minute.
	PerAddress, PerSubject int
	// Failures is how many refused credentials in a row lock an address out, for
	// Lockout (then twice as long, up to an hour).
	Failures int
	Lockout  time.Duration
}

// mostKnown bounds how many addresses and subjects are remembered.
const mostKnown = 50000

// longestLockout bounds a lock-out.
const longestLockout = time.Hour

type bucket struct {
	tokens float64
	at     time.Time
}

type failure struct {
	count  int
	locks  int
	until  time.Time // locked out until
	latest time.Time
}

// NewLimits makes a Limits.
func NewLimits(c LimitConfig) *Limits {
	if c.Lockout <= 0 {
		c.Lockout = time.Minute
	}
	return &Limits{cfg: c, byAddress: map[string]*bucket{}, bySubject: map[string]*bucket{}, failures: map[string]*failure{}}
}

// address takes one request of an address.
func (l *Limits) address(address string, now time.Time) *Refusal {
	if l.cfg.PerAddress == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return take(l.byAddress, address, l.cfg.PerAddress, now, "too many requests from this address")
}

// lockedOut refuses an address that showed too many wrong credentials.
func (l *Limits) lockedOut(address string, now time.Time) *Refusal {
	if l.cfg.Failures == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.failures[address]; f != nil && now.Before(f.until) {
		return limited(LockedOut, "too many refused credentials came from this address", f.until.Sub(now))
	}
	return nil
}

// subject takes one request of a caller.
func (l *Limits) subject(id *Identity, now time.Time) *Refusal {
	if l.cfg.PerSubject == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return take(l.bySubject, id.Mode+"\x00"+id.Issuer+"\x00"+id.Subject, l.cfg.PerSubject, now, "too many requests of this caller")
}

// failed notes a refused credential.
func (l *Limits) failed(address string, now time.Time) {
	if l.cfg.Failures == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.failures[address]
	if f == nil || now.Sub(f.latest) > longestLockout {
		room(l.failures, func(f *failure) bool { return now.Sub(f.latest) > l.cfg.Lockout && now.After(f.until) })
		f = &failure{}
		l.failures[address] = f
	}
	f.latest = now
	if f.count++; f.count >= l.cfg.Failures {
		f.count = 0
		f.until = now.Add(min(l.cfg.Lockout<<min(f.locks, 10), longestLockout))
		f.locks++
	}
}

// take takes one token of a bucket that holds a minute's worth.
func take(m map[string]*bucket, key string, perMinute int, now time.Time, why string) *Refusal {
	if perMinute == 0 {
		return nil
	}
	b := m[key]
	if b == nil {
		room(m, func(b *bucket) bool { return now.Sub(b.at) > time.Minute })
		b = &bucket{tokens: float64(perMinute), at: now}
		m[key] = b
	}
	rate := float64(perMinute) / 60
	b.tokens = min(b.tokens+now.Sub(b.at).Seconds()*rate, float64(perMinute))
	b.at = now
	if b.tokens < 1 {
		return limited(RateLimited, why, time.Duration((1-b.tokens)/rate*float64(time.Second)))
	}
	b.tokens--
	return nil
}

// room sees to it that one more fits: what is stale goes first, then whatever
// comes.
func room[V any](m map[string]V, stale func(V) bool) {
	if len(m) < mostKnown {
		return
	}
	for k, v := range m {
		if stale(v) {
			delete(m, k)
		}
	}
	for k := range m {
		if len(m) < mostKnown {
			return
		}
		delete(m, k)
	}
}
