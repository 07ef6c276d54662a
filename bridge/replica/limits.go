package replica

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"drawbridge/bridge/guard"
)

// limits counts in windows of a minute, which begin at the same time for all
// bridges. While the store is away each bridge counts by itself.
type limits struct {
	*store
	cfg guard.LimitConfig
	own *guard.Limits
}

// Take implements guard.Limiter.
func (l *limits) Take(ctx context.Context, of guard.Limited, name string, now time.Time) time.Duration {
	perMinute := l.cfg.PerMinute(of)
	if perMinute == 0 {
		return 0
	}
	window := now.Truncate(time.Minute)
	key := named("requests", strconv.Itoa(int(of))+":"+name) + ":" + strconv.FormatInt(window.Unix(), 10)
	var taken *redis.IntCmd
	_, err := l.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		taken = p.Incr(ctx, key)
		p.Expire(ctx, key, 2*time.Minute)
		return nil
	})
	if l.heard(err) != nil {
		return l.own.Take(ctx, of, name, now)
	}
	if taken.Val() <= int64(perMinute) {
		return 0
	}
	return window.Add(time.Minute).Sub(now)
}

// Failed implements guard.Limiter.
func (l *limits) Failed(ctx context.Context, address string, now time.Time) {
	if l.cfg.Failures == 0 {
		return
	}
	l.own.Failed(ctx, address, now)
	failures, locks := named("failures", address), named("lockouts", address)
	count, err := l.client.Incr(ctx, failures).Result()
	if l.heard(err) != nil {
		return
	}
	if count < int64(l.cfg.Failures) {
		_ = l.heard(l.client.Expire(ctx, failures, guard.LongestLockout).Err())
		return
	}
	// Of two bridges that count the last failures at once, one locks out: the lock-outs
	// of an address grow.
	ended, err := l.client.Del(ctx, failures).Result()
	if l.heard(err) != nil || ended == 0 {
		return
	}
	earlier, err := l.client.Incr(ctx, locks).Result()
	if l.heard(err) != nil {
		return
	}
	_, err = l.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Expire(ctx, locks, guard.LongestLockout)
		p.Set(ctx, named("locked", address), "1", l.cfg.LockoutAfter(int(earlier)-1))
		return nil
	})
	_ = l.heard(err)
}

// LockedOut implements guard.Limiter.
func (l *limits) LockedOut(ctx context.Context, address string, now time.Time) time.Duration {
	if l.cfg.Failures == 0 {
		return 0
	}
	left, err := l.client.PTTL(ctx, named("locked", address)).Result()
	if l.heard(err) != nil {
		return l.own.LockedOut(ctx, address, now)
	}
	return max(0, left) // negative when there is none
}
