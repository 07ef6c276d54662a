package era

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
)

const (
	// listenAgain is the first pause before a subscription that ended is made
	// anew, listenSeldom the longest.
	listenAgain  = time.Second
	listenSeldom = 30 * time.Second
	// subscribeLimit bounds the wait for a server to accept a subscription.
	subscribeLimit = 10 * time.Second
)

// subscriptions are what a legacy client wants to be told of. A modern server
// takes that as the filter of one request, which cannot be changed: another
// filter is another request (MCP 2026-07-28, subscriptions).
type subscriptions struct {
	mu       sync.Mutex
	uris     []string
	number   int                 // of the present wish
	accepted map[string]struct{} // resources that the server has acknowledged
	acked    int                 // the wish that it acknowledged last
	failed   error               // why the last one was not
	changed  chan struct{}       // closed at each change of the above
}

// touch wakes who waits for a change; mu is held.
func (s *subscriptions) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *subscriptions) wish() (uris []string, number int, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.uris), s.number, s.changed
}

// subscribe adds a resource to the wish, or takes it out, and waits until the
// server has acknowledged it.
func (r *Remote) subscribe(ctx context.Context, on bool, uri string) error {
	if uri == "" {
		return &refused{codeInvalidParams, "The uri of the resource is missing."}
	}
	ctx, cancel := context.WithTimeout(ctx, subscribeLimit)
	defer cancel()
	s := &r.subs
	s.mu.Lock()
	at := slices.Index(s.uris, uri)
	switch {
	case on && at < 0:
		s.uris = append(s.uris, uri)
	case !on && at >= 0:
		s.uris = slices.Delete(s.uris, at, at+1)
	case !on:
		s.mu.Unlock()
		return nil
	}
	s.number++
	number := s.number
	s.failed = nil
	s.touch()
	s.mu.Unlock()
	if !on {
		return nil // what still comes is harmless
	}
	for {
		s.mu.Lock()
		_, accepted := s.accepted[uri]
		acked, failed, changed := s.acked, s.failed, s.changed
		s.mu.Unlock()
		switch {
		case acked >= number && accepted:
			return nil
		case acked >= number:
			return &refused{jsonrpc.CodeBridge, fmt.Sprintf("The server does not tell of changes of %s.", uri)}
		case failed != nil:
			return failed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return &refused{jsonrpc.CodeBridge, "The server did not accept the subscription in time."}
		}
	}
}

// Listen delivers what the server says of its own accord: from a legacy server
// on the GET stream, from a modern one on subscriptions/listen. It ends with ctx,
// or with an error that a person or the session has to do with.
func (r *Remote) Listen(ctx context.Context, onOpen func(), deliver func(raw []byte)) error {
	if !r.isModern() {
		return r.conn.Listen(ctx, onOpen, deliver)
	}
	var present *listening // the last one that was acknowledged, while it lasts
	defer func() { present.close() }()
	again, missed := listenAgain, false
	for {
		uris, number, changed := r.subs.wish()
		filter := r.filter(uris)
		if filter == nil {
			present.close()
			present = nil
			if onOpen != nil { // there is nothing to wait for
				onOpen()
			}
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		l := r.startListening(ctx, &listening{number: number, filter: filter, missed: missed, replaces: present, onOpen: onOpen, deliver: deliver})
		err := l.wait(ctx, number)
		if errors.Is(err, errOtherWish) {
			if !l.isAcknowledged() {
				l.close()
			}
			if l.isAcknowledged() { // maybe just before it was closed: the next one looks whether it lasted
				present, missed = l, false
			}
			continue
		}
		l.close()
		missed = missed || present != nil
		present.close()
		present = nil
		var challenge *remote.Challenge
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &challenge):
			return err
		case unsupported(err):
			r.subs.fail(&refused{jsonrpc.CodeBridge, "The server offers no subscriptions."})
			return remote.ErrNoStream
		}
		r.log.Debug("subscription ended", "error", err)
		if l.isAcknowledged() {
			again, missed = listenAgain, true
		}
		if err := pause(ctx, again); err != nil {
			return err
		}
		again = min(2*again, listenSeldom)
	}
}

func (s *subscriptions) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
	s.touch()
}

// unsupported reports whether the server knows no subscriptions at all.
func unsupported(err error) bool {
	var no *noListen
	if errors.As(err, &no) {
		return true
	}
	p, ok := refusalOf(err)
	return ok && (p.Code == codeUnknownMethod || p.Code == codeInvalidParams) || errors.Is(err, remote.ErrContentType)
}

// noListen is an error response to subscriptions/listen.
type noListen struct{ problem json.RawMessage }

// Error implements error.
func (e *noListen) Error() string { return "subscriptions/listen: " + string(e.problem) }

