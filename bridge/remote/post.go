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

const (
	// resumeTries bounds how often a broken stream is taken up again without
	// an event in between.
	resumeTries = 5
	retryFirst  = time.Second // when the server names no retry time
	retryMost   = 30 * time.Second
	// finishLimit bounds the wait for the end of a stream after its response; a
	// connection whose answer was read to the end can be used again.
	finishLimit = 100 * time.Millisecond
)

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
// the answer names, or none, is the one from then on. Until then the earlier one
// stays, so that a request beside it is refused and not misunderstood.
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
	if opens {
		req.Header.Del("Mcp-Session-Id")
		req.Header.Del("Mcp-Protocol-Version")
	}
	req.Header["Content-Type"], req.Header["Accept"] = sendsJSON, takesBoth
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return refusal(resp, token)
	}
	if opens {
		c.begin(resp.Header.Get("Mcp-Session-Id"))
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
	var at position
	err := c.readEvents(resp.Body, &at, deliver)
	if errors.Is(err, errResponded) {
		finish()
		return nil
	}
	for try := 0; !errors.Is(err, errResponded); {
		if errors.Is(err, ErrTooLarge) {
			return err
		}
		if at.lastID == "" || try == resumeTries {
			return joinNoAnswer(err)
		}
		if waitErr := wait(ctx, at.delay(try)); waitErr != nil {
			return waitErr
		}
		before := at.lastID
		err = c.get(ctx, &at, deliver)
		if final(err) {
			return joinNoAnswer(err)
		}
		if try++; at.lastID != before {
			try = 0
		}
	}
	return nil
}

// final reports whether a stream that could not be had need not be asked for
// again.
func final(err error) bool {
	var challenge *Challenge
	var refused *StatusError
	switch {
	case errors.Is(err, ErrNoStream), errors.Is(err, ErrContentType), errors.As(err, &challenge):
		return true
	case errors.As(err, &refused):
		return refused.Status < http.StatusInternalServerError && refused.Status != http.StatusTooManyRequests
	}
	return false
}

func joinNoAnswer(err error) error {
	if err == nil {
		return ErrNoAnswer
	}
	return fmt.Errorf("%w: %w", ErrNoAnswer, err)
}

// errResponded ends a stream from our side: the response has come.
var errResponded = errors.New("responded")

// readEvents delivers the messages of one stream. It returns nil at the
// stream's end and errResponded after the response.
func (c *Conn) readEvents(body io.Reader, at *position, deliver Deliver) error {
	events := NewEventReader(body, MaxMessage)
	defer events.release()
	for {
		e, err := events.Next()
		if e.Retry > 0 {
			at.retry = e.Retry
		}
		if e.ID != "" && inHeader(e.ID) {
			at.lastID = e.ID
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		at.events++
		if len(e.Data) == 0 || e.Type != "message" { // the priming event has an id and no data
			continue
		}
		if deliver(e.Data) {
			return errResponded
		}
	}
}

// get opens a GET stream at a position and delivers its messages.
func (c *Conn) get(ctx context.Context, at *position, deliver Deliver) error {
	req, token, err := c.newRequest(ctx, http.MethodGet, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	if at.lastID != "" {
		req.Header.Set("Last-Event-ID", at.lastID)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusMethodNotAllowed:
		return ErrNoStream
	case resp.StatusCode != http.StatusOK:
		return refusal(resp, token)
	case contentType(resp) != "text/event-stream":
		return fmt.Errorf("stream: %w: %q", ErrContentType, resp.Header.Get("Content-Type"))
	}
	if at.onOpen != nil {
		at.onOpen()
	}
	return c.readEvents(resp.Body, at, deliver)
}

// position is where a stream stands.
type position struct {
	lastID string
	retry  time.Duration // what the server asked for; 0: nothing
	events int           // how many have come
	onOpen func()        // told when the stream is there; may be nil
}

// delay is the pause before the next try: what the server asked for, else
// growing.
func (p *position) delay(try int) time.Duration {
	if p.retry > 0 {
		return min(p.retry, retryMost)
	}
	return min(retryFirst<<try, retryMost)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
