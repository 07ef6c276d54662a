package era

import "context"

// turn lets one at a time do something that takes a request: what the server
// hears, and what is noted of it, then have one order. It is a lock that is not
// waited for longer than ctx.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn; who gets nil has to leave it.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) leave() { <-t }
