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
// the connection, at times more than once, and must not block; none may be nil.
type Course struct {
	// Written: all of it is written to the connection.
	Written func()
	// Answered: the first byte of an answer has come.
	Answered func()
}

type courseKey struct{}

// WithCourse has the messages that are sent with the context followed.
func WithCourse(ctx context.Context, c *Course) context.Context {
	return context.WithValue(ctx, courseKey{}, c)
}

// passage follows one message. It is one trace and not one upon another: those
// that net/http composes cost each call more than all of this.
type passage struct {
	begun atomic.Bool // the server may have got some of it
	trace httptrace.ClientTrace
}

type passageKey struct{}

// follow has a request that is made with the context followed.
func follow(ctx context.Context) context.Context {
	p := &passage{}
	p.trace.WroteHeaders = func() { p.begun.Store(true) }
	if c, _ := ctx.Value(courseKey{}).(*Course); c != nil {
		p.trace.WroteRequest = func(httptrace.WroteRequestInfo) { c.Written() }
		p.trace.GotFirstResponseByte = c.Answered
	}
	return httptrace.WithClientTrace(context.WithValue(ctx, passageKey{}, p), &p.trace)
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
