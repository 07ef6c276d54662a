package band_test

import (
	"testing"
	"testing/synctest"

	"drawbridge/bridge/band"
)

func TestNothingBeginsAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b band.Band
		first, over := make(chan struct{}), false
		b.Go(func() { <-first })
		go func() {
			b.Wait()
			over = true
		}()
		synctest.Wait()
		if over {
			t.Error("the end did not wait for what had begun")
		}
		b.Go(func() { t.Error("begun after the end") })
		close(first)
		synctest.Wait()
		if !over {
			t.Error("the end does not come")
		}
	})
}
