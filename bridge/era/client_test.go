package era_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/era"
	"drawbridge/bridge/jsonrpc"
)

// upstream is a session with a legacy server whose part the test plays.
type upstream struct {
	t    *testing.T
	send era.Send
	got  chan jsonrpc.Message
}

func (u *upstream) Receive(m jsonrpc.Message) {
	if m.Method == "initialize" {
		go func() {
			_ = u.send(nil, jsonrpc.NewResult(m.ID, json.RawMessage(`{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}},"serverInfo":{"name":"old","version":"1"}}`)))
		}()
		return
	}
	if m.Method != "notifications/initialized" {
		u.got <- m
	}
}

func (u *upstream) Close(time.Duration) {}

func (u *upstream) Try(ctx context.Context, do func(ctx context.Context) error) error { return do(ctx) }

func (u *upstream) Await(_ context.Context, m jsonrpc.Message) (jsonrpc.Message, error) {
	return m, nil
}

func (u *upstream) Fail(m jsonrpc.Message, err error) {
	_ = u.send(m.ID, jsonrpc.NewError(m.ID, -32000, err.Error(), nil))
}
func (u *upstream) Excuse(_ jsonrpc.Message, err error) (string, bool) { return err.Error(), true }

// want is the next message that the server gets.
func (u *upstream) want(method string) jsonrpc.Message {
	u.t.Helper()
	select {
	case m := <-u.got:
		if m.Method != method {
			u.t.Fatalf("the server got %s, want %s", m.Raw, method)
		}
		return m
	case <-time.After(time.Minute):
		u.t.Fatalf("the server got no %s", method)
	}
	return jsonrpc.Message{}
}

// rig is a modern client before a legacy server.
type rig struct {
	*upstream
	client *era.Client
	said   chan string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{upstream: &upstream{t: t, got: make(chan jsonrpc.Message, 64)}, said: make(chan string, 64)}
	r.client = era.NewClient(era.ClientConfig{
		Connect: func(send era.Send) (era.Session, *era.Remote) {
			r.upstream.send = send
			return r.upstream, nil // a transport that only legacy servers have
		},
		Send: func(_ json.RawMessage, raw []byte) error { r.said <- string(raw); return nil },
	})
	t.Cleanup(func() { r.client.Close(5 * time.Second) })
	return r
}

const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}`

func (r *rig) say(raw string) {
	r.t.Helper()
	m, err := jsonrpc.Parse([]byte(raw))
	if err != nil {
		r.t.Fatalf("%s: %v", raw, err)
	}
	r.client.Receive(m)
}

func (r *rig) hears() string {
	r.t.Helper()
	select {
	case s := <-r.said:
		return s
	case <-time.After(time.Minute):
		r.t.Fatal("the client hears nothing")
	}
	return ""
}

func (r *rig) wantHears(want string) {
	r.t.Helper()
	if got := r.hears(); got != want {
		r.t.Errorf("the client hears\n%s\nwant\n%s", got, want)
	}
}

func TestDiscoveryOfALegacyServer(t *testing.T) {
	r := newRig(t)
	r.say(`{"jsonrpc":"2.0","id":"d","method":"server/discover","params":{` + meta + `}}`)
	r.wantHears(`{"jsonrpc":"2.0","id":"d","result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}},"ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"old","version":"1"}}}}`)
}

func TestRequestsThatAreNotOfThisEra(t *testing.T) {
	r := newRig(t)
	r.say(`{"jsonrpc":"2.0","id":0,"method":"server/discover","params":{` + meta + `}}`)
	r.hears()
	for request, want := range map[string]string{
		`"method":"tools/list","params":{}`:            `-32602`,
		`"method":"ping","params":{` + meta + `}`:      `-32601`,
		`"method":"tasks/get","params":{` + meta + `}`: `-32601`,
		`"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2031-01-01","io.modelcontextprotocol/clientCapabilities":{}}}`: `-32022,"message":"Unsupported protocol version","data":{"requested":"2031-01-01","supported":["2026-07-28"]}`,
	} {
		r.say(`{"jsonrpc":"2.0","id":1,` + request + `}`)
		if got := r.hears(); !strings.Contains(got, `"code":`+want) {
			t.Errorf("%s: %s", request, got)
		}
	}
}

// asked brings a call to the point where the client is asked for input, and
// returns the server's call, its question's id and the state.
func (r *rig) asked() (state string) {
	r.t.Helper()
	r.say(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"n":1.0},` + meta + `}}`)
	m := r.want("tools/call")
	if want := `{"name":"t","arguments":{"n":1.0}}`; string(m.Params) != want {
		r.t.Errorf("the server got %s, want %s", m.Params, want)
	}
	_ = r.send(m.ID, []byte(`{"jsonrpc":"2.0","id":"s1","method":"elicitation/create","params":{"message":"?","elicitationId":"x"}}`))
	answer, err := jsonrpc.Parse([]byte(r.hears()))
	if err != nil {
		r.t.Fatal(err)
	}
	var result struct {
		ResultType    string
		InputRequests map[string]json.RawMessage
		RequestState  string
	}
	if err := json.Unmarshal(answer.Result, &result); err != nil || result.ResultType != "input_required" {
		r.t.Fatalf("the client hears %s", answer.Raw)
	}
	if got := string(result.InputRequests["qs1"]); got != `{"method":"elicitation/create","params":{"message":"?"}}` {
		r.t.Fatalf("the question is %s", got)
	}
	return result.RequestState
}

