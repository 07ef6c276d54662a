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
	_, err := l.single.Pipelined(ctx, func(p redis.Pipeliner) error {
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

// failed counts a failure in KEYS[1]. The last of ARGV[1] locks out: KEYS[2] counts
// the lock-outs, each of which lasts twice as long as the one before, the first
// ARGV[3] milliseconds and none more than ARGV[2], and KEYS[3] stands while one does.
// The store does it at one go: bridges count the failures of one address together,
// and those that were under way when it was locked out do not lock it out for longer.
var failed = redis.NewScript(`
if redis.call('EXISTS', KEYS[3]) == 1 then return end
local most = tonumber(ARGV[2])
local failures = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], most)
if failures < tonumber(ARGV[1]) then return end
redis.call('DEL', KEYS[1])
local earlier = redis.call('INCR', KEYS[2]) - 1
redis.call('PEXPIRE', KEYS[2], most)
local life = math.min(tonumber(ARGV[3]) * 2 ^ math.min(earlier, 10), most)
redis.call('SET', KEYS[3], '1', 'PX', string.format('%d', life))`)

// Failed implements guard.Limiter.
func (l *limits) Failed(ctx context.Context, address string, now time.Time) {
	if l.cfg.Failures == 0 {
		return
	}
	l.own.Failed(ctx, address, now)
	keys := []string{named("failures", address), named("lockouts", address), named("locked", address)}
	err := failed.Run(ctx, l.single, keys, l.cfg.Failures, guard.LongestLockout.Milliseconds(), l.cfg.LockoutAfter(0).Milliseconds()).Err()
	_ = l.heard(ignoreNil(err))
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
