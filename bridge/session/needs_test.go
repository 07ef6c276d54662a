package session_test

import (
	"strings"
	"testing"
	"testing/synctest"
)

// A call that finds only after a sign-in that it needed one has nobody asked again.
func TestANeedThatIsOverIsNotToldByACallThatWasSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &account{}
		c := connect(t, newPiped(t), a)
		c.open()
		synctest.Wait()
		late := make(chan struct{})
		a.mu.Lock()
		a.needed, a.late = true, late
		a.mu.Unlock()
		c.send(`{"jsonrpc":"2.0","id":"slow","method":"a"}`)
		synctest.Wait()
		for _, need := range []bool{true, false} {
			a.set(need)
			c.send(`{"jsonrpc":"2.0","id":"quick","method":"a"}`)
			c.line()
		}
		close(late)
		if l := c.line(); !strings.Contains(l, `"id":"slow","error"`) {
			t.Errorf("got %s", l)
		}
		synctest.Wait()
		if n := len(c.needs); n != 1 {
			t.Errorf("a person was asked %d times for one need", n)
		}
	})
}