func retry(state, arguments string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t","arguments":%s,"inputResponses":{"qs1":{"action":"accept","n":1.0}},"requestState":%q,%s}}`, arguments, state, meta)
}

func TestParkedCallGoesOn(t *testing.T) {
	r := newRig(t)
	state := r.asked()
	r.say(retry(state, `{"n":1.0}`))
	m := r.want("")
	if want := `{"jsonrpc":"2.0","id":"s1","result":{"action":"accept","n":1.0}}`; string(m.Raw) != want {
		t.Errorf("the server got %s, want %s", m.Raw, want)
	}
	_ = r.send(nil, []byte(`{"jsonrpc":"2.0","id":2,"result":{"content":[],"x":1e400}}`)) // 1 was initialize
	r.wantHears(`{"jsonrpc":"2.0","id":2,"result":{"content":[],"x":1e400,"resultType":"complete"}}`)
	r.say(retry(state, `{"n":1.0}`))
	if got := r.hears(); !strings.Contains(got, `-32602`) {
		t.Errorf("a used state is taken: %s", got)
	}
}

// The state comes from the client: it is taken only for what it was made for.
func TestForgedStateIsRefused(t *testing.T) {
	r := newRig(t)
	state := r.asked()
	name, _, _ := strings.Cut(state, ".")
	for why, raw := range map[string]string{
		"other arguments":  retry(state, `{"n":2}`),
		"altered":          retry(state[:len(state)-2]+"xx", `{"n":1.0}`),
		"without its seal": retry(name, `{"n":1.0}`),
		"empty":            retry("", `{"n":1.0}`),
	} {
		r.say(raw)
		if got := r.hears(); !strings.Contains(got, `"code":-32602`) {
			t.Errorf("%s: %s", why, got)
		}
	}
	r.say(retry(state, `{"n":1.0}`)) // and is good still
	r.want("")
}

func TestWhatTheServerMayNotAsk(t *testing.T) {
	r := newRig(t)
	r.say(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{` + meta + `}}`)
	list := r.want("tools/list")
	for why, related := range map[string]json.RawMessage{"in a list": list.ID, "on no account": nil} {
		_ = r.send(related, []byte(`{"jsonrpc":"2.0","id":"s","method":"elicitation/create","params":{}}`))
		if m := r.want(""); m.Error == nil {
			t.Errorf("%s: %s", why, m.Raw)
		}
	}
	r.say(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t",` + meta + `}}`)
	call := r.want("tools/call")
	_ = r.send(call.ID, []byte(`{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{}}`))
	if m := r.want(""); m.Error == nil {
		t.Errorf("what the client does not offer: %s", m.Raw)
	}
	_ = r.send(call.ID, []byte(`{"jsonrpc":"2.0","id":"p","method":"ping"}`))
	if m := r.want(""); m.Result == nil {
		t.Errorf("ping: %s", m.Raw)
	}
}

