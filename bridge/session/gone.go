package session

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
)

// sessionGone reports whether err says that the server does not know the
// session, and therefore did not act on the request.
//
// That is 404 on a request with a session id (MCP 2025-03-26, session
// management), unless the body says that it is the method that is unknown.
// Servers after the TypeScript SDK's examples, server-everything among them,
// answer 400 and say it in words. A stream that broke is another matter: its
// request may have run.
func sessionGone(err error) bool {
	if errors.Is(err, remote.ErrGone) {
		return true
	}
	var status *remote.StatusError
	if errors.Is(err, remote.ErrNoAnswer) || !errors.As(err, &status) || !status.Session {
		return false
	}
	var e struct {
		Code    int
		Message string
	}
	text := string(status.Body)
	if m, err := jsonrpc.Parse(status.Body); err == nil && json.Unmarshal(m.Error, &e) == nil {
		text = e.Message
	}
	switch status.Status {
	case http.StatusNotFound:
		return e.Code != codeUnknownMethod
	case http.StatusBadRequest:
		text = strings.ToLower(text)
		about := strings.Contains(text, "session") || strings.Contains(text, "not initialized")
		return about && (e.Code == 0 || e.Code == jsonrpc.CodeBridge || e.Code == codeNoSession || e.Code == jsonrpc.CodeInvalidRequest)
	}
	return false
}

// refusedInSession reports whether a server refused, as if for want of a token,
// a request in a session. Some answer 401 to a session that they have forgotten
// (seen after restarts). By now another token has been refused, too, or there is
// none; initialize, which goes without a session, tells which of the two it is.
func refusedInSession(err error) bool {
	var challenge *remote.Challenge
	return errors.As(err, &challenge) && challenge.Status == http.StatusUnauthorized && challenge.Session && !errors.Is(err, remote.ErrNoAnswer)
}

const (
	codeUnknownMethod = -32601
	codeNoSession     = -32001 // of the TypeScript SDK; never standardised
)
