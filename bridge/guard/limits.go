package guard

import (
	"context"
	"sync"
	"time"
)

// Limiter bounds how often callers come. What it cannot find out now it lets
// pass: limits spare the bridge, they guard nothing.
type Limiter interface {
	// Take takes one request of an address or a caller and returns how long they
	// have to wait first; 0: not at all.
	Take(ctx context.Context, of Limited, name string, now time.Time) time.Duration
	// Failed notes a refused credential of an address.
	Failed(ctx context.Context, address string, now time.Time)
	// LockedOut is how long an address is locked out for its failures.
	LockedOut(ctx context.Context, address string, now time.Time) time.Duration
}

// Limited is whose requests are counted.
type Limited int

// Those whose requests are counted.
const (
	Address Limited = iota
	Subject
)

// LimitConfig is what a Limiter allows; zero fields mean no limit.
type LimitConfig struct {
	// PerAddress and PerSubject are requests a minute.
	PerAddress, PerSubject int
	// Failures is how many refused credentials, none an hour after the one before,
	// lock an address out, for Lockout (then twice as long, up to an hour); 0: one
	// minute. Those that were good and have ended do not count.
	Failures int
	Lockout  time.Duration
}

// PerMinute is how many requests of somebody are allowed; 0: any number.
func (c LimitConfig) PerMinute(of Limited) int {
	if of == Address {
		return c.PerAddress
	}
	return c.PerSubject
}

// LockoutAfter is how long a lock-out lasts that others came before.
func (c LimitConfig) LockoutAfter(earlier int) time.Duration {
	first := c.Lockout
	if first <= 0 {
		first = time.Minute
	}
	return min(first<<min(earlier, 10), LongestLockout)
}

// LongestLockout bounds a lock-out, and how long failures are remembered.
const LongestLockout = time.Hour

// mostKnown bounds how many addresses and subjects are remembered.
const mostKnown = 50000

// Limits is the Limiter of one process, in memory. It is safe for concurrent use.
type Limits struct {
	cfg LimitConfig

	mu       sync.Mutex
	buckets  [2]map[string]*bucket // by Limited
	failures map[string]*failure
}

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
	return &Limits{cfg: c, buckets: [2]map[string]*bucket{{}, {}}, failures: map[string]*failure{}}
}

// Take implements Limiter, with a bucket that holds a minute's worth.
func (l *Limits) Take(_ context.Context, of Limited, name string, now time.Time) time.Duration {
	perMinute := l.cfg.PerMinute(of)
	if perMinute == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.buckets[of]
	b := m[name]
	if b == nil {
		room(m, func(b *bucket) bool { return now.Sub(b.at) > time.Minute })
		b = &bucket{tokens: float64(perMinute), at: now}
		m[name] = b
	}
	rate := float64(perMinute) / 60
	b.tokens = min(b.tokens+now.Sub(b.at).Seconds()*rate, float64(perMinute))
	b.at = now
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / rate * float64(time.Second))
	}
	b.tokens--
	return 0
}

// LockedOut implements Limiter.
func (l *Limits) LockedOut(_ context.Context, address string, now time.Time) time.Duration {
	if l.cfg.Failures == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.failures[address]; f != nil {
		return max(0, f.until.Sub(now))
	}
	return 0
}

// Failed implements Limiter.
func (l *Limits) Failed(_ context.Context, address string, now time.Time) {
	if l.cfg.Failures == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.failures[address]
	if f == nil || now.Sub(f.latest) > LongestLockout {
		room(l.failures, func(f *failure) bool { return now.Sub(f.latest) > l.cfg.Lockout && now.After(f.until) })
		f = &failure{}
		l.failures[address] = f
	}
	f.latest = now
	if f.count++; f.count >= l.cfg.Failures {
		f.count = 0
		f.until = now.Add(l.cfg.LockoutAfter(f.locks))
		f.locks++
	}
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
