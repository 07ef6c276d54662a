package era

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
)

// inputRequest is something that a modern server wants to know from the client.
type inputRequest struct {
	key    json.RawMessage // as it was spelt
	method string
	params json.RawMessage
}

func inputRequests(result json.RawMessage) []inputRequest {
	var all []inputRequest
	jsonrpc.Members(jsonrpc.Member(result, "inputRequests"), func(_ string, spelt, value []byte) {
		all = append(all, inputRequest{spelt, text(jsonrpc.Member(value, "method")), jsonrpc.Member(value, "params")})
	})
	return all
}

// declined is the client's refusal to give input; a modern server has no place
// to be told.
type declined struct {
	method  string
	problem json.RawMessage
}

// Error implements error.
func (d *declined) Error() string { return d.method + " was refused: " + string(d.problem) }

// answer ends the request for which the input was wanted. Of a tool the model
// is told, which can make something of it.
func (d *declined) answer(m jsonrpc.Message) []byte {
	p, _ := readProblem(d.problem)
	what := fmt.Sprintf("The client refused %s, which the server needs for this: %s", d.method, p.Message)
	if m.Method != methodToolsCall {
		return jsonrpc.NewError(m.ID, jsonrpc.CodeBridge, what, nil)
	}
	block := splice(nil, []field{{"type", quote("text")}, {"text", quote(what)}})
	return jsonrpc.NewResult(m.ID, splice(nil, []field{
		{"content", array([]json.RawMessage{block})}, {"isError", json.RawMessage("true")},
	}))
}

// ask puts a server's questions to the client as requests of the legacy era, all
// at once, and returns the answers as an InputResponses object. It takes as long
// as the client does.
func (r *Remote) ask(ctx context.Context, asks []inputRequest, deliver remote.Deliver) (json.RawMessage, error) {
	for _, a := range asks {
		if !r.mayAsk(a) {
			return nil, &declined{a.method, json.RawMessage(`{"code":-32601,"message":"it does not offer that"}`)}
		}
	}
	waits := make([]chan jsonrpc.Message, len(asks))
	ids := make([]json.RawMessage, len(asks))
	for i, a := range asks {
		ids[i], waits[i] = r.newID(), make(chan jsonrpc.Message, 1)
		r.mu.Lock()
		r.asked[string(ids[i])] = waits[i]
		r.mu.Unlock()
		deliver(jsonrpc.NewRequest(ids[i], a.method, a.legacyParams()))
	}
	out := []byte{'{'}
	for i, a := range asks {
		var m jsonrpc.Message
		select {
		case m = <-waits[i]:
		case <-ctx.Done():
			r.unask(ids[i:], deliver)
			return nil, ctx.Err()
		}
		if m.Error != nil {
			r.unask(ids[i+1:], deliver)
			return nil, &declined{a.method, m.Error}
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, a.key...), ':'), m.Result...)
	}
	return append(out, '}'), nil
}

// mayAsk reports whether the client has declared that it takes such requests.
func (r *Remote) mayAsk(a inputRequest) bool {
	r.mu.Lock()
	capabilities := r.capabilities
	r.mu.Unlock()
	return offers(capabilities, a)
}

// offers reports whether a client with these capabilities takes such requests.
func offers(capabilities json.RawMessage, a inputRequest) bool {
	need := map[string]string{methodElicit: "elicitation", methodSample: "sampling", methodRoots: "roots"}[a.method]
	if need == "" || jsonrpc.Member(capabilities, need) == nil {
		return false
	}
	if a.method == methodElicit && text(jsonrpc.Member(a.params, "mode")) == "url" {
		return jsonrpc.Member(jsonrpc.Member(capabilities, need), "url") != nil
	}
	return true
}

// legacyParams are the question's params as a legacy client wants them: an
// address to open has an id there (MCP 2025-11-25, elicitation).
func (a inputRequest) legacyParams() json.RawMessage {
	if a.method == methodElicit && text(jsonrpc.Member(a.params, "mode")) == "url" && jsonrpc.Member(a.params, "elicitationId") == nil {
		return splice(a.params, []field{{"elicitationId", quote(rand.Text())}})
	}
	return a.params
}

// answered takes a response of the client to where it is waited for.
func (r *Remote) answered(m jsonrpc.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, wait := range r.asked {
		if jsonrpc.SameID(json.RawMessage(id), m.ID) {
			delete(r.asked, id)
			wait <- m // it has room for one
			return
		}
	}
}

// unask tells the client that questions need no answer any more.
func (r *Remote) unask(ids []json.RawMessage, deliver remote.Deliver) {
	for _, id := range ids {
		r.mu.Lock()
		_, open := r.asked[string(id)]
		delete(r.asked, string(id))
		r.mu.Unlock()
		if open {
			deliver(jsonrpc.NewNotificationWith(methodCancelled, splice(nil, []field{{"requestId", id}})))
		}
	}
}
