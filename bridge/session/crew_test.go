package session_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// Over HTTP a message may come while the session ends, for it comes on a
// connection of its own. Nothing begins then that the end does not wait for, and
// nothing that the race detector minds.
func TestMessagesWhileTheSessionEnds(t *testing.T) {
	u := newPiped(t)
	for range 50 {
		c := connect(t, u, &account{})
		var said, ended sync.WaitGroup
		said.Add(1)
		ended.Go(func() {
			for i := range 20 {
				m, err := jsonrpc.Parse(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":"ping"}`, i))
				if err != nil {
					t.Error(err)
				}
				if i == 1 {
					said.Done()
				}
				c.s.Receive(m)
			}
		})
		said.Wait()
		c.s.Close(10 * time.Second)
		ended.Wait()
	}
}
