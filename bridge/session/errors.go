package session

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/remote"
)

// fail answers a request with an error that says what to do. met is as noteNeed
// has it.
func (s *Session) fail(m jsonrpc.Message, met int, err error) {
	s.log.Warn("request failed", "method", m.Method, "error", err)
	s.noteNeed(m, met, err)
	s.answered(m.ID, failedWith(err))
	if body := errorBody(err); body != nil {
		if answer, parseErr := jsonrpc.Parse(body); parseErr == nil && answer.Error != nil {
			s.reply(jsonrpc.Answer(m.ID, answer)) // the server's own words
			return
		}
	}
	p := public(s.credential.Name(), err)
	if acts(m.Method) && mayHaveRun(err) {
		p = fault.New(p.Code, strings.TrimSuffix(p.What, ".")+"; the call may have run.", "Look whether it did before you try again.")
	}
	s.reply(jsonrpc.NewError(m.ID, jsonrpc.CodeBridge, sentence(p), map[string]any{
		"drawbridge": map[string]any{"code": p.Code, "what": p.What, "next": p.Next},
	}))
}

// acts reports whether a request may change something at the server; of a method
// that is not known, nobody knows.
func acts(method string) bool {
	switch method {
	case mcp.MethodInitialize, mcp.MethodPing, mcp.MethodToolsList, mcp.MethodPromptsList, mcp.MethodPromptsGet,
		mcp.MethodResourcesList, mcp.MethodResourcesTemplates, mcp.MethodResourcesRead, mcp.MethodComplete, mcp.MethodSetLogLevel:
		return false
	}
	return true
}

// mayHaveRun reports whether the server may have acted on a request that failed
// so. What stands between us and it cannot tell by 502 or 504, and a 500 may come
// after half of the work.
func mayHaveRun(err error) bool {
	var status *remote.StatusError
	if errors.Is(err, remote.ErrNoAnswer) {
		return true
	}
	if !errors.As(err, &status) {
		return false
	}
	switch status.Status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return status.Status > http.StatusGatewayTimeout // those of proxies, which mean the like
}

// errorBody is what the server wrote beside an HTTP error, or nil. What it says
// about the rest of a broken stream is no answer to the request.
func errorBody(err error) []byte {
	var status *remote.StatusError
	if !errors.Is(err, remote.ErrNoAnswer) && errors.As(err, &status) {
		return status.Body
	}
	return nil
}

// explain is err in one line for a person.
func explain(name string, err error) string { return sentence(public(name, err)) }

func sentence(p *fault.Error) string {
	if p.Next == "" {
		return p.What
	}
	return p.What + " " + p.Next
}

// public says in words what went wrong between us and the server.
func public(name string, err error) *fault.Error {
	var known *fault.Error
	var challenge *remote.Challenge
	var status *remote.StatusError
	switch {
	case errors.Is(err, remote.ErrNoAnswer):
		return fault.New(fault.Unreachable, fmt.Sprintf("The connection to %s broke before the answer came.", name), "Try again.")
	case errors.As(err, &known):
		return known
	case errors.As(err, &challenge):
		return refusedBy(name, challenge)
	case errors.As(err, &status):
		return statusFault(name, status)
	case errors.Is(err, remote.ErrContentType), errors.Is(err, remote.ErrTooLarge):
		return fault.New(fault.NotMCP, fmt.Sprintf("%s answered with something that is not MCP: %v.", name, err), "Check the server's address.")
	}
	return fault.New(fault.Unreachable, fmt.Sprintf("%s does not answer.", name), "Check your network; the call is tried anew when you repeat it.")
}

func refusedBy(name string, c *remote.Challenge) *fault.Error {
	if c.Status == http.StatusUnauthorized {
		return fault.New(fault.SignInNeeded, fmt.Sprintf("%s refuses a fresh token.", name), "Sign in again: drawbridge login "+name)
	}
	challenge, ok := oauth.BearerChallenge(http.Header{"Www-Authenticate": c.Header})
	if ok && challenge.Error == "insufficient_scope" {
		return fault.New(fault.Refused, fmt.Sprintf("%s wants more rights than the sign-in has (scope %q).", name, challenge.Scope),
			"Add the server with --scope for these rights and sign in again.")
	}
	return fault.New(fault.Refused, fmt.Sprintf("%s refuses this (HTTP 403): the signed-in account lacks the right.", name), "Ask the server's owner, or sign in with another account.")
}

func statusFault(name string, e *remote.StatusError) *fault.Error {
	switch {
	case e.Location != "":
		return fault.New(fault.NotMCP, fmt.Sprintf("%s has moved (HTTP %d to %s).", name, e.Status, e.Location), "Add the server with its new address.")
	case e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusGone:
		return fault.New(fault.NotMCP, fmt.Sprintf("%s has no MCP endpoint at its address (HTTP %d).", name, e.Status), "Check the address: it is often https://HOST/mcp.")
	case e.Status >= 500 || e.Status == http.StatusTooManyRequests:
		return fault.New(fault.Unreachable, fmt.Sprintf("%s has trouble (HTTP %d).", name, e.Status), "Try again later.")
	}
	return fault.New(fault.NotMCP, fmt.Sprintf("%s does not accept the request (HTTP %d).", name, e.Status), "Check the server's address.")
}
