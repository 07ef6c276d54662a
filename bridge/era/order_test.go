package era_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/era"
	"drawbridge/bridge/jsonrpc"
)

// Over HTTP a message may come while the client ends, for it comes on a connection
// of its own. Nothing begins then that the end does not wait for, and nothing that
// the race detector minds.
func TestMessagesWhileTheClientEnds(t *testing.T) {
	for range 50 {
		r := newRig(t)
		var said, ended sync.WaitGroup
		said.Add(1)
		ended.Go(func() {
			for i := range 20 {
				if i == 1 {
					said.Done()
				}
				r.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"ping","params":{%s}}`, i, meta))
			}
		})
		said.Wait()
		r.client.Close(10 * time.Second)
		ended.Wait()
	}
}

// Nor does a session begin that nobody would end.
func TestNoSessionBeginsWhileTheClientEnds(t *testing.T) {
	h := held{&upstream{t: t, got: make(chan jsonrpc.Message, 64)}, make(chan struct{}), make(chan struct{})}
	said, sessions := make(chan string, 64), 0
	client := era.NewClient(era.ClientConfig{
		Connect: func(send era.Send) (era.Session, *era.Remote) {
			if sessions++; sessions > 1 {
				return &upstream{t: t, send: send, got: make(chan jsonrpc.Message, 64)}, nil
			}
			h.send = send
			return ending{h}, nil
		},
		Send: func(_ json.RawMessage, raw []byte) error { said <- string(raw); return nil },
	})
	r := &rig{upstream: h.upstream, client: client, said: said}
	r.say(discover)
	<-h.waits
	h.goOn <- struct{}{}
	r.hears()
	r.say(strings.Replace(discover, `"elicitation":{}`, `"sampling":{}`, 1)) // wants a session of its own
	<-h.waits
	client.Close(10 * time.Second)
	if sessions != 1 {
		t.Errorf("there are %d sessions", sessions)
	}
}

// ending is such a session whose requests go on when it ends.
type ending struct{ held }

func (e ending) Close(time.Duration) { e.goOn <- struct{}{} }

// held is a session in which requests wait until they may go on.
type held struct {
	*upstream
	waits, goOn chan struct{}
}

func (h held) Await(_ context.Context, m jsonrpc.Message) (jsonrpc.Message, error) {
	h.waits <- struct{}{}
	<-h.goOn
	return m, nil
}

// The first message shows the client's era, also while it is not known yet what
// the server is.
func TestNotificationRightAfterTheFirstRequest(t *testing.T) {
	h := held{&upstream{t: t, got: make(chan jsonrpc.Message, 64)}, make(chan struct{}), make(chan struct{})}
	r := &rig{upstream: h.upstream, said: make(chan string, 64)}
	r.client = era.NewClient(era.ClientConfig{
		Connect: func(send era.Send) (era.Session, *era.Remote) {
			h.send = send
			return h, nil
		},
		Send: func(_ json.RawMessage, raw []byte) error { r.said <- string(raw); return nil },
	})
	t.Cleanup(func() { r.client.Close(5 * time.Second) })
	r.say(discover)
	<-h.waits
	r.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"another"}}`)
	close(h.goOn)
	if got := r.hears(); !strings.Contains(got, `"supportedVersions":["2026-07-28"]`) {
		t.Errorf("the client hears %s", got)
	}
	if len(r.got) > 0 {
		t.Errorf("the server got %s", (<-r.got).Raw)
	}
}

// A request that is cancelled before it is known what the server is never leaves.
func TestCancelledBeforeTheEraIsKnown(t *testing.T) {
	m := era.Memory{Dir: t.TempDir()}
	if err := m.Store("https://modern", era.Modern); err != nil {
		t.Fatal(err)
	}
	h := held{&upstream{t: t, got: make(chan jsonrpc.Message, 64)}, make(chan struct{}), make(chan struct{})}
	r := &rig{upstream: h.upstream, said: make(chan string, 64)}
	r.client = era.NewClient(era.ClientConfig{
		Connect: func(era.Send) (era.Session, *era.Remote) { return h, wire(nil).remote(m) },
		Send:    func(_ json.RawMessage, raw []byte) error { r.said <- string(raw); return nil },
	})
	for _, id := range []string{"1", "2"} {
		r.say(`{"jsonrpc":"2.0","id":` + id + `,"method":"tools/list","params":{` + meta + `}}`)
		<-h.waits
	}
	r.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	close(h.goOn)
	if m := r.want("tools/list"); string(m.ID) != "2" {
		t.Errorf("the server got %s", m.Raw)
	}
	r.client.Close(5 * time.Second)
	if len(r.got) > 0 {
		t.Errorf("the server got %s", (<-r.got).Raw)
	}
}

// listen asks for a resource.
func (r *rig) listen(id int, uri string) {
	r.t.Helper()
	r.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":[%q]},%s}}`, id, uri, meta))
}

func (r *rig) unlisten(id int) {
	r.t.Helper()
	r.say(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`, id))
}

// wantAnd is the next message that the server gets, which it answers.
func (r *rig) wantAnd(method, answer string) {
	r.t.Helper()
	m := r.want(method)
	if answer == "" {
		_ = r.send(nil, jsonrpc.NewResult(m.ID, json.RawMessage(`{}`)))
		return
	}
	_ = r.send(nil, jsonrpc.Answer(m.ID, jsonrpc.Message{Error: json.RawMessage(answer)}))
}

// A subscription that is cancelled while the server is asked for it ends when it
// has begun: the client is told nothing, and the server that it is over.
func TestSubscriptionCancelledWhileItBegins(t *testing.T) {
	r := newRig(t)
	r.listen(9, "a")
	m := r.want("resources/subscribe")
	r.unlisten(9)
	_ = r.send(nil, jsonrpc.NewResult(m.ID, json.RawMessage(`{}`)))
	r.wantAnd("resources/unsubscribe", "")
	_ = r.send(nil, []byte(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a"}}`))
	r.say(`{"jsonrpc":"2.0","id":"d","method":"ping","params":{` + meta + `}}`)
	if got := r.hears(); !strings.Contains(got, `"id":"d"`) {
		t.Errorf("the client hears %s", got)
	}
}

// lagging is a session that holds some of what it is given, as one does whose
// goroutine is late.
type lagging struct {
	*upstream
	holds string
	goOn  chan struct{}
}

func (l lagging) Receive(m jsonrpc.Message) {
	if m.Method == l.holds {
		<-l.goOn
	}
	l.upstream.Receive(m)
}

// inBubble runs a test of a rig whose session may be late with a method.
func inBubble(t *testing.T, holds string, test func(t *testing.T, r *rig, goOn chan struct{})) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := lagging{&upstream{t: t, got: make(chan jsonrpc.Message, 64)}, holds, make(chan struct{}, 8)}
		r := &rig{upstream: l.upstream, said: make(chan string, 64)}
		r.client = era.NewClient(era.ClientConfig{
			Connect: func(send era.Send) (era.Session, *era.Remote) {
				l.send = send
				return l, nil
			},
			Send: func(_ json.RawMessage, raw []byte) error { r.said <- string(raw); return nil },
		})
		defer r.client.Close(5 * time.Second)
		test(t, r, l.goOn)
	})
}

