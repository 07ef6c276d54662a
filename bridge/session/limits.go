package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
)

// progressMost is how many times its limit a request may take that makes progress.
const progressMost = 10

// errTooLong ends a request that was not answered in time.
var errTooLong = errors.New("not answered in time")

// clock is the time that a request of the client has left.
type clock struct {
	timer *time.Timer
	end   time.Time       // not even progress goes beyond it
	token json.RawMessage // the request's progress token, or nil
}

// watch limits the time of a request, if there is a limit. It is called with the
// session's mu held.
func (s *Session) watch(r *request, m jsonrpc.Message) {
	if s.callLimit <= 0 {
		return
	}
	r.clock = &clock{
		timer: time.AfterFunc(s.callLimit, func() { r.cancel(errTooLong) }),
		end:   time.Now().Add(progressMost * s.callLimit),
		token: jsonrpc.Member(jsonrpc.Member(m.Params, "_meta"), "progressToken"),
	}
}

// progressed gives the request with the id, and those that a progress
// notification is about, their time anew: the server is at work, or waits for
// the client itself.
func (s *Session) progressed(id json.RawMessage, m jsonrpc.Message) {
	if s.callLimit <= 0 {
		return
	}
	var token json.RawMessage
	if m.Method == mcp.NotificationProgress {
		token = jsonrpc.Member(m.Params, "progressToken")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.inFlight {
		if id != nil && jsonrpc.SameID(r.id, id) || token != nil && jsonrpc.SameID(r.clock.token, token) {
			if left := min(s.callLimit, time.Until(r.clock.end)); left > 0 && r.clock.timer.Stop() {
				r.clock.timer.Reset(left)
			}
		}
	}
}

// tooLong answers a request whose time is over and tells the server that nobody
// waits any more.
func (s *Session) tooLong(m jsonrpc.Message) {
	s.fail(m, s.needsMet(), fault.New(fault.Unreachable, fmt.Sprintf("%s has not answered for %v; the call may have run.", s.credential.Name(), s.callLimit),
		"Look whether it did before you try again; --timeout sets the time."))
	params := append(append(json.RawMessage(`{"requestId":`), m.ID...), `,"reason":"not answered in time"}`...)
	cancelled, err := jsonrpc.Parse(append(append([]byte(`{"jsonrpc":"2.0","method":"`+mcp.NotificationCancelled+`","params":`), params...), '}'))
	if err != nil {
		return // the id has been parsed before
	}
	s.takeNote(s.ctx, &note{m: cancelled})
}

// hiddenCall reports whether the request calls a tool that clients do not get to
// see, and answers it as one that is not there.
func (s *Session) hiddenCall(m jsonrpc.Message) bool {
	if s.hide == nil || m.Method != mcp.MethodToolsCall {
		return false
	}
	var name string
	if json.Unmarshal(jsonrpc.Member(m.Params, "name"), &name) != nil || !s.hide(name) {
		return false
	}
	s.log.Info("call of a hidden tool refused", "tool", name)
	s.answered(m.ID, func(r *request) { r.answer.Error = json.RawMessage(`{"code":-32602}`) })
	s.reply(jsonrpc.NewError(m.ID, codeInvalidParams, "Unknown tool: "+name, nil))
	return true
}

// codeInvalidParams is JSON-RPC 2.0 §5.1's, which MCP wants for an unknown tool.
const codeInvalidParams = -32602

// withoutHidden takes the tools out of an answer to tools/list that clients do
// not get to see. All else stays as it was spelt.
func (s *Session) withoutHidden(raw []byte) []byte {
	m, err := jsonrpc.Parse(raw)
	if err != nil || m.Result == nil {
		return raw
	}
	var tools, left []json.RawMessage
	if json.Unmarshal(jsonrpc.Member(m.Result, "tools"), &tools) != nil {
		return raw
	}
	for _, tool := range tools {
		var name string
		if json.Unmarshal(jsonrpc.Member(tool, "name"), &name) == nil && s.hide(name) {
			continue
		}
		left = append(left, tool)
	}
	if len(left) == len(tools) {
		return raw
	}
	list := []byte{'['}
	for i, tool := range left {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, tool...)
	}
	return jsonrpc.Replace(m.Raw, "result", jsonrpc.Replace(m.Result, "tools", append(list, ']')))
}
