package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
	"drawbridge/bridge/remote"
)

// attempt is one connection to the server that several callers may wait for.
type attempt struct {
	done chan struct{} // closed when err is set
	over bool          // done is closed; guarded by the session's mu
	err  error
}

// begin notes the client's initialize as the connection under way: what the
// client sends before it is answered waits, and starts no second one.
func (s *Session) begin(m jsonrpc.Message) *attempt {
	a := &attempt{done: make(chan struct{})}
	s.greeted.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.initialize, s.connecting = &m, a
	s.ready, s.described, s.picture = false, false, picture{}
	s.wishes = wishes{} // of the session before
	return a
}

// settle ends an attempt, once.
func (s *Session) settle(a *attempt, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.over {
		return
	}
	a.over, a.err = true, err
	if s.connecting == a {
		s.connecting = nil
	}
	close(a.done)
}

// open answers the client's initialize: at once when it is known what the server
// says, which is then checked; else with the server's own response, or, when
// the server is slow, away or wants a sign-in, with a minimal description, so
// that the client stays connected while a person helps.
func (s *Session) open(m jsonrpc.Message, a *attempt) {
	ctx, cancel := context.WithTimeout(s.ctx, firstAnswer)
	defer cancel()
	if known := s.memory.Describe(m.Params); known != nil {
		s.give(m, known)
	}
	late := time.AfterFunc(s.describeAfter, func() { s.giveMinimal(m, s.slow()) })
	defer late.Stop()
	met := s.needsMet()
	err := s.exchange(ctx, s.remote.Open, m.Raw, func(raw []byte) bool { return s.opened(raw, m, a) })
	defer s.settle(a, err)
	if err == nil || s.ctx.Err() != nil {
		return
	}
	if !recoverable(err) && s.claim(json.RawMessage(`{}`), false) {
		s.fail(m, met, err)
		return
	}
	s.giveMinimal(m, err)
	s.mu.Lock()
	s.described = true // what it asks for until then fails
	s.mu.Unlock()
	s.noteNeed(m, met, err)
	s.work.Go(s.recover)
}

// recoverable: the server may be there later, or after a sign-in.
func recoverable(err error) bool {
	var status *remote.StatusError
	switch {
	case fault.Is(err, fault.SignInNeeded), fault.Is(err, fault.Unreachable),
		fault.Is(err, fault.NoKeychain), fault.Is(err, fault.KeychainLocked):
		return true
	case errors.As(err, &status):
		return status.Status >= 500 || status.Status == 429 || status.Status == 408
	}
	var public *fault.Error
	var challenge *remote.Challenge
	return !errors.As(err, &public) && !errors.As(err, &challenge) &&
		!errors.Is(err, remote.ErrContentType) && !errors.Is(err, remote.ErrTooLarge) && err != remote.ErrNoAnswer // wrapped: cut off
}

// minimalDescription is an initialize result that promises only what stays
// true: that the lists may change.
func minimalDescription(m jsonrpc.Message, why string) json.RawMessage {
	var version string
	_ = json.Unmarshal(jsonrpc.Member(m.Params, "protocolVersion"), &version)
	if version == "" {
		version = mcp.LatestWithInitialize
	}
	changed := map[string]any{"listChanged": true}
	raw, _ := json.Marshal(map[string]any{ // always encodable
		"protocolVersion": version,
		"capabilities":    map[string]any{"tools": changed, "prompts": changed, "resources": changed},
		"serverInfo":      map[string]any{"name": "drawbridge", "version": "0"},
		"instructions":    why,
	})
	return raw
}

// becameReady marks the session as known to the server. told says that it also
// knows that the client is initialized, so that there may be a stream.
func (s *Session) becameReady(told bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready, s.told = true, told
	s.over()
	s.connecting = nil // who finds this session lost from here on needs another attempt
	s.epoch++
	if told {
		s.listen()
	}
}

