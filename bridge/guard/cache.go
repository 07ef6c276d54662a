package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"
	"unsafe"

	"drawbridge/bridge/secret"
)

// Hash is the SHA-256 of a whole credential: what it is known by here, for the
// credential itself is kept nowhere.
type Hash [sha256.Size]byte

// HashOf is the hash of a credential that a person hands over, to deny it.
func HashOf(credential secret.String) Hash { return hash(credential.Reveal()) }

func hash(credential string) Hash {
	// Without a copy, which is most of what a known token costs; Sum256 only reads.
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(credential), len(credential)))
}

// Short is enough of it for a log.
func (h Hash) Short() string { return hex.EncodeToString(h[:6]) }

// String is the whole, in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

const (
	// DefaultCacheTime is the longest that a verified token is believed without
	// another look, and DefaultCacheSize how many are.
	DefaultCacheTime = 5 * time.Minute
	DefaultCacheSize = 10000
	// negativeTime is how long a refused token is known to be so; those are
	// counted apart, so that made-up tokens push out no good one.
	negativeTime = 10 * time.Second
	negativeSize = 1000
)

// Cache remembers verified credentials for a while. It is safe for concurrent
// use.
type Cache struct {
	time time.Duration
	size int

	mu      sync.RWMutex
	good    map[Hash]*verdict
	bad     map[Hash]*verdict
	running map[Hash]*flight
	before  map[Hash]struct{} // were good before Empty, and not looked at since
	epoch   int               // counts Empty: a verification that began before is not kept
}

type verdict struct {
	id    *Identity
	no    *Refusal
	until time.Time
}

type flight struct {
	done chan struct{}
	id   *Identity
	no   *Refusal
}

// NewCache makes a Cache that believes a token for limit at most and holds size
// of them; zero means the default, a negative limit keeps nothing.
func NewCache(limit time.Duration, size int) *Cache {
	if limit == 0 || limit > DefaultCacheTime {
		limit = DefaultCacheTime
	}
	if size <= 0 {
		size = DefaultCacheSize
	}
	return &Cache{time: limit, size: size, good: map[Hash]*verdict{}, bad: map[Hash]*verdict{}, running: map[Hash]*flight{}, before: map[Hash]struct{}{}}
}

// Empty forgets everything: a key was revoked, a denylist or a key set changed.
// Who asks from now on does not get the verdict of a verification that began
// before, either. It still knows who was good, which lets nobody in: see knows.
func (c *Cache) Empty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.before)+len(c.good) > c.size {
		clear(c.before)
	}
	for key := range c.good {
		c.before[key] = struct{}{}
	}
	clear(c.good)
	clear(c.bad)
	clear(c.running)
	c.epoch++
}

// Len is how many verdicts are kept.
func (c *Cache) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.good) + len(c.bad)
}

func (c *Cache) get(key Hash, now time.Time) (*Identity, *Refusal, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.kept(key, now)
}

// kept is get for who holds mu.
func (c *Cache) kept(key Hash, now time.Time) (*Identity, *Refusal, bool) {
	if v := c.good[key]; v != nil && now.Before(v.until) {
		return v.id, nil, true
	}
	if v := c.bad[key]; v != nil && now.Before(v.until) {
		return v.id, v.no, true
	}
	return nil, nil, false
}

// knows reports whether a credential was found good before, though it may have
// to be looked at anew.
func (c *Cache) knows(key Hash) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, before := c.before[key]
	return before || c.good[key] != nil
}

// once runs verify for the first of those who ask for a key at the same time
// and gives its verdict to all, also to who comes just after it.
func (c *Cache) once(ctx context.Context, key Hash, verify func() (*Identity, *Refusal), now time.Time) (*Identity, *Refusal) {
	c.mu.Lock()
	// Between the caller's get and here the one who was verifying may have ended.
	if id, no, ok := c.kept(key, now); ok {
		c.mu.Unlock()
		return id, no
	}
	if f := c.running[key]; f != nil {
		c.mu.Unlock()
		select {
		case <-f.done:
			return f.id, f.no
		case <-ctx.Done():
			return nil, unavailable()
		}
	}
	f := &flight{done: make(chan struct{}), no: unavailable()} // if verify should panic
	c.running[key] = f
	epoch := c.epoch
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		if c.epoch == epoch { // else it is another's flight, if any
			delete(c.running, key)
			c.keep(key, f, now)
		}
		c.mu.Unlock()
		close(f.done)
	}()
	f.id, f.no = verify()
	return f.id, f.no
}

// keep stores a verdict. The caller holds mu.
func (c *Cache) keep(key Hash, f *flight, now time.Time) {
	if f.no == nil || f.no.Code != Unavailable {
		delete(c.before, key)
	}
	switch {
	case c.time < 0:
	case f.no == nil:
		until := now.Add(c.time)
		if e := f.id.Expires; !e.IsZero() && e.Before(until) {
			until = e
		}
		makeRoom(c.good, c.size, now)
		c.good[key] = &verdict{id: f.id, until: until}
	case f.no.Code != Unavailable:
		makeRoom(c.bad, negativeSize, now)
		c.bad[key] = &verdict{id: f.id, no: f.no, until: now.Add(min(negativeTime, c.time))}
	}
}

// makeRoom sees to it that one more fits: what is over goes first, then
// whatever comes.
func makeRoom(m map[Hash]*verdict, size int, now time.Time) {
	if len(m) < size {
		return
	}
	looked := 0
	for k, v := range m {
		if looked++; !now.Before(v.until) {
			delete(m, k)
		}
		if looked == 64 {
			break
		}
	}
	for k := range m {
		if len(m) < size {
			return
		}
		delete(m, k)
	}
}
