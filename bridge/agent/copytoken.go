package agent

import (
	"context"
	"time"

	"drawbridge/bridge/control"
	"drawbridge/bridge/desktop"
)

// CopiedFor is how long a token that was copied stays in the clipboard.
const CopiedFor = 30 * time.Second

// CopyToken implements control.Backend. The token is taken out again after
// CopiedFor, or when the agent ends, unless something else is there by then.
func (a *Agent) CopyToken(ctx context.Context, key string) error {
	_, account, err := a.find(control.Keyed(key))
	if err != nil {
		return err
	}
	env := sessionEnv(ctx)
	var take func(context.Context) error
	err = account.Lend(ctx, func(access string) (err error) {
		take, err = desktop.CopySecret(ctx, env, access)
		return cannotCopy(err, "or use `drawbridge token` in a terminal.")
	})
	if err != nil {
		return err
	}
	a.log.Info("an access token was copied", "key", key)
	a.tasks.Go(func() {
		timer := time.NewTimer(a.cfg.lent)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-a.life.Done():
		}
		if err := take(context.WithoutCancel(a.life)); err != nil {
			a.log.Warn("a copied token may still be in the clipboard", "key", key, "error", err)
		}
	})
	return nil
}