// connected returns nil when the server knows the session. When it does not, a
// connection is tried, for which a call waits callAnswer at most.
func (s *Session) connected(m jsonrpc.Message) error {
	s.mu.Lock()
	ready, initialize := s.ready, s.initialize
	s.mu.Unlock()
	if ready || initialize == nil { // without initialize the server may say what it thinks of it
		return nil
	}
	a := s.connect()
	t := time.NewTimer(callAnswer)
	defer t.Stop()
	select {
	case <-a.done:
		return a.err
	case <-t.C:
		return fault.New(fault.Unreachable, fmt.Sprintf("%s has not answered yet (%s).", s.credential.Name(), m.Method), "Try again in a moment.")
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// reconnect connects anew unless somebody has since epoch.
func (s *Session) reconnect(epoch int) error {
	s.mu.Lock()
	if s.epoch == epoch && s.connecting == nil {
		s.ready = false
	}
	ready := s.ready
	s.mu.Unlock()
	if ready {
		return nil
	}
	a := s.connect()
	select {
	case <-a.done:
		return a.err
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// connect repeats the client's initialize on our own account, or joins the
// attempt under way.
func (s *Session) connect() *attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connecting != nil {
		return s.connecting
	}
	a := &attempt{done: make(chan struct{})}
	if s.ready {
		close(a.done)
		return a
	}
	s.connecting = a
	initialize := *s.initialize
	n, met := s.epoch, s.met
	s.work.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, firstAnswer)
		defer cancel()
		err := s.handshake(ctx, initialize, n)
		if err != nil {
			s.noteNeed(initialize, met, err)
		}
		s.settle(a, err)
	})
	return a
}

// handshake says initialize and initialized for the client and, when something
// is not as the client was told, tells it to look again.
func (s *Session) handshake(ctx context.Context, initialize jsonrpc.Message, n int) error {
	var h remote.Handshake
	ctx = remote.WithHandshake(ctx, &h)
	id := json.RawMessage(`"drawbridge-initialize-` + strconv.Itoa(n) + `"`)
	var refused json.RawMessage
	err := s.exchange(ctx, s.remote.Open, jsonrpc.NewRequest(id, mcp.MethodInitialize, initialize.Params), func(raw []byte) bool {
		m, err := jsonrpc.Parse(raw)
		if err != nil || !m.IsResponse() {
			return false
		}
		if refused = m.Error; m.Result != nil {
			s.noteResult(initialize.Params, m.Result)
		}
		return true
	})
	if err != nil {
		return err
	}
	if refused != nil {
		return s.refused(refused)
	}
	if err := s.exchange(ctx, s.remote.Post, jsonrpc.NewNotification(initialized), nil); err != nil {
		return err
	}
	s.restore(ctx)
	h.Done()
	s.becameReady(true)
	s.compare()
	return nil
}

// recover tries again until the server is there or the session ends. Waiting
// for a sign-in costs no request, so it looks often; a server that does not
// answer is asked less and less. A call of the client tries at once anyway.
func (s *Session) recover() {
	pause := lookAgain
	for {
		if !s.wait(pause) || s.isReady() {
			return
		}
		a := s.connect()
		select {
		case <-a.done:
		case <-s.ctx.Done():
			return
		}
		if pause = min(2*pause, lookSeldom); fault.Is(a.err, fault.SignInNeeded) {
			pause = lookAgain
		}
	}
}

// noteNeed asks for a person on account of a request, unless the client itself
// leads its person to the sign-in. met is the number of needs that were over before
// the request was tried.
func (s *Session) noteNeed(m jsonrpc.Message, met int, err error) {
	if fault.Is(err, fault.SignInNeeded) && !s.shows(m) {
		s.askPerson(met, err)
	}
}

// askPerson asks for a person, once for each need. One that is over since the count
// was met, before something was tried, is what that needed, too: whoever was slow
// to find it has nobody asked again.
func (s *Session) askPerson(met int, err error) {
	if !fault.Is(err, fault.SignInNeeded) {
		return
	}
	s.mu.Lock()
	ask := !s.asked && s.met == met
	s.asked = s.asked || ask
	s.mu.Unlock()
	if ask {
		s.work.Go(func() { s.needSignIn(s.ctx) })
	}
}

// needMet notes that the present need is over: a call that began after the
// person was asked went well.
func (s *Session) needMet() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over()
}

// over is needMet with the lock held.
func (s *Session) over() {
	if s.asked {
		s.asked = false
		s.met++
	}
}

func (s *Session) needsMet() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.met
}

func (s *Session) isAsked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *Session) isReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

func (s *Session) currentEpoch() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}
