package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// finishLimit bounds the wait for the end of a stream after its response; a
// connection whose answer was read to the end can be used again.
const finishLimit = 100 * time.Millisecond

// Post sends one message. For a request, deliver gets each message of the
// answer in order, and Post returns when the response has come; ErrNoAnswer
// means that it will not. For a notification or response deliver may be nil.
//
// A stream that ends early is resumed by GET with Last-Event-ID when the server
// numbered its events (MCP 2025-11-25, resumability); the message itself is
// never sent twice.
func (c *Conn) Post(ctx context.Context, raw []byte, deliver Deliver) error {
	return c.post(ctx, raw, deliver, false)
}

// Open is Post for initialize: it goes without a session, and the session that
// the answer names, or none, is the one from then on, or from the end of a Handshake.
// Until then the earlier one stays, so that a request beside it is refused and not misunderstood.
func (c *Conn) Open(ctx context.Context, raw []byte, deliver Deliver) error {
	return c.post(ctx, raw, deliver, true)
}

func (c *Conn) post(ctx context.Context, raw []byte, deliver Deliver, opens bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, token, err := c.newRequest(ctx, http.MethodPost, raw)
	if err != nil {
		return err
	}
	kept := c.here(ctx).kept
	if opens {
		req.Header.Del("Mcp-Session-Id")
		req.Header.Del("Mcp-Protocol-Version")
		kept = newCookies(c.url)
	}
	req.Header["Content-Type"], req.Header["Accept"] = sendsJSON, takesBoth
	resp, err := c.do(req, kept)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return refusal(resp, token)
	}
	if opens {
		c.begin(ctx, resp.Header.Get("Mcp-Session-Id"), kept)
	}
	if deliver == nil {
		if contentType(resp) == "text/event-stream" { // nothing that we wait for, perhaps without an end
			return nil
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // keeps the connection usable
		return nil
	}
	switch contentType(resp) {
	case "application/json":
		return c.readJSON(resp, deliver)
	case "text/event-stream":
		return c.readStream(ctx, resp, deliver, func() {
			t := time.AfterFunc(finishLimit, cancel)
			defer t.Stop()
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
		})
	}
	if resp.StatusCode == http.StatusAccepted || resp.StatusCode == http.StatusNoContent {
		return ErrNoAnswer
	}
	return fmt.Errorf("%w: %q", ErrContentType, resp.Header.Get("Content-Type"))
}

func (c *Conn) readJSON(resp *http.Response, deliver Deliver) error {
	body, err := readAll(resp.Body, resp.ContentLength)
	switch {
	case errors.Is(err, ErrTooLarge):
		return err
	case err != nil:
		return joinNoAnswer(err)
	case !deliver(bytes.TrimPrefix(body, []byte(mark))):
		return ErrNoAnswer
	}
	return nil
}

// Values of headers that are shared by all requests; nobody changes them.
var (
	sendsJSON = []string{"application/json"}
	takesBoth = []string{"application/json, text/event-stream"}
)

// readAll reads a message of which the length may be known. A large one grows by
// a quarter: old and new together are what it takes of the memory.
func readAll(r io.Reader, length int64) ([]byte, error) {
	size := int64(4 << 10)
	if length >= 0 && length <= MaxMessage {
		size = length + 1 // the end is seen without growing
	}
	body := make([]byte, 0, size)
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > MaxMessage:
			return nil, ErrTooLarge
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, err
		}
		if len(body) == cap(body) {
			more := cap(body)
			if more > 1<<20 {
				more /= 4
			}
			grown := make([]byte, len(body), cap(body)+more)
			copy(grown, body)
			body = grown
		}
	}
}

// readStream reads the stream that answers a request until the response, taking
// it up again where the server allows. finish is called when the response has
// come on the first stream.
func (c *Conn) readStream(ctx context.Context, resp *http.Response, deliver Deliver, finish func()) error {
	at := &position{}
	err := c.readEvents(resp.Body, at, deliver)
	if errors.Is(err, errResponded) {
		finish()
		return nil
	}
	return c.resume(ctx, at, err, deliver)
}
