package remote

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// Course hears how far a message has come. Both are called from goroutines of
// the connection, at times more than once, and must not block.
type Course interface {
	// Written: the last of it was written to the connection. It does not come when
	// the connection breaks before that.
	Written()
	// Answered: the first byte of an answer has come.
	Answered()
}

type courseKey struct{}

// WithCourse has the messages that are sent with the context followed.
func WithCourse(ctx context.Context, c Course) context.Context {
	return context.WithValue(ctx, courseKey{}, c)
}

// passage follows one message. It is one trace and not one upon another: those
// that net/http composes cost each call more than all of this.
type passage struct {
	begun  atomic.Bool // the server may have got some of it
	course Course      // nil: nobody's
	wire   atomic.Pointer[wire]
	writes atomic.Int64 // of the wire, before those of the body
	trace  httptrace.ClientTrace
}

type passageKey struct{}

// follow has a request that is made with the context followed.
func follow(ctx context.Context) context.Context {
	p := &passage{}
	p.trace.WroteHeaders = p.wroteHeaders
	if p.course, _ = ctx.Value(courseKey{}).(Course); p.course != nil {
		p.trace.GotConn = p.gotConn
		p.trace.WroteRequest = p.wroteRequest
		p.trace.GotFirstResponseByte = p.course.Answered
	}
	return httptrace.WithClientTrace(context.WithValue(ctx, passageKey{}, p), &p.trace)
}

func (p *passage) gotConn(info httptrace.GotConnInfo) { p.wire.Store(wireOf(info.Conn)) }

func (p *passage) wroteHeaders() {
	p.begun.Store(true)
	if w := p.wire.Load(); w != nil {
		p.writes.Store(w.writes.Load())
	}
}

// wroteRequest is told of a message that net/http has done with, but for what is
// in its buffer, if anything is: a body that fits in there has not been written,
// and one that does not fit has been, to its end. So has any over HTTP/2.
func (p *passage) wroteRequest(info httptrace.WroteRequestInfo) {
	w := p.wire.Load()
	switch {
	case info.Err != nil:
	case w != nil && w.writes.Load() == p.writes.Load():
		w.next.Store(p)
	default:
		p.course.Written()
	}
}

// carry gives a request a body that can be had again, for redirects and for
// connections that were closed before anything was written to them.
// The body is of a kind that net/http knows to be in memory: it sends it together
// with the headers, which wakes the server once and not twice.
func carry(req *http.Request, body []byte) {
	fresh := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = fresh()
	req.GetBody, req.ContentLength = fresh, int64(len(body))
}

// do sends a message with a session's cookies. When the connection breaks after
// something of it may have reached the server, that is ErrNoAnswer, too: nobody
// knows whether the server acted on it.
func (c *Conn) do(req *http.Request, kept *cookies) (*http.Response, error) {
	resp, err := c.with(kept).Do(req)
	if err == nil {
		return resp, nil
	}
	err = fmt.Errorf("post: %w", err)
	p, _ := req.Context().Value(passageKey{}).(*passage)
	if p != nil && p.begun.Load() && req.Context().Err() == nil {
		return nil, joinNoAnswer(err)
	}
	return nil, err
}
