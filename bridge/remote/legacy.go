package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// Legacy speaks the HTTP+SSE transport of MCP 2024-11-05 to a server: one GET
// stream carries all that the server says, and its first event names the address
// for the client's messages. A stream that ends takes its session with it.
//
// Make it with NewLegacy. It is safe for concurrent use.
type Legacy struct {
	conn *Conn

	mu     sync.Mutex
	stream *legacyStream // nil before Open
	next   *legacyStream // of a handshake that is under way
}

// NewLegacy makes a Legacy; nothing is sent yet.
func NewLegacy(c Config) *Legacy { return &Legacy{conn: NewConn(c)} }

// Open opens a stream, in the place of an earlier one, and sends initialize. In a
// handshake what is not of it finds no stream until the end of that. Its errors are those of Conn.Open; ErrNoStream and ErrContentType mean that the
// server does not speak this transport.
func (l *Legacy) Open(ctx context.Context, raw []byte, deliver Deliver) error {
	l.end()
	s, err := l.connect(ctx)
	if err != nil {
		return err
	}
	l.take(ctx, s)
	if err = l.post(ctx, s, raw, deliver); err != nil { // no session, so nobody ends it later
		l.mu.Lock()
		if l.stream == s {
			l.stream = nil
		}
		if l.next == s {
			l.next = nil
		}
		l.mu.Unlock()
		s.cancel()
	}
	return err
}

// take makes s the stream of what is sent from here on, or of the handshake.
func (l *Legacy) take(ctx context.Context, s *legacyStream) {
	h := handshakeOf(ctx)
	if h == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.stream = s
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = func() { l.settle(s) }
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = s
}

// settle makes the stream of a handshake the one in use, unless there is another.
func (l *Legacy) settle(s *legacyStream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next == s {
		l.stream, l.next = s, nil
	}
}

// Post sends one message. For a request it returns when the response has come
// down the stream; ErrNoAnswer means that it will not, ErrGone that the message
// was not sent.
func (l *Legacy) Post(ctx context.Context, raw []byte, deliver Deliver) error {
	s := l.here(ctx)
	if s == nil {
		return ErrGone
	}
	return l.post(ctx, s, raw, deliver)
}

// Listen delivers what belongs to no request until the stream ends, which is
// ErrGone, or ctx does.
func (l *Legacy) Listen(ctx context.Context, opened func(), deliver func(raw []byte)) error {
	s := l.here(ctx)
	if s == nil {
		return ErrGone
	}
	s.mu.Lock()
	early := s.early
	s.early, s.listener = nil, deliver
	for _, raw := range early { // under the lock: nothing overtakes them
		deliver(raw)
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.listener = nil
		s.mu.Unlock()
	}()
	opened()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return fmt.Errorf("%w: %w", ErrGone, s.err)
	}
}

// SetVersion is of no use here: the transport has no header for it.
func (l *Legacy) SetVersion(string) {}

// Delete ends the session: the stream is closed.
func (l *Legacy) Delete(ctx context.Context, limit time.Duration) {
	t := time.NewTimer(limit)
	defer t.Stop()
	s := l.end()
	if s == nil {
		return
	}
	select {
	case <-s.done:
	case <-t.C:
	case <-ctx.Done():
	}
}

// here is the stream by which something goes that is sent with the context.
func (l *Legacy) here(ctx context.Context) *legacyStream {
	l.mu.Lock()
	defer l.mu.Unlock()
	if handshakeOf(ctx) != nil && l.next != nil {
		return l.next
	}
	return l.stream
}

// end ends what there is of streams, and returns the one that was in use.
func (l *Legacy) end() *legacyStream {
	l.mu.Lock()
	s, next := l.stream, l.next
	l.stream, l.next = nil, nil
	l.mu.Unlock()
	if next != nil {
		next.cancel()
	}
	if s != nil {
		s.cancel()
	}
	return s
}

// connect opens a stream and waits for the address that it begins with. The
// stream outlives ctx.
func (l *Legacy) connect(ctx context.Context) (*legacyStream, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel) // until the address is there
	s, body, events, err := l.begin(life, cancel)
	if !stop() && err == nil {
		_ = body.Close()
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	go func() {
		defer close(s.done)
		defer cancel()
		defer func() { _ = body.Close() }()
		s.err = s.read(events)
	}()
	return s, nil
}

