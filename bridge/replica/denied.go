package replica

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"drawbridge/bridge/guard"
)

// Denied implements guard.Denylist.
func (s *store) Denied(ctx context.Context, id *guard.Identity, token guard.Hash) (bool, error) {
	d := guard.Denial{Token: token.String()}
	if id != nil {
		d.ID, d.Subject = id.ID, id.Subject
	}
	var keys []string
	for _, k := range d.Keys() {
		keys = append(keys, named("denied", k))
	}
	n, err := s.client.Exists(ctx, keys...).Result()
	if s.heard(err) != nil {
		return false, fmt.Errorf("denylist: %w", err)
	}
	return n > 0, nil
}

// longer denies KEYS[1] for ARGV[1] milliseconds, 0: for ever, and never for less
// than it was. The store does it at one go: two bridges may deny the same at once.
var longer = redis.NewScript(`
local left = redis.call('PTTL', KEYS[1])
if left == -1 then return end
if ARGV[1] == '0' then
  redis.call('SET', KEYS[1], '1')
elseif left < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
end`)

// Deny implements guard.Denylist.
func (s *store) Deny(ctx context.Context, d guard.Denial) error {
	life := time.Duration(0) // for ever
	if !d.Until.IsZero() {
		if life = time.Until(d.Until); life <= 0 {
			return nil
		}
		life = max(life, time.Millisecond)
	}
	for _, k := range d.Keys() {
		err := longer.Run(ctx, s.client, []string{named("denied", k)}, life.Milliseconds()).Err()
		if err := s.heard(ignoreNil(err)); err != nil {
			return fmt.Errorf("deny: %w", err)
		}
	}
	return nil
}

// ignoreNil is err, unless it says only that the store had nothing to answer.
func ignoreNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// Once implements guard.Denylist. The entry says whose it is: a question of which
// the answer is lost is sent again, and must not take its own for another's.
func (s *store) Once(ctx context.Context, d guard.Denial) (bool, error) {
	life := time.Duration(0)
	if !d.Until.IsZero() {
		life = max(time.Until(d.Until), time.Second)
	}
	keys := d.Keys()
	if len(keys) != 1 {
		return false, errors.New("deny once: one thing at a time")
	}
	key, ours := named("denied", keys[0]), rand.Text()
	first, err := s.client.SetNX(ctx, key, ours, life).Result()
	if err == nil && !first {
		var theirs string
		theirs, err = s.client.Get(ctx, key).Result()
		first, err = theirs == ours, ignoreNil(err)
	}
	if s.heard(err) != nil {
		return false, fmt.Errorf("deny: %w", err)
	}
	return first, nil
}

// Allow implements guard.Denylist.
func (s *store) Allow(ctx context.Context, d guard.Denial) (bool, error) {
	var keys []string
	for _, k := range d.Keys() {
		keys = append(keys, named("denied", k))
	}
	n, err := s.client.Del(ctx, keys...).Result()
	if s.heard(err) != nil {
		return false, fmt.Errorf("denylist: %w", err)
	}
	return n > 0, nil
}
