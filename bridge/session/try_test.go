package session_test

import (
	"context"
	"testing"
	"time"

	"drawbridge/bridge/fault"
)

// What goes well in Try ends the need for which a person was asked: the next
// refusal is another one, and they are asked again. What goes wrong does not.
func TestTryEndsTheNeed(t *testing.T) {
	c := connect(t, newUpstream(t), &account{})
	needed := func(context.Context) error { return fault.New(fault.SignInNeeded, "demo needs you to sign in.", "") }
	well := func(context.Context) error { return nil }
	excuse := func() {
		t.Helper()
		if _, later := c.s.Excuse(c.s.Try(t.Context(), needed)); !later {
			t.Error("it is said to last")
		}
	}
	asked := func(want bool) {
		t.Helper()
		select {
		case <-c.needs:
			if !want {
				t.Error("the person was asked again for the same need")
			}
		case <-time.After(map[bool]time.Duration{true: 10 * time.Second, false: 100 * time.Millisecond}[want]):
			if want {
				t.Error("nobody was asked")
			}
		}
	}
	excuse()
	asked(true)
	excuse()
	asked(false)
	if err := c.s.Try(t.Context(), well); err != nil {
		t.Fatal(err)
	}
	excuse()
	asked(true)
}
