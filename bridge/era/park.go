package era

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// parkLimit is how long a call waits upstream for a client that has been asked
// something and need not come back.
const parkLimit = 10 * time.Minute

// sealer makes and checks the requestState of parked calls. The client gives it
// back, so it is not to be trusted: it is bound to the call, its round and what
// was called, by a key that only this process has.
type sealer struct{ key []byte }

func newSealer() sealer {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return sealer{key}
}

func (s sealer) sign(parts ...string) string {
	h := hmac.New(sha256.New, s.key)
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// question is a request of the server that a call has caused.
type question struct {
	key string
	m   jsonrpc.Message
}

// call is a modern client's request on its way through a legacy session. It
// lives on while the client, asked for input, is away.
type call struct {
	u        *upstream
	name     string          // in requestState
	id       json.RawMessage // upstream
	method   string
	token    json.RawMessage // progressToken
	level    string          // logLevel; "": none
	identity string          // what was called, without what changes in a retry

	mu        sync.Mutex
	client    json.RawMessage // the id that the client waits with; nil: it is away
	round     int
	questions []question // asked in this round
	later     []question // come while the client was away
	result    []byte     // the response, come while the client was away: "result" or "error" and payload
	over      bool
	expiry    *time.Timer
}

// identity is what a retry has in common with the first request.
func identity(m jsonrpc.Message) string {
	sum := sha256.Sum256(splice(m.Params, nil, "_meta", "inputResponses", "requestState"))
	return m.Method + " " + base64.RawStdEncoding.EncodeToString(sum[:])
}

func (c *call) state() string {
	return c.name + "." + c.u.c.seal.sign(c.name, strconv.Itoa(c.round), c.identity)
}

// ask asks the client, at once when it is there.
func (c *call) ask(m jsonrpc.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	q := question{"q" + strings.Trim(string(m.ID), `"`), m}
	if c.client == nil {
		c.later = append(c.later, q)
		return
	}
	c.park([]question{q})
}

// park answers the client's request with questions; mu is held.
func (c *call) park(questions []question) {
	c.round++
	c.questions = questions
	var asks []field
	for i := range c.questions {
		q := &c.questions[i]
		params := q.m.Params
		if q.m.Method == methodElicit {
			params = without(params, "elicitationId")
		}
		if params == nil { // optional here, but the Go SDK cannot read a question without
			params = json.RawMessage("{}")
		}
		for slices.ContainsFunc(asks, func(f field) bool { return f.name == q.key }) {
			q.key += "'"
		}
		asks = append(asks, field{q.key, splice(nil, []field{{"method", quote(q.m.Method)}, {"params", params}})})
	}
	c.answer(splice(nil, []field{
		{"resultType", quote("input_required")}, {"inputRequests", splice(nil, asks)}, {"requestState", quote(c.state())},
	}))
}

// answer gives the client a result and lets it go; mu is held.
func (c *call) answer(result json.RawMessage) {
	id := c.client
	c.client = nil
	c.u.c.reply(id, jsonrpc.NewResult(id, result))
	if c.expiry != nil {
		c.expiry.Stop()
	}
	c.expiry = time.AfterFunc(parkLimit, func() { c.giveUp("The client has not come back with an answer.") })
}

// resume is the client's return with answers. It reports whether the request
// fits.
func (c *call) resume(m jsonrpc.Message, state string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || c.client != nil || state != c.state() {
		return false
	}
	responses := jsonrpc.Member(m.Params, "inputResponses")
	c.client = m.ID
	c.expiry.Stop()
	var open []question
	for _, q := range c.questions {
		given := jsonrpc.Member(responses, q.key)
		if given == nil {
			open = append(open, q)
			continue
		}
		c.u.receive(jsonrpc.NewResult(q.m.ID, without(given, "resultType")))
	}
	c.questions = nil
	open = append(open, c.later...)
	c.later = nil
	switch {
	case c.result != nil:
		c.deliver(c.result)
	case len(open) > 0:
		c.park(open)
	}
	return true
}

// waitsWith reports whether the client waits for the call with that id.
func (c *call) waitsWith(id json.RawMessage) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.client != nil && jsonrpc.SameID(c.client, id)
}

