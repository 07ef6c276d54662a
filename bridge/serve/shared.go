package serve

import (
	"context"
	"time"

	"drawbridge/bridge/front/localhttp"
	"drawbridge/bridge/guard"
)

// Shared is what several bridges behind a load balancer have in common.
type Shared struct {
	Denied   guard.Denylist
	Limits   func(guard.LimitConfig) guard.Limiter
	Answers  guard.Answers
	Sessions localhttp.Sessions
	// Once keeps what only one may take; nil: each bridge has its own.
	Once Once
	// Close ends the connection.
	Close func() error
}

// Once keeps values until somebody takes them, which only one can.
type Once interface {
	Put(ctx context.Context, key string, value []byte, life time.Duration) error
	Take(ctx context.Context, key string) (value []byte, ok bool, err error)
}
