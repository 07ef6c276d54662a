//go:build !linux

package stdio

import (
	"os"
	"time"
)

// parentPause is how often the parent is looked at.
const parentPause = 2 * time.Second

// WatchClient calls gone, once, when the process that started this one has
// ended. It returns a function that ends the watch and waits for it. On Windows
// a process keeps the number of its parent for ever, so there only the end of
// the input tells.
func WatchClient(gone func()) (stop func()) {
	parent := os.Getppid()
	if parent <= 1 {
		return func() {}
	}
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(parentPause)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				if os.Getppid() != parent {
					gone()
					return
				}
			}
		}
	}()
	return func() {
		close(end)
		<-done
	}
}