func (l *Legacy) begin(ctx context.Context, cancel context.CancelFunc) (*legacyStream, io.Closer, *EventReader, error) {
	req, token, err := l.conn.newRequest(ctx, http.MethodGet, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	kept := newCookies(l.conn.url)
	resp, err := l.conn.with(kept).Do(req)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("stream: %w", err)
	}
	fail := func(err error) (*legacyStream, io.Closer, *EventReader, error) {
		_ = resp.Body.Close()
		return nil, nil, nil, err
	}
	switch {
	case resp.StatusCode == http.StatusMethodNotAllowed:
		return fail(ErrNoStream)
	case resp.StatusCode != http.StatusOK:
		return fail(refusal(resp, token))
	case contentType(resp) != "text/event-stream":
		return fail(fmt.Errorf("stream: %w: %q", ErrContentType, resp.Header.Get("Content-Type")))
	}
	events := newPatientReader(resp.Body, MaxMessage)
	for {
		e, err := events.Next()
		if err != nil {
			return fail(fmt.Errorf("stream: no endpoint event: %w", err))
		}
		if e.Type != "endpoint" {
			if len(e.Data) == 0 {
				continue
			}
			return fail(fmt.Errorf("stream: %w: its first event is %q, not endpoint", ErrContentType, e.Type))
		}
		address, err := l.endpoint(resp.Request.URL, string(e.Data))
		if err != nil {
			return fail(err)
		}
		return &legacyStream{address: address, kept: kept, cancel: cancel, done: make(chan struct{})}, resp.Body, events, nil
	}
}

// ErrForeignEndpoint means that the server names an address of another origin
// for the client's messages; the token must not go there.
var ErrForeignEndpoint = errors.New("the server's endpoint is at another origin")

// endpoint is the address that an endpoint event names.
func (l *Legacy) endpoint(base *url.URL, data string) (string, error) {
	u, err := base.Parse(data)
	if err != nil {
		return "", fmt.Errorf("%w: the endpoint is not a URL", ErrContentType)
	}
	own, err := url.Parse(l.conn.url)
	if err != nil || u.Scheme != own.Scheme || u.Host != own.Host || u.User != nil {
		return "", ErrForeignEndpoint
	}
	return u.String(), nil
}

func (l *Legacy) post(ctx context.Context, s *legacyStream, raw []byte, deliver Deliver) error {
	select {
	case <-s.done:
		return fmt.Errorf("%w: %w", ErrGone, s.err)
	default:
	}
	var call *legacyCall
	if deliver != nil {
		m, err := jsonrpc.Parse(raw)
		if err != nil {
			return fmt.Errorf("post: %w", err)
		}
		call = &legacyCall{id: m.ID, deliver: deliver, got: make(chan struct{})}
		s.mu.Lock()
		s.waiting = append(s.waiting, call)
		s.mu.Unlock()
		defer s.forget(call)
	}
	if call == nil {
		return l.send(ctx, s, raw)
	}
	if err := l.sendCall(ctx, s, raw, call.got); err != nil {
		select {
		case <-call.got: // whatever became of the POST, the server has answered
			return nil
		default:
			return err
		}
	}
	select {
	case <-call.got:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		select {
		case <-call.got:
			return nil
		default:
		}
		return joinNoAnswer(s.err)
	}
}

// sendMost is how long the answer to a POST may take once the response to its
// message has come down the stream: servers say 202 before it or after.
const sendMost = 5 * time.Second

// sendCall is send for a request, which waits for the POST no longer than makes
// sense after the response has come, or the stream has ended.
func (l *Legacy) sendCall(ctx context.Context, s *legacyStream, raw []byte, got <-chan struct{}) error {
	whole := ctx
	ctx, cancel := context.WithCancel(whole)
	sent := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-sent:
			return
		case <-got:
		case <-s.done: // nothing comes down it any more
		}
		t := time.NewTimer(sendMost)
		defer t.Stop()
		select {
		case <-sent:
		case <-t.C:
			cancel()
		}
	}()
	err := l.send(ctx, s, raw)
	close(sent)
	<-watched
	late := ctx.Err() != nil && whole.Err() == nil
	cancel()
	if !late {
		return err
	}
	select {
	case <-s.done:
		return joinNoAnswer(s.err)
	default:
		return err // which post does not look at: got is closed
	}
}

// send posts a message to the endpoint. The answer is down the stream; what the
// POST itself is answered with means nothing, unless it is a failure.
func (l *Legacy) send(ctx context.Context, s *legacyStream, raw []byte) error {
	token, err := l.conn.bearer.Bearer(ctx)
	if err != nil {
		return err
	}
	req, err := l.conn.requestTo(ctx, place{}, token, http.MethodPost, s.address, raw)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := l.conn.do(req, s.kept)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		err := refusal(resp, token)
		var status *StatusError
		if errors.As(err, &status) && status.Status == http.StatusNotFound {
			return fmt.Errorf("%w: %w", ErrGone, err) // the endpoint is the session's own
		}
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return nil
}
