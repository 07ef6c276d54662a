package era_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/era"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
)

// wire is the connection to a modern server whose part the test plays; it gets
// each request.
type wire func(ctx context.Context, m jsonrpc.Message, deliver remote.Deliver) error

func (w wire) Exchange(ctx context.Context, raw []byte, _ map[string]string, deliver remote.Deliver) error {
	m, err := jsonrpc.Parse(raw)
	if err != nil {
		return err
	}
	return w(ctx, m, deliver)
}

var errLegacy = errors.New("this is of the other era")

func (wire) Open(context.Context, []byte, remote.Deliver) error     { return errLegacy }
func (wire) Post(context.Context, []byte, remote.Deliver) error     { return errLegacy }
func (wire) Listen(context.Context, func(), func(raw []byte)) error { return errLegacy }
func (wire) SetVersion(string)                                      {}
func (wire) Delete(context.Context, time.Duration)                  {}
func (w wire) remote(m era.Memory) *era.Remote {
	return era.NewRemote(era.Config{Conn: w, Endpoint: "https://modern", Memory: m, Name: "test", Version: "0"})
}

// A wish for another resource is another request. What the server may have said
// while none of them was in force the client is told to look at, and nothing else.
func TestNothingIsMissedBetweenSubscriptions(t *testing.T) {
	for name, tt := range map[string]struct {
		second func(ctx context.Context, endFirst, ack func()) error
		told   bool
	}{
		"in time": {func(ctx context.Context, _, ack func()) error {
			ack()
			<-ctx.Done()
			return ctx.Err()
		}, false},
		"acknowledged as it is given up": {func(ctx context.Context, _, ack func()) error {
			<-ctx.Done()
			ack()
			return ctx.Err()
		}, true},
		"acknowledged after the first has ended": {func(ctx context.Context, endFirst, ack func()) error {
			endFirst()
			time.Sleep(time.Second)
			ack()
			<-ctx.Done()
			return ctx.Err()
		}, true},
		"refused": {func(context.Context, func(), func()) error { return &remote.StatusError{Status: 500} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				number, first := 0, make(chan struct{})
				r := wire(func(ctx context.Context, m jsonrpc.Message, deliver remote.Deliver) error {
					if m.Method == "server/discover" {
						deliver(jsonrpc.NewResult(m.ID, json.RawMessage(modern)))
						return nil
					}
					ack := func() {
						deliver(jsonrpc.NewNotificationWith("notifications/subscriptions/acknowledged", m.Params))
					}
					switch number++; number {
					case 1:
						ack()
						select {
						case <-first:
							return nil
						case <-ctx.Done():
							return ctx.Err()
						}
					case 2:
						return tt.second(ctx, func() { close(first) }, ack)
					}
					ack()
					<-ctx.Done()
					return ctx.Err()
				}).remote(era.Memory{Dir: t.TempDir()})
				if _, err := open(t, r); err != nil {
					t.Fatal(err)
				}
				var mu sync.Mutex
				var said []string
				var all sync.WaitGroup
				all.Go(func() {
					_ = r.Listen(ctx, nil, func(raw []byte) {
						mu.Lock()
						defer mu.Unlock()
						said = append(said, string(raw))
					})
				})
				for _, uri := range []string{"a", "b"} {
					time.Sleep(5 * time.Second)
					all.Go(func() {
						request := fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"method":"resources/subscribe","params":{"uri":%q}}`, uri, uri)
						if err := r.Post(ctx, []byte(request), func([]byte) bool { return true }); err != nil {
							t.Errorf("%s: %v", uri, err)
						}
					})
				}
				time.Sleep(time.Minute)
				cancel()
				all.Wait()
				if told := strings.Contains(strings.Join(said, " "), "tools/list_changed"); told != tt.told {
					t.Errorf("the client is told %q", said)
				}
			})
		})
	}
}
