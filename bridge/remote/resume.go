package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// resumeTries bounds how often a broken stream is taken up again without
	// anything that has come in between.
	resumeTries = 5
	retryFirst  = time.Second // when the server names no retry time
	retryMost   = 30 * time.Second
)

// Interrupted means that the stream which answers a request broke, and that the
// server wants another token before it can be taken up again. It is ErrNoAnswer
// for whoever does not go on with Resume.
type Interrupted struct {
	Challenge *Challenge
	resume    func(ctx context.Context) error
}

// Error implements error.
func (e *Interrupted) Error() string { return "the answer broke off: " + e.Challenge.Error() }

// Unwrap implements errors.Is and errors.As.
func (e *Interrupted) Unwrap() []error { return []error{ErrNoAnswer, e.Challenge} }

// Resume takes the stream up again, with the token of now. Its messages go where
// those before went, and its errors are those of Post.
func (e *Interrupted) Resume(ctx context.Context) error { return e.resume(ctx) }

// resume takes a stream up again that ended with err before the response. A
// server may end it as often as it likes, as those do that want to be polled
// (MCP 2025-11-25, SSE polling), as long as something comes in between.
func (c *Conn) resume(ctx context.Context, at *position, err error, deliver Deliver) error {
	return c.follow(ctx, at, err, false, deliver)
}

// follow is resume; now leaves the first pause out.
func (c *Conn) follow(ctx context.Context, at *position, err error, now bool, deliver Deliver) error {
	for try := 0; ; now = false {
		if errors.Is(err, ErrTooLarge) {
			return err
		}
		if at.lastID == "" || try == resumeTries {
			return joinNoAnswer(err)
		}
		if !now {
			if waitErr := wait(ctx, at.delay(try)); waitErr != nil {
				return waitErr
			}
		}
		begun, before := time.Now(), at.events
		err = c.get(ctx, at, deliver)
		var refused *Challenge
		switch {
		case errors.Is(err, errResponded):
			return nil
		case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
			return &Interrupted{refused, func(ctx context.Context) error { return c.follow(ctx, at, nil, true, deliver) }}
		case final(err):
			return joinNoAnswer(err)
		}
		if try++; at.events != before || time.Since(begun) > retryMost {
			try = 0
		}
	}
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
	return c.read(NewEventReader(body, MaxMessage), at, deliver)
}

func (c *Conn) read(events *EventReader, at *position, deliver Deliver) error {
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
	resp, err := c.with(c.here(ctx).kept).Do(req)
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
	return c.read(newPatientReader(resp.Body, MaxMessage), at, deliver)
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
