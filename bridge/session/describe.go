package session

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
)

// Memory keeps what the server said of itself from one session to the next, so
// that a client gets the answer to initialize without waiting for the server.
type Memory interface {
	// Describe returns the result that initialize with these params, as far as
	// they matter, had last; nil when nothing is known. It does not wait.
	Describe(params json.RawMessage) json.RawMessage
	// Keep stores such a result.
	Keep(ctx context.Context, params, result json.RawMessage)
}

// forgetful is the Memory of a session without one.
type forgetful struct{}

func (forgetful) Describe(json.RawMessage) json.RawMessage { return nil }

func (forgetful) Keep(context.Context, json.RawMessage, json.RawMessage) {}

// describeAfter is how long a client waits for the first answer of a server
// that is slow, before it gets a minimal description.
const describeAfter = 1800 * time.Millisecond

// picture is what the client was told of the server, and what is true.
type picture struct {
	given  json.RawMessage // the result of initialize that the client got; nil: none yet
	actual json.RawMessage // the server's latest; nil: not known yet
	shown  json.RawMessage // the one that the client last looked at, or was told to look at
	again  []string        // list_changed notifications for when the client may get some
}

// lists are the capabilities of which the client keeps lists, and what tells it
// to ask for them again.
var lists = []struct{ capability, changed string }{
	{"tools", mcp.NotificationToolsListChanged},
	{"prompts", mcp.NotificationPromptsListChanged},
	{"resources", mcp.NotificationResourcesListChanged},
}

// give answers the client's initialize with a result, unless it has an answer.
func (s *Session) give(m jsonrpc.Message, result json.RawMessage) bool {
	if !s.claim(result, false) {
		return false
	}
	s.reply(jsonrpc.NewResult(m.ID, result))
	return true
}

// claim reports whether the client's initialize is still to be answered; who
// gets true answers it, with a description that is minimal or with what is known.
func (s *Session) claim(result json.RawMessage, minimal bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.picture.given != nil {
		return false
	}
	s.described = s.described || minimal
	s.picture.given = bytes.Clone(result)
	s.picture.shown = s.picture.given
	return true
}

// giveMinimal answers the client's initialize with as much as is known without
// the server.
func (s *Session) giveMinimal(m jsonrpc.Message, err error) {
	if result := minimalDescription(m, explain(s.credential.Name(), err)); s.claim(result, true) {
		s.reply(jsonrpc.NewResult(m.ID, result))
		s.log.Info("minimal description given", "error", err)
	}
}

// slow is why a client gets a minimal description of a server that may yet answer.
func (s *Session) slow() error {
	return fault.New(fault.Unreachable, s.credential.Name()+" has not answered yet.", "Its tools appear when it does.")
}

// opened takes the server's messages on initialize: to the client goes what it
// has not been told. It reports whether the response was among them.
func (s *Session) opened(raw []byte, m jsonrpc.Message, a *attempt) bool {
	answer, err := jsonrpc.Parse(raw)
	if err != nil || !isAnswer(answer, m.ID) {
		return s.relay(raw, m.ID)
	}
	if answer.Result == nil {
		if s.claim(answer.Error, false) {
			return s.relay(raw, m.ID)
		}
		s.settle(a, s.refused(answer.Error))
		return true
	}
	// Before the client sees it: what it sends next needs both.
	s.noteResult(m.Params, answer.Result)
	s.becameReady(false)
	s.settle(a, nil)
	if s.claim(answer.Result, false) {
		return s.relay(raw, m.ID)
	}
	s.compare()
	return true
}

// refused is the error for a server that answers initialize with one.
func (s *Session) refused(answer json.RawMessage) error {
	s.log.Warn("the server refuses to open a session", "bytes", len(answer))
	return fault.New(fault.NotMCP, s.credential.Name()+" refuses to open a session.", "Run: drawbridge status "+s.credential.Name())
}

// noteResult takes what the server says of itself for true, and keeps it.
func (s *Session) noteResult(params, result json.RawMessage) {
	var version string
	if json.Unmarshal(jsonrpc.Member(result, "protocolVersion"), &version) == nil && version != "" {
		s.remote.SetVersion(version)
	}
	result = bytes.Clone(result)
	s.mu.Lock()
	s.picture.actual = result
	s.mu.Unlock()
	s.work.Go(func() { s.memory.Keep(s.ctx, params, result) })
}

// compare tells the client to look again at what is not as it was told, or, when
// it could not look at all, at everything.
func (s *Session) compare() {
	var changed []string
	s.mu.Lock()
	shown, actual := capabilities(s.picture.shown), capabilities(s.picture.actual)
	for _, list := range lists {
		was, is := jsonrpc.Member(shown, list.capability), jsonrpc.Member(actual, list.capability)
		if s.described && (was != nil || is != nil) || !s.described && !bytes.Equal(was, is) ||
			s.offered && list.changed == mcp.NotificationToolsListChanged {
			changed = append(changed, list.changed)
		}
	}
	s.picture.shown = s.picture.actual
	s.described, s.offered = false, false // in one with each other: watchOffer looks at both
	s.mu.Unlock()
	s.lookAgain(changed...)
}

func capabilities(result json.RawMessage) json.RawMessage {
	return jsonrpc.Member(result, "capabilities")
}

// lookAgain sends these notifications, each once, as soon as the client may get any.
func (s *Session) lookAgain(changed ...string) {
	s.mu.Lock()
	for _, method := range changed {
		if !slices.Contains(s.picture.again, method) {
			s.picture.again = append(s.picture.again, method)
		}
	}
	var now []string
	if s.greeted.Load() {
		now, s.picture.again = s.picture.again, nil
	}
	s.mu.Unlock()
	for _, method := range now {
		s.reply(jsonrpc.NewNotification(method))
	}
}

// greet notes that the client has said `initialized`, or something that it may
// say only later.
func (s *Session) greet() {
	if !s.greeted.Swap(true) {
		s.lookAgain()
	}
}

// without answers requests about a capability that the client was told of and
// the server, as it shows now, does not have: nothing is there. Other requests,
// and all when the client was told the truth, are the server's: nil.
func (s *Session) without(method string) json.RawMessage {
	var capability, empty string
	switch method {
	case mcp.MethodToolsList:
		capability, empty = "tools", `{"tools":[]}`
	case mcp.MethodPromptsList:
		capability, empty = "prompts", `{"prompts":[]}`
	case mcp.MethodResourcesList:
		capability, empty = "resources", `{"resources":[]}`
	case mcp.MethodResourcesTemplates:
		capability, empty = "resources", `{"resourceTemplates":[]}`
	case mcp.MethodSetLogLevel:
		capability, empty = "logging", `{}`
	default:
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.picture.actual == nil || bytes.Equal(s.picture.given, s.picture.actual) {
		return nil
	}
	if jsonrpc.Member(capabilities(s.picture.given), capability) == nil || jsonrpc.Member(capabilities(s.picture.actual), capability) != nil {
		return nil
	}
	return json.RawMessage(empty)
}