func TestErrorsOfTheOtherEra(t *testing.T) {
	r := newRig(t)
	r.say(`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"x",` + meta + `}}`)
	m := r.want("resources/read")
	_ = r.send(nil, jsonrpc.Answer(m.ID, jsonrpc.Message{Error: json.RawMessage(`{"code":-32002,"message":"m","data":1.0}`)}))
	r.wantHears(`{"jsonrpc":"2.0","id":1,"error":{"message":"m","data":1.0,"code":-32602}}`)

	r.say(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t",` + meta + `}}`)
	m = r.want("tools/call")
	_ = r.send(nil, jsonrpc.Answer(m.ID, jsonrpc.Message{Error: json.RawMessage(`{"code":-32042,"message":"m","data":{"elicitations":[{"mode":"url","url":"https://x","elicitationId":"e"}]}}`)}))
	r.wantHears(`{"jsonrpc":"2.0","id":2,"result":{"resultType":"input_required","inputRequests":{"url0":{"method":"elicitation/create","params":{"url":"https://x","mode":"url"}}}}}`)
}

func TestCancellationReachesALegacyServer(t *testing.T) {
	r := newRig(t)
	r.say(`{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"t",` + meta + `}}`)
	m := r.want("tools/call")
	r.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c"}}`)
	if c := r.want("notifications/cancelled"); !strings.Contains(string(c.Params), `"requestId":`+string(m.ID)) {
		t.Errorf("the server got %s", c.Raw)
	}
	_ = r.send(nil, jsonrpc.NewResult(m.ID, json.RawMessage(`{}`))) // too late
	r.say(`{"jsonrpc":"2.0","id":"d","method":"server/discover","params":{` + meta + `}}`)
	if got := r.hears(); !strings.Contains(got, `"id":"d"`) {
		t.Errorf("the client hears %s", got)
	}
}

func TestSubscriptionsOfAModernClient(t *testing.T) {
	r := newRig(t)
	r.say(`{"jsonrpc":"2.0","id":9,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["a"]},` + meta + `}}`)
	m := r.want("resources/subscribe")
	_ = r.send(nil, jsonrpc.NewResult(m.ID, json.RawMessage(`{}`)))
	r.wantHears(`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a"]},"_meta":{"io.modelcontextprotocol/subscriptionId":9}}}`)
	_ = r.send(nil, []byte(`{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}`)) // not promised
	_ = r.send(nil, []byte(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a/b"}}`))
	r.wantHears(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a/b","_meta":{"io.modelcontextprotocol/subscriptionId":9}}}`)
	r.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}}`)
	r.want("resources/unsubscribe")
}

// What the server says while its listener is being told that it listens comes
// after that, and is not lost.
func TestUpdateBesideTheAcknowledgement(t *testing.T) {
	u := &upstream{t: t, got: make(chan jsonrpc.Message, 64)}
	said := make(chan string, 64)
	client := era.NewClient(era.ClientConfig{
		Connect: func(send era.Send) (era.Session, *era.Remote) {
			u.send = send
			return u, nil
		},
		Send: func(_ json.RawMessage, raw []byte) error {
			if strings.Contains(string(raw), "acknowledged") {
				_ = u.send(nil, []byte(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`))
			}
			said <- string(raw)
			return nil
		},
	})
	r := &rig{upstream: u, client: client, said: said}
	t.Cleanup(func() { client.Close(5 * time.Second) })
	r.say(`{"jsonrpc":"2.0","id":9,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},` + meta + `}}`)
	for _, want := range []string{"acknowledged", "list_changed"} {
		if got := r.hears(); !strings.Contains(got, want) {
			t.Errorf("the client hears %s, want %s", got, want)
		}
	}
}
