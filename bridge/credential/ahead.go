package credential

import (
	"context"
	"time"
)

// RenewAhead renews the access token when it ends within ahead, so that no call
// has to wait for it. It does nothing for a token that lasts longer, that names
// no end, or that cannot be renewed. Its errors are those of Bearer.
func (a *Account) RenewAhead(ctx context.Context, ahead time.Duration) error {
	cur, err := a.load(ctx)
	if err != nil || cur == nil || !a.renewable(cur) || cur.usable(a.m.now(), ahead) {
		return err
	}
	f := a.renew(cur.Access)
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Lead is how long before the end of an access token a process that looks after
// it should renew it: between one and two of the margins in which a call would.
// chance is in [0, 1) and spreads the renewals of many credentials, and of many
// machines, over time.
func (f Facts) Lead(chance float64) time.Duration {
	m := margin(f.ExpiresAt.Sub(f.IssuedAt))
	return m + time.Duration(chance*float64(m))
}
