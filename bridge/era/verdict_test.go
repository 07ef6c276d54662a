package era_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"drawbridge/bridge/era"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
)

// verdicts is a server that answers server/discover when it may, and refuses the
// requests with these ids as one of the other era would.
type verdicts struct {
	mu       sync.Mutex
	asked    int
	discover chan struct{}
	result   string                   // of server/discover
	refused  map[string]chan struct{} // closed when the refusal comes
}

func (v *verdicts) remote(m era.Memory) *era.Remote {
	return wire(func(ctx context.Context, m jsonrpc.Message, deliver remote.Deliver) error {
		v.mu.Lock()
		if m.Method == "server/discover" {
			v.asked++
		}
		refused := v.refused[string(m.ID)]
		v.mu.Unlock()
		if m.Method == "server/discover" {
			<-v.discover
			deliver(jsonrpc.NewResult(m.ID, json.RawMessage(v.result)))
			return nil
		}
		if refused != nil {
			<-refused
			return &remote.StatusError{Status: 400}
		}
		deliver(jsonrpc.NewResult(m.ID, json.RawMessage(`{"resultType":"complete","tools":[]}`)))
		return nil
	}).remote(m)
}

func post(t *testing.T, r *era.Remote, id int) error {
	t.Helper()
	request := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/list","params":{%s}}`, id, meta)
	return r.Post(t.Context(), []byte(request), func([]byte) bool { return true })
}

// Who wants to know at the same time asks the server once what it is.
func TestServerIsAskedOnceWhatItIs(t *testing.T) {
	for want, result := range map[era.Era]string{era.Modern: modern, era.Legacy: `{"supportedVersions":["2025-11-25"]}`} {
		synctest.Test(t, func(t *testing.T) {
			v := &verdicts{discover: make(chan struct{}), result: result}
			r := v.remote(era.Memory{Dir: t.TempDir()})
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() {
					if got, err := r.Era(t.Context()); got != want || err != nil {
						t.Errorf("Era = %q, %v", got, err)
					}
				})
			}
			synctest.Wait()
			close(v.discover)
			all.Wait()
			if v.asked != 1 {
				t.Errorf("a %s server was asked %d times", want, v.asked)
			}
		})
	}
}

// A refusal of what was sent before the server was asked anew says nothing about
// what it is now.
func TestLateRefusalLeavesTheNewVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		early, late := make(chan struct{}), make(chan struct{})
		v := &verdicts{discover: make(chan struct{}), result: modern, refused: map[string]chan struct{}{"1": early, "2": late}}
		close(v.discover)
		m := era.Memory{Dir: t.TempDir()}
		if err := m.Store("https://modern", era.Modern); err != nil {
			t.Fatal(err)
		}
		r := v.remote(m)
		var all sync.WaitGroup
		refuse := func(id int) {
			all.Go(func() {
				if post(t, r, id) == nil {
					t.Errorf("request %d was not refused", id)
				}
			})
			synctest.Wait()
		}
		refuse(1)
		refuse(2)
		close(early)
		synctest.Wait()
		if known := m.Load("https://modern"); known != era.Unknown {
			t.Errorf("after the refusal the server is remembered as %q", known)
		}
		for i := 3; i < 5; i++ {
			if err := post(t, r, i); err != nil {
				t.Error(err)
			}
			if i == 3 {
				close(late)
				all.Wait()
			}
		}
		if known := m.Load("https://modern"); known != era.Modern || v.asked != 1 {
			t.Errorf("asked %d times, and remembered as %q", v.asked, known)
		}
	})
}
