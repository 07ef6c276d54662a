package serve

import (
	"drawbridge/bridge/front/localhttp"
	"drawbridge/bridge/guard"
)

// Shared is what several bridges behind a load balancer have in common.
type Shared struct {
	Denied   guard.Denylist
	Limits   func(guard.LimitConfig) guard.Limiter
	Answers  guard.Answers
	Sessions localhttp.Sessions
	// Close ends the connection.
	Close func() error
}