// finish takes the response.
func (c *call) finish(m jsonrpc.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	raw := c.modernResponse(m)
	if c.client == nil {
		c.result = raw
		return
	}
	c.deliver(raw)
}

// deliver gives the client a response that lacks its id; mu is held.
func (c *call) deliver(raw []byte) {
	m, err := jsonrpc.Parse(raw)
	if err != nil {
		return
	}
	id := c.client
	c.end()
	c.u.c.reply(id, jsonrpc.Answer(id, m))
}

// end forgets the call; mu is held.
func (c *call) end() {
	c.over, c.client = true, nil
	if c.expiry != nil {
		c.expiry.Stop()
	}
	c.u.c.mu.Lock()
	delete(c.u.c.calls, c)
	c.u.c.mu.Unlock()
}

// modernResponse is a legacy response as a modern client knows it.
func (c *call) modernResponse(m jsonrpc.Message) []byte {
	if m.Error == nil {
		return jsonrpc.NewResult(m.ID, completeResult(c.method, m.Result))
	}
	p, _ := readProblem(m.Error)
	switch p.Code {
	case -32002: // resource not found, until 2025-11-25
		return jsonrpc.Answer(m.ID, jsonrpc.Message{Error: splice(m.Error, []field{{"code", json.RawMessage("-32602")}})})
	case -32042: // URL elicitation required, in 2025-11-25 only
		return jsonrpc.NewResult(m.ID, urlsRequired(m.Error))
	}
	return jsonrpc.Answer(m.ID, m)
}

// urlsRequired makes questions out of the addresses that a person has to visit
// first; the client then calls again.
func urlsRequired(problem json.RawMessage) json.RawMessage {
	var elicitations []json.RawMessage
	_ = json.Unmarshal(jsonrpc.Member(jsonrpc.Member(problem, "data"), "elicitations"), &elicitations)
	var asks []field
	for i, e := range elicitations {
		asks = append(asks, field{"url" + strconv.Itoa(i), splice(nil, []field{
			{"method", quote(methodElicit)}, {"params", splice(e, []field{{"mode", quote("url")}}, "elicitationId")},
		})})
	}
	return splice(nil, []field{{"resultType", quote("input_required")}, {"inputRequests", splice(nil, asks)}})
}

// unask drops a question that the server takes back.
func (c *call) unask(id json.RawMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	same := func(q question) bool { return jsonrpc.SameID(q.m.ID, id) }
	c.questions = slices.DeleteFunc(c.questions, same)
	c.later = slices.DeleteFunc(c.later, same)
}

// tell passes a notification on while the client is there.
func (c *call) tell(raw []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil {
		c.u.c.reply(c.client, raw)
	}
}

// wantsLog reports whether the request asked for log messages of a level.
func (c *call) wantsLog(level string) bool {
	return c.level != "" && slices.Index(levels, level) >= slices.Index(levels, c.level)
}

// giveUp ends the call upstream.
func (c *call) giveUp(why string) {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return
	}
	open := append(c.questions, c.later...)
	c.end()
	c.mu.Unlock()
	for _, q := range open {
		c.u.receive(jsonrpc.NewError(q.m.ID, jsonrpc.CodeBridge, why, nil))
	}
	c.u.receive(jsonrpc.NewNotificationWith(methodCancelled, splice(nil, []field{{"requestId", c.id}, {"reason", quote(why)}})))
	c.u.mu.Lock()
	delete(c.u.calls, string(c.id))
	c.u.mu.Unlock()
}

// stop ends the timers of a call whose session ends.
func (c *call) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.expiry != nil {
		c.expiry.Stop()
	}
}