// filter is what is asked of the server: what it has promised, and the
// resources that the client wants. nil: nothing.
func (r *Remote) filter(uris []string) json.RawMessage {
	r.mu.Lock()
	capabilities := r.serverCaps
	r.mu.Unlock()
	var fields []field
	for _, l := range listChanged {
		if string(jsonrpc.Member(jsonrpc.Member(capabilities, l.capability), "listChanged")) == "true" {
			fields = append(fields, field{l.filter, json.RawMessage("true")})
		}
	}
	if len(uris) > 0 {
		raw, _ := json.Marshal(uris) // always encodable
		fields = append(fields, field{"resourceSubscriptions", raw})
	}
	if len(fields) == 0 {
		return nil
	}
	return splice(nil, fields)
}

// errOtherWish says that another filter is wanted.
var errOtherWish = errors.New("other resources are wanted")

// listening is one subscriptions/listen.
type listening struct {
	r        *Remote
	number   int // of the wish that it is for
	filter   json.RawMessage
	missed   bool       // an earlier stream broke: something may have been said meanwhile
	replaces *listening // closed when this one is acknowledged, so that nothing is missed
	onOpen   func()
	deliver  func(raw []byte)

	cancel       context.CancelFunc
	done         chan struct{} // closed when err is set
	err          error
	mu           sync.Mutex
	acknowledged bool
}

func (r *Remote) startListening(ctx context.Context, l *listening) *listening {
	l.r, l.done = r, make(chan struct{})
	ctx, l.cancel = context.WithCancel(ctx)
	go func() { // ends by close, which each of them gets
		defer close(l.done)
		l.err = l.run(ctx)
	}()
	return l
}

func (l *listening) run(ctx context.Context) error {
	id := l.r.newID()
	params := splice(nil, []field{{"notifications", l.filter}, {"_meta", l.r.meta(nil)}})
	answer, err := l.r.exchange(ctx, id, jsonrpc.NewRequest(id, methodListen, params), standardHeaders(Version, methodListen, params), l.take)
	if err == nil && answer.Error != nil {
		return &noListen{answer.Error}
	}
	return err
}

// wait returns when the stream has ended or another wish has come.
func (l *listening) wait(ctx context.Context, number int) error {
	for {
		_, latest, changed := l.r.subs.wish()
		if latest != number {
			return errOtherWish
		}
		select {
		case <-l.done:
			return l.err
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// close ends the stream and waits for that. It may be called on nil and again.
func (l *listening) close() {
	if l == nil {
		return
	}
	l.cancel()
	<-l.done
}

// hasEnded reports whether the stream is over. It may be called on nil.
func (l *listening) hasEnded() bool {
	if l == nil {
		return false
	}
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

func (l *listening) isAcknowledged() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acknowledged
}

// take passes a notification on as a legacy client knows it.
func (l *listening) take(raw []byte) {
	m, err := jsonrpc.Parse(raw)
	if err != nil {
		return
	}
	if m.Method == methodAcknowledged {
		l.acknowledge(jsonrpc.Member(m.Params, "notifications"))
		return
	}
	if m.Method == methodProgress || m.Method == methodLog || m.Method == methodCancelled {
		return // never on this stream
	}
	meta := jsonrpc.Member(m.Params, "_meta")
	if meta == nil {
		l.deliver(m.Raw)
		return
	}
	params := splice(m.Params, []field{{"_meta", without(meta, metaSubscription)}})
	if len(bytesOfMembers(jsonrpc.Member(params, "_meta"))) == 0 {
		params = without(params, "_meta")
	}
	if string(params) == "{}" {
		l.deliver(jsonrpc.NewNotification(m.Method))
		return
	}
	l.deliver(splice(m.Raw, []field{{"params", params}}))
}

func bytesOfMembers(object json.RawMessage) (names []string) {
	jsonrpc.Members(object, func(name string, _, _ []byte) { names = append(names, name) })
	return names
}

// acknowledge notes what the server will tell of, and says what may have
// changed while nobody listened.
func (l *listening) acknowledge(accepted json.RawMessage) {
	var uris []string
	_ = json.Unmarshal(jsonrpc.Member(accepted, "resourceSubscriptions"), &uris)
	l.mu.Lock()
	l.acknowledged = true // before anybody acts on what follows
	l.mu.Unlock()
	s := &l.r.subs
	s.mu.Lock()
	s.accepted = map[string]struct{}{}
	for _, uri := range uris {
		s.accepted[uri] = struct{}{}
	}
	s.acked = max(s.acked, l.number)
	s.touch()
	s.mu.Unlock()
	missed := l.missed || l.replaces.hasEnded() // then nobody has listened for a while
	l.replaces.close()
	if l.onOpen != nil {
		l.onOpen()
	}
	if !missed {
		return
	}
	for _, c := range listChanged {
		if string(jsonrpc.Member(accepted, c.filter)) == "true" {
			l.r.noteChange(c.method)
			l.deliver(jsonrpc.NewNotification(c.method))
		}
	}
	for _, uri := range uris {
		l.deliver(jsonrpc.NewNotificationWith(methodUpdated, splice(nil, []field{{"uri", quote(uri)}})))
	}
}
