//go:build !darwin || cgo

package tray

import (
	"testing"
	"testing/synctest"
	"time"
)

// A click that comes just after a slot has become another server's may be meant for
// the one before: nobody is signed out of what they did not see.
func TestAClickIsForWhatWasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slot
		click := func(want string) {
			t.Helper()
			got := ""
			if s.with(func(key string) { got = key }); got != want {
				t.Errorf("a click is for %q, want %q", got, want)
			}
		}
		click("")
		s.put("one")
		click("one") // nothing else was ever there
		s.put("two")
		click("")
		time.Sleep(unseen)
		click("two")
		s.put("two")
		click("two")
		s.put("")
		click("")
		s.put("three")
		click("")
		time.Sleep(unseen)
		click("three")
	})
}
