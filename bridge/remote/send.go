package remote

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// outgoing is the body of a request. It notes when it is asked for: from then on
// the server may have got the message.
type outgoing struct {
	rest  *bytes.Reader
	begun *atomic.Bool
}

// Read implements io.Reader.
func (o outgoing) Read(p []byte) (int, error) {
	o.begun.Store(true)
	return o.rest.Read(p)
}

// Close implements io.Closer.
func (outgoing) Close() error { return nil }

// carry gives a request a body that can be had again, for redirects and for
// connections that were closed before anything was written to them.
func carry(req *http.Request, body []byte) {
	begun := new(atomic.Bool)
	fresh := func() (io.ReadCloser, error) { return outgoing{bytes.NewReader(body), begun}, nil }
	req.Body, _ = fresh()
	req.GetBody, req.ContentLength = fresh, int64(len(body))
}

// do sends a message with a session's cookies. When the connection breaks after something of it may have
// reached the server, that is ErrNoAnswer, too: nobody knows whether the server
// acted on it.
func (c *Conn) do(req *http.Request, kept *cookies) (*http.Response, error) {
	body, _ := req.Body.(outgoing)
	resp, err := c.with(kept).Do(req)
	if err == nil {
		return resp, nil
	}
	err = fmt.Errorf("post: %w", err)
	if body.begun != nil && body.begun.Load() && req.Context().Err() == nil {
		return nil, joinNoAnswer(err)
	}
	return nil, err
}
