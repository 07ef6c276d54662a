package remote

import (
	"context"
	"errors"
	"net/http"
)

// Listen keeps the standalone GET stream, on which a server sends what belongs
// to no request, and delivers its messages until ctx ends. It comes back after
// every break, resuming where the server can. It returns ErrNoStream when the
// server offers none, a *Challenge when the token is refused, and a
// *StatusError with Session set and Status 404 when the session is gone.
func (c *Conn) Listen(ctx context.Context, deliver func(raw []byte)) error {
	var at position
	for try := 0; ; try++ {
		at.opened = false
		err := c.get(ctx, &at, func(raw []byte) bool {
			deliver(raw)
			return false
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var challenge *Challenge
		var refused *StatusError
		switch {
		case errors.Is(err, ErrNoStream), errors.As(err, &challenge):
			return err
		case errors.As(err, &refused) && refused.Status < http.StatusInternalServerError && refused.Status != http.StatusTooManyRequests:
			return err
		}
		if at.opened {
			try = 0
		}
		c.log.Debug("stream ended", "error", err, "try", try)
		if err := wait(ctx, at.delay(min(try, 5))); err != nil {
			return err
		}
	}
}
