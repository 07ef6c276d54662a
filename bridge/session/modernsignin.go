package session

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
)

// A client of MCP 2026-07-28 is asked by a result that wants input, and comes back
// with the same request, its answer and this state. The state is no secret and
// gives nobody anything: whoever sends it waits for a sign-in.
const (
	signInState = "drawbridge-sign-in"
	signInKey   = "sign_in"
)

// askedModern answers a request that needs a sign-in with the address for it, if
// it is of a client that shows addresses (MCP 2026-07-28, multi round-trip
// requests). It reports whether it has.
func (s *Session) askedModern(m jsonrpc.Message, met int, err error) bool {
	if !fault.Is(err, fault.SignInNeeded) || !takesInput(m.Method) || s.isLegacy() || !s.shows(m) || cameBack(m) {
		return false
	}
	if jsonrpc.Member(m.Params, "requestState") != nil { // of the server, in the middle of its own questions
		s.askPerson(met, err)
		return false
	}
	ctx, cancel := context.WithTimeout(s.ctx, signInLimit)
	defer cancel()
	started, startErr := s.signIn(ctx, false)
	if startErr != nil || started.URL == "" {
		s.askPerson(met, err)
		return false
	}
	name := s.credential.Name()
	result, _ := json.Marshal(map[string]any{ // always encodable
		"resultType": "input_required", "requestState": signInState,
		"inputRequests": map[string]any{signInKey: map[string]any{
			"method": mcp.MethodElicit,
			"params": map[string]any{"mode": "url", "url": started.URL, "message": fmt.Sprintf("Sign in to %s.", name)},
		}},
	})
	s.answerTool(m, result)
	return true
}

// Await is for a request with which a client comes back from askedModern: it waits
// for the sign-in and returns the request as it was at first. Any other it returns
// as it is.
func (s *Session) Await(ctx context.Context, m jsonrpc.Message) (jsonrpc.Message, error) {
	if !cameBack(m) {
		return m, nil
	}
	var action string
	responses := jsonrpc.Member(m.Params, "inputResponses")
	_ = json.Unmarshal(jsonrpc.Member(jsonrpc.Member(responses, signInKey), "action"), &action)
	name := s.credential.Name()
	if action != "accept" {
		return m, s.notSignedIn("The sign-in to " + name + " was not wanted.")
	}
	ctx, cancel := context.WithTimeout(ctx, elicitLimit)
	defer cancel()
	if !s.waitForToken(ctx) {
		return m, s.notSignedIn("Nobody has signed in to " + name + " in time.")
	}
	s.needMet()
	if isSignIn(m) { // the server does not know our tool
		return m, nil
	}
	return jsonrpc.Parse(jsonrpc.Replace(m.Raw, "params", jsonrpc.Without(m.Params, "requestState", "inputResponses")))
}

// cameBack reports whether a client has come back with a request from askedModern.
func cameBack(m jsonrpc.Message) bool {
	if !takesInput(m.Method) || !bytes.Contains(m.Params, []byte(signInState)) {
		return false
	}
	var state string
	return json.Unmarshal(jsonrpc.Member(m.Params, "requestState"), &state) == nil && state == signInState
}

// complete is a result of ours as the client that sent the request wants it.
func complete(m jsonrpc.Message, result json.RawMessage) json.RawMessage {
	if jsonrpc.Member(jsonrpc.Member(m.Params, "_meta"), mcp.MetaProtocolVersion) == nil || jsonrpc.Member(result, "resultType") != nil {
		return result
	}
	more := `,"resultType":"complete"}`
	if m.Method == mcp.MethodToolsList {
		more = `,"ttlMs":0,"cacheScope":"private"` + more
	}
	return append(result[:len(result)-1], more...)
}

// takesInput reports whether a request's answer may be that the client has to do
// something first.
func takesInput(method string) bool {
	switch method {
	case mcp.MethodToolsCall, mcp.MethodPromptsGet, mcp.MethodResourcesRead:
		return true
	}
	return false
}