// Who listens while the server is asked for the same resource is not told that it
// listens when the server refuses.
func TestSecondSubscriptionWhileTheFirstBegins(t *testing.T) {
	inBubble(t, "", func(t *testing.T, r *rig, _ chan struct{}) {
		r.listen(1, "a")
		m := r.want("resources/subscribe")
		r.listen(2, "a")
		synctest.Wait()
		_ = r.send(nil, jsonrpc.Answer(m.ID, jsonrpc.Message{Error: json.RawMessage(`{"code":-32603,"message":"not now"}`)}))
		r.wantAnd("resources/subscribe", `{"code":-32603,"message":"never"}`)
		for range 2 {
			if got := r.hears(); strings.Contains(got, "resourceSubscriptions") {
				t.Errorf("the client hears %s", got)
			}
		}
	})
}

// The end of a subscription and the next one reach the server in this order.
func TestSubscriptionRightAfterTheEndOfAnother(t *testing.T) {
	inBubble(t, "resources/unsubscribe", func(t *testing.T, r *rig, goOn chan struct{}) {
		r.listen(1, "a")
		r.wantAnd("resources/subscribe", "")
		r.hears()
		r.unlisten(1)
		synctest.Wait()
		r.listen(2, "a")
		synctest.Wait()
		goOn <- struct{}{}
		r.wantAnd("resources/unsubscribe", "")
		r.wantAnd("resources/subscribe", "")
		if got := r.hears(); !strings.Contains(got, `"resourceSubscriptions":["a"]`) {
			t.Errorf("the client hears %s", got)
		}
	})
}

// A resource that somebody follows again, before its subscription was ended, stays
// subscribed to.
func TestResourceThatIsFollowedAgain(t *testing.T) {
	inBubble(t, "", func(t *testing.T, r *rig, _ chan struct{}) {
		r.listen(1, "a")
		r.wantAnd("resources/subscribe", "")
		r.hears()
		r.listen(2, "b")
		m := r.want("resources/subscribe")
		r.listen(3, "a")
		synctest.Wait()
		r.unlisten(1)
		synctest.Wait()
		_ = r.send(nil, jsonrpc.NewResult(m.ID, json.RawMessage(`{}`)))
		synctest.Wait()
		if len(r.got) > 0 {
			t.Errorf("the server got %s", (<-r.got).Raw)
		}
		r.unlisten(3)
		if m := r.want("resources/unsubscribe"); !strings.Contains(string(m.Params), `"a"`) {
			t.Errorf("the server got %s", m.Raw)
		}
	})
}

// Two calls that want different levels leave the server at the lower one,
// whichever of them is late.
func TestLevelsOfTwoCalls(t *testing.T) {
	inBubble(t, "logging/setLevel", func(t *testing.T, r *rig, goOn chan struct{}) {
		call := func(id int, level string) {
			r.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"t",%s}}`, id,
				strings.Replace(meta, "{", `{"io.modelcontextprotocol/logLevel":"`+level+`",`, 1)))
			synctest.Wait()
		}
		call(1, "info")
		call(2, "debug")
		close(goOn)
		m := r.want("logging/setLevel")
		if synctest.Wait(); len(r.got) > 0 {
			t.Errorf("the server is asked for another level before the first is set: %s", (<-r.got).Raw)
		}
		call(3, "error")
		_ = r.send(nil, jsonrpc.NewResult(m.ID, json.RawMessage(`{}`)))
		var at []string
		for range 4 { // the calls, and the other level between them
			m = <-r.got
			if m.Method == "logging/setLevel" {
				at = append(at, string(m.Params))
				_ = r.send(nil, jsonrpc.NewResult(m.ID, json.RawMessage(`{}`)))
			}
		}
		if len(at) != 1 || at[0] != `{"level":"debug"}` {
			t.Errorf("the server is asked for %q after the first", at)
		}
	})
}
