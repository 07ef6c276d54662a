package credential

import (
	"context"
	"sync"

	"drawbridge/bridge/oauth"
)

// takePasted hands what the person pastes to the callback until stop, which
// returns when nobody is asked any more.
func takePasted(ctx context.Context, ui UI, callback *oauth.Callback) (stop func()) {
	if ui.Pasted == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			text, err := ui.Pasted(ctx)
			if err != nil {
				return
			}
			if err := callback.Paste(text); err != nil && ctx.Err() == nil && ui.Mistaken != nil {
				ui.Mistaken(err)
			}
		}
	})
	return func() {
		cancel()
		asking.Wait()
	}
}
