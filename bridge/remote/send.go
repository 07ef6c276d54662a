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

// begunKey is where a request's context has the *atomic.Bool that says whether
// the server may have got some of it.
type begunKey struct{}

// carry gives a request a body that can be had again, for redirects and for
// connections that were closed before anything was written to them, and notes
// when the request is written: from then on the server may have got the message.
// The body is of a kind that net/http knows to be in memory: it sends it together
// with the headers, which wakes the server once and not twice.
func carry(req *http.Request, body []byte) *http.Request {
	begun := new(atomic.Bool)
	ctx := context.WithValue(req.Context(), begunKey{}, begun)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { begun.Store(true) }})
	req = req.WithContext(ctx)
	fresh := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = fresh()
	req.GetBody, req.ContentLength = fresh, int64(len(body))
	return req
}

// do sends a message with a session's cookies. When the connection breaks after something of it may have
// reached the server, that is ErrNoAnswer, too: nobody knows whether the server
// acted on it.
func (c *Conn) do(req *http.Request, kept *cookies) (*http.Response, error) {
	resp, err := c.with(kept).Do(req)
	if err == nil {
		return resp, nil
	}
	err = fmt.Errorf("post: %w", err)
	begun, _ := req.Context().Value(begunKey{}).(*atomic.Bool)
	if begun != nil && begun.Load() && req.Context().Err() == nil {
		return nil, joinNoAnswer(err)
	}
	return nil, err
}
