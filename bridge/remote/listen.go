package remote

import (
	"context"
	"time"
)

// Listen keeps the standalone GET stream, on which a server sends what belongs
// to no request, and delivers its messages until ctx ends. It comes back after
// every break, resuming where the server can, and calls opened each time that
// the stream is there. It returns ErrNoStream when the server offers none, a
// *Challenge when the token is refused, and a *StatusError with Session set and
// Status 404 when the session is gone.
func (c *Conn) Listen(ctx context.Context, opened func(), deliver func(raw []byte)) error {
	at := position{onOpen: opened}
	for try := 0; ; try++ {
		begun, before := time.Now(), at.events
		err := c.get(ctx, &at, func(raw []byte) bool {
			deliver(raw)
			return false
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if final(err) {
			return err
		}
		if at.events != before || time.Since(begun) > retryMost { // it was of use
			try = 0
		}
		c.log.Debug("stream ended", "error", err, "try", try)
		if err := wait(ctx, at.delay(min(try, 5))); err != nil {
			return err
		}
	}
}
