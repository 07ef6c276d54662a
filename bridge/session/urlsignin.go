package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
)

// elicitLimit bounds how long a call waits for a person to sign in by an address
// that the client shows.
const elicitLimit = 5 * time.Minute

// errNotShown means that the client did not show the address; the call is then
// answered as for a client that cannot.
var errNotShown = errors.New("the client did not show the address of the sign-in")

// elicitation is a sign-in that the client was asked to lead its person to. Calls
// that need it meanwhile wait for the same.
type elicitation struct {
	id     json.RawMessage      // of our request
	answer chan jsonrpc.Message // holds one: the client's response
	done   chan struct{}        // closed when err is set
	err    error                // nil: somebody has signed in
}

// shows reports whether the client that sends the request shows addresses to its
// person (elicitation in URL mode): it says so with initialize (MCP 2025-11-25), or
// with each request (2026-07-28).
func (s *Session) shows(m jsonrpc.Message) bool {
	if s.signIn == nil {
		return false
	}
	s.mu.Lock()
	initialize := s.initialize
	s.mu.Unlock()
	capabilities := jsonrpc.Member(jsonrpc.Member(m.Params, "_meta"), mcp.MetaClientCapabilities)
	if initialize != nil {
		capabilities = jsonrpc.Member(initialize.Params, "capabilities")
	}
	return jsonrpc.Member(jsonrpc.Member(capabilities, "elicitation"), "url") != nil
}

// elicits reports whether the client can be asked to show an address while it
// waits for the answer to the request.
func (s *Session) elicits(m jsonrpc.Message) bool {
	return takesInput(m.Method) && s.isLegacy() && s.shows(m)
}

// isLegacy reports whether the client has said initialize.
func (s *Session) isLegacy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.initialize != nil
}

// before is what a request that is tried now may find over when it turns out to
// need a sign-in: the sign-in by an address that has ended last, nil: none, and how
// many needs were met.
func (s *Session) before() (shown *elicitation, met int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown, s.met
}

// signedInThrough has the client show its person the address of the sign-in, on
// account of the request, and waits until somebody has signed in and the server
// knows the session. A sign-in that has ended since before, when the request was
// tried, is what the request needs, too: the person is not asked twice. Its error
// is errNotShown, or says what to do.
func (s *Session) signedInThrough(ctx context.Context, m jsonrpc.Message, before *elicitation) error {
	s.mu.Lock()
	e := s.eliciting
	if e == nil && s.shown != before {
		e = s.shown
	}
	if e == nil {
		s.elicited++
		e = &elicitation{
			id:     json.RawMessage(`"drawbridge-elicit-` + strconv.Itoa(s.elicited) + `"`),
			answer: make(chan jsonrpc.Message, 1), done: make(chan struct{}),
		}
		s.eliciting = e
		s.work.Go(func() {
			e.err = s.elicit(e, m.ID)
			s.mu.Lock()
			s.eliciting, s.shown = nil, e
			s.mu.Unlock()
			close(e.done)
		})
	}
	s.mu.Unlock()
	select {
	case <-e.done:
		return e.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// elicit does it.
func (s *Session) elicit(e *elicitation, related json.RawMessage) error {
	ctx, cancel := context.WithTimeout(s.ctx, elicitLimit)
	defer cancel()
	name := s.credential.Name()
	starting, stop := context.WithTimeout(ctx, signInLimit)
	started, err := s.signIn(starting, false)
	stop()
	if err != nil {
		return err
	}
	if started.URL == "" {
		return errNotShown
	}
	mark := rand.Text()
	ask, _ := json.Marshal(map[string]any{ // always encodable
		"mode": "url", "elicitationId": mark, "url": started.URL, "message": fmt.Sprintf("Sign in to %s.", name),
	})
	if err := s.sendFor(related, jsonrpc.NewRequest(e.id, mcp.MethodElicit, ask)); err != nil {
		return errNotShown
	}
	var answer jsonrpc.Message
	select {
	case answer = <-e.answer:
	case <-ctx.Done():
		s.takeBack(e, related)
		return s.notSignedIn("Nobody has signed in to " + name + " in time.")
	}
	var action string
	_ = json.Unmarshal(jsonrpc.Member(answer.Result, "action"), &action)
	switch {
	case answer.Error != nil:
		return errNotShown
	case action != "accept":
		return s.notSignedIn("The sign-in to " + name + " was not wanted.")
	}
	// That says only that the person has gone there.
	if !s.waitForToken(ctx) {
		return s.notSignedIn("Nobody has signed in to " + name + " in time.")
	}
	over, _ := json.Marshal(map[string]string{"elicitationId": mark}) // always encodable
	_ = s.sendFor(related, jsonrpc.NewNotificationWith(mcp.NotificationElicitationComplete, over))
	s.needMet()
	a := s.connect()
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waitForToken reports whether there is a token before ctx ends. Looking costs no
// request.
func (s *Session) waitForToken(ctx context.Context) bool {
	tick := time.NewTicker(stepUpLook)
	defer tick.Stop()
	for {
		if token, err := s.credential.Bearer(ctx); err == nil && !token.IsZero() {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

func (s *Session) notSignedIn(what string) error {
	return fault.New(fault.SignInNeeded, what, "Call again to be asked again, or run: drawbridge login "+s.credential.Name())
}

// takeBack tells the client that our request is no longer of interest.
func (s *Session) takeBack(e *elicitation, related json.RawMessage) {
	params := append(append(json.RawMessage(`{"requestId":`), e.id...), '}')
	_ = s.sendFor(related, jsonrpc.NewNotificationWith(mcp.NotificationCancelled, params))
}

// heard takes the client's response to our own request, and reports whether it
// was that.
func (s *Session) heard(m jsonrpc.Message) bool {
	if !m.IsResponse() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.eliciting == nil || !jsonrpc.SameID(s.eliciting.id, m.ID) {
		return false
	}
	select {
	case s.eliciting.answer <- m:
	default: // it has answered before
	}
	return true
}
