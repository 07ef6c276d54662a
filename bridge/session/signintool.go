package session

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
)

// signInTool is the tool that a client sees, and only it, while nobody is signed
// in: a person can ask for the sign-in where the tools are missed.
const signInTool = "sign_in"

// SignInStarted is a sign-in that a person was led to.
type SignInStarted struct {
	// URL is the address to open; "" when it is not known yet.
	URL string
	// Code is to be typed in there, on any device; "" for none.
	Code string
	// Opened reports whether a browser was opened on it.
	Opened bool
}

// signInLimit bounds the start of a sign-in: discovery and registration.
const signInLimit = 15 * time.Second

// offer answers what a client that is signed out asks about tools, so that it can
// have a person sign in. It reports whether it has answered.
func (s *Session) offer(m jsonrpc.Message, met int, err error) bool {
	if s.signIn == nil || !fault.Is(err, fault.SignInNeeded) {
		return false
	}
	switch m.Method {
	case mcp.MethodToolsList:
		s.noteNeed(m, met, err)
		s.mu.Lock()
		s.offered = true
		s.mu.Unlock()
		s.watchOffer()
		s.answerTool(m, signInList(s.credential.Name(), explain(s.credential.Name(), err)))
		return true
	case mcp.MethodToolsCall:
		if !isSignIn(m) {
			return false
		}
		s.answerTool(m, s.startSignIn())
		return true
	}
	return false
}

// isSignIn reports whether a request calls the tool.
func isSignIn(m jsonrpc.Message) bool {
	var name string
	return m.Method == mcp.MethodToolsCall && json.Unmarshal(jsonrpc.Member(m.Params, "name"), &name) == nil && name == signInTool
}

func (s *Session) answerTool(m jsonrpc.Message, result json.RawMessage) {
	result = complete(m, result)
	s.answered(m.ID, func(r *request) { r.answer.Result = result })
	s.reply(jsonrpc.NewResult(m.ID, result))
}

// signInList is a list of tools with the one.
func signInList(name, why string) json.RawMessage {
	raw, _ := json.Marshal(map[string]any{"tools": []any{map[string]any{ // always encodable
		"name": signInTool, "title": "Sign in to " + name,
		"description": why + " This opens the sign-in in the person's browser; the other tools appear after it.",
		"inputSchema": map[string]any{"type": "object", "properties": map[string]any{}},
	}}})
	return raw
}

// startSignIn starts a sign-in and says in the words of a tool's result what the
// person has to do.
func (s *Session) startSignIn() json.RawMessage {
	ctx, cancel := context.WithTimeout(s.ctx, signInLimit)
	defer cancel()
	name := s.credential.Name()
	started, err := s.signIn(ctx, true)
	text, failed := "", err != nil
	switch {
	case failed:
		text = explain(name, err)
	case started.Opened:
		text = fmt.Sprintf("The sign-in to %s is open in the browser of this computer. Finish it there; the tools appear by themselves.", name)
	case started.Code != "":
		text = fmt.Sprintf("To sign in to %s, open this address in a browser on any device: %s and see that it shows the code %s, or type it in; the tools appear by themselves. "+
			"Whoever has the code can sign in: show it to nobody else.", name, started.URL, started.Code)
	case started.URL != "":
		text = fmt.Sprintf("Open this address in a browser on this computer to sign in to %s: %s", name, started.URL)
	default:
		text = fmt.Sprintf("The sign-in to %s has been started. Finish it in the browser of this computer; the tools appear by themselves.", name)
	}
	if !failed && started.Opened && started.URL != "" {
		text += " If no browser is open, open: " + started.URL
	}
	return said(text, failed)
}

// signedIn is the tool's result when that is over.
func (s *Session) signedIn() json.RawMessage {
	return said("You are signed in to "+s.credential.Name()+". Its tools are there now.", false)
}

// said is the result of a tool that says something.
func said(text string, failed bool) json.RawMessage {
	raw, _ := json.Marshal(map[string]any{ // always encodable
		"content": []any{map[string]any{"type": "text", "text": text}}, "isError": failed,
	})
	return raw
}

// watchOffer waits, while a client has the sign-in tool in its list, for somebody
// to have signed in, and tells the client to look again. It asks only for a
// token, which costs no request.
func (s *Session) watchOffer() {
	s.mu.Lock()
	watching := s.watching
	s.watching = true
	s.mu.Unlock()
	if watching {
		return
	}
	s.work.Go(func() {
		for s.wait(lookAgain) {
			if token, err := s.credential.Bearer(s.ctx); err != nil || token.IsZero() {
				continue // no token is no sign-in: this server has asked for one
			}
			s.mu.Lock()
			s.watching = false
			s.mu.Unlock()
			if err := s.connected(jsonrpc.Message{Method: mcp.MethodToolsList}); err != nil {
				s.log.Debug("signed in, but not connected", "error", err)
			}
			s.mu.Lock()
			tell := s.offered && !s.described // else compare tells, or will just now
			if tell {
				s.offered = false
			}
			s.mu.Unlock()
			if tell {
				s.lookAgain(mcp.NotificationToolsListChanged)
			}
			return
		}
	})
}
