// Package replica keeps in Redis or Valkey what several bridges behind a load
// balancer share: the denylist, limits, sessions and what issuers said of opaque
// tokens. Names of callers and addresses go there as hashes only.
//
// While the store is away the denylist says so and nobody is let in; limits are
// each bridge's own, issuers are asked again, and sessions of other bridges are
// not found. It must not know tokens, nor how a bridge decides.
package replica

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/front/localhttp"
	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/serve"
)

const (
	// prefix opens every key, so that the store may have other users.
	prefix = "drawbridge:"
	// askLimit bounds one question to the store; dialLimit a new connection. A store
	// that is busy for a moment is not away: who asks meanwhile would be refused.
	askLimit  = 2 * time.Second
	dialLimit = 2 * time.Second
)

// Open connects to the store at an address like redis://host:6379/0 or
// rediss://host. The password is not part of it. It fails when nobody answers: a
// bridge does not begin without its denylist. Its errors are *fault.Error.
func Open(ctx context.Context, address string, password secret.String, log *slog.Logger) (*serve.Shared, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != "unix" {
		return nil, fault.New(fault.Usage, "The address of the shared state is not of the form redis://HOST:PORT/DB.", "For TLS it is rediss://, for a socket unix:///PATH.")
	}
	if _, given := u.User.Password(); given {
		return nil, fault.New(fault.Usage, "There is a password in the address of the shared state, where other programs on this computer can read it.", "Put it into DRAWBRIDGE_STATE_PASSWORD.")
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, fault.Wrap(err, fault.Usage, "The address of the shared state cannot be understood.", "It is of the form redis://HOST:PORT/DB.")
	}
	o.Password = password.Reveal()
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialLimit, askLimit, askLimit, askLimit
	o.MaxRetries, o.DialerRetries = 1, 1
	o.ContextTimeoutEnabled = true
	client := redis.NewClient(o)
	ping, cancel := context.WithTimeout(ctx, 4*askLimit)
	defer cancel()
	if err := client.Ping(ping).Err(); err != nil {
		_ = client.Close()
		return nil, fault.Wrap(err, fault.Unreachable, fmt.Sprintf("The shared state at %s does not answer.", u.Host+u.Path), "Check the address, DRAWBRIDGE_STATE_PASSWORD, and that Redis or Valkey runs.")
	}
	single := *o
	single.MaxRetries = -1
	s := &store{client: client, single: redis.NewClient(&single), log: log}
	return &serve.Shared{
		Denied:  s,
		Answers: answers{s},
		Limits: func(c guard.LimitConfig) guard.Limiter {
			return &limits{store: s, cfg: c, own: guard.NewLimits(c)}
		},
		Sessions: sessions{s},
		Once:     once{s},
		Close:    func() error { return errors.Join(client.Close(), s.single.Close()) },
	}, nil
}

// store is where it all is. It says once when the store is away, and once
// when it is back.
type store struct {
	client *redis.Client
	// single asks once for each question: what was counted or taken by one of which
	// the answer is lost would be counted twice, or seem never to have been there.
	single *redis.Client
	log    *slog.Logger
	away   atomic.Bool
}

// heard notes whether the store answered and returns err.
func (s *store) heard(err error) error {
	away := err != nil && !errors.Is(err, redis.Nil) && !errors.Is(err, context.Canceled)
	if s.away.Swap(away) != away {
		if away {
			s.log.Error("the shared state is away: nobody is let in", "error", err)
		} else {
			s.log.Info("the shared state is back")
		}
	}
	return err
}

// named makes a key of a name that is none of the store's business.
func named(kind, name string) string {
	sum := sha256.Sum256([]byte(name))
	return prefix + kind + ":" + hex.EncodeToString(sum[:16])
}

// answers implements guard.Answers.
type answers struct{ *store }

// Get implements guard.Answers.
func (a answers) Get(ctx context.Context, key string) ([]byte, bool) {
	raw, err := a.client.Get(ctx, prefix+"answer:"+key).Bytes()
	return raw, a.heard(err) == nil
}

// Put implements guard.Answers.
func (a answers) Put(ctx context.Context, key string, answer []byte, life time.Duration) {
	_ = a.heard(a.client.Set(ctx, prefix+"answer:"+key, answer, life).Err())
}

// sessions implements localhttp.Sessions.
type sessions struct{ *store }

// Put implements localhttp.Sessions.
func (s sessions) Put(ctx context.Context, id string, stored localhttp.Stored, life time.Duration) error {
	raw, err := json.Marshal(stored)
	if err != nil {
		return fmt.Errorf("share session: %w", err)
	}
	return s.heard(s.client.Set(ctx, named("session", id), raw, life).Err())
}

// Get implements localhttp.Sessions.
func (s sessions) Get(ctx context.Context, id string) (stored localhttp.Stored, ok bool, err error) {
	raw, err := s.client.Get(ctx, named("session", id)).Bytes()
	switch {
	case errors.Is(s.heard(err), redis.Nil):
		return stored, false, nil
	case err != nil:
		return stored, false, fmt.Errorf("shared session: %w", err)
	}
	if err := json.Unmarshal(raw, &stored); err != nil {
		return stored, false, fmt.Errorf("shared session: %w", err)
	}
	return stored, true, nil
}

// Touch implements localhttp.Sessions.
func (s sessions) Touch(ctx context.Context, id string, life time.Duration) error {
	return s.heard(s.client.Expire(ctx, named("session", id), life).Err())
}

// Delete implements localhttp.Sessions.
func (s sessions) Delete(ctx context.Context, id string) error {
	return s.heard(s.client.Del(ctx, named("session", id)).Err())
}
