package session

import (
	"encoding/json"
	"errors"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
)

// Outcome is how a request of the client ended.
type Outcome string

// The outcomes.
const (
	// Answered: with a result.
	Answered Outcome = "ok"
	// ToolFailed: with a result that says isError.
	ToolFailed Outcome = "tool_error"
	// Errored: with the server's JSON-RPC error; see Call.Code.
	Errored Outcome = "error"
	// Failed: with an error of ours, as the server could not be asked; see Call.Fault.
	Failed Outcome = "failed"
	// Cancelled: not at all, as the client gave it up or went.
	Cancelled Outcome = "cancelled"
)

// Call is what may be told of a request.
type Call struct {
	At     time.Time
	Took   time.Duration
	Method string
	// Tool is the name that tools/call or prompts/get is about.
	Tool    string
	Outcome Outcome
	// Code is of the JSON-RPC error for Errored, else 0.
	Code int
	// Fault says what went wrong for Failed.
	Fault fault.Code
	// Params and Answer are the messages' own bytes, a result or an error: not to be
	// changed nor kept after the call, and told to nobody unless the person asked
	// for it.
	Params, Answer json.RawMessage
}

// maxLooked bounds what is looked into for a tool's name or a failure. It is
// looked at after the answer, so that it slows no call, but it should cost little.
const maxLooked = 1 << 20

// answered notes what the client gets for the request with the id.
func (s *Session) answered(id json.RawMessage, note func(*request)) {
	if s.called == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.byID[string(id)]; r != nil {
		note(r)
	}
}

// tell hands a request that is done to the watcher.
func (s *Session) tell(r *request) {
	if s.called == nil {
		return
	}
	c := Call{At: r.at, Took: time.Since(r.at), Method: r.method, Outcome: Cancelled, Params: r.params}
	switch r.method {
	case mcp.MethodToolsCall, mcp.MethodPromptsGet:
		_ = json.Unmarshal(small(r.params, "name"), &c.Tool)
	}
	switch {
	case r.failure != nil:
		c.Outcome, c.Fault = Failed, public("", r.failure).Code
	case r.answer.Error != nil:
		c.Outcome, c.Answer = Errored, r.answer.Error
		_ = json.Unmarshal(small(r.answer.Error, "code"), &c.Code)
	case r.answer.Result != nil:
		c.Outcome, c.Answer = Answered, r.answer.Result
		if r.method == mcp.MethodToolsCall && string(small(r.answer.Result, "isError")) == "true" {
			c.Outcome = ToolFailed
		}
	}
	s.called(c)
}

// small is a member of an object that is not too large to be looked into.
func small(object json.RawMessage, name string) json.RawMessage {
	if len(object) > maxLooked {
		return nil
	}
	return jsonrpc.Member(object, name)
}

// failedWith notes an error of ours that the client gets. What the server wrote
// beside an HTTP error is the server's answer.
func failedWith(err error) func(*request) {
	return func(r *request) {
		if body := errorBody(err); body != nil {
			if answer, parseErr := jsonrpc.Parse(body); parseErr == nil && answer.Error != nil {
				r.answer = answer
				return
			}
		}
		if r.failure = err; r.failure == nil {
			r.failure = errors.New("no answer")
		}
	}
}
