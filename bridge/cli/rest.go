package cli

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// restEvery is how often `drawbridge serve` looks whether it is idle.
const restEvery = 2 * time.Second

// rest gives memory back when nothing was asked since the last look but something
// was since memory was last given back: sessions of many clients are open for
// hours and idle for most of them.
func rest(ctx context.Context, asked *atomic.Int64) {
	tick := time.NewTicker(restEvery)
	defer tick.Stop()
	var before, rested int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := asked.Load()
		if now == before && now != rested {
			debug.FreeOSMemory()
			rested = now
		}
		before = now
	}
}
