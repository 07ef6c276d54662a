package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Exchange sends one request that stands for itself, as all do from MCP
// 2026-07-28 on: without session and version of the Conn, with headers of its
// own. deliver gets each message of the answer, as with Post. A stream that
// breaks is not taken up again, for there is nothing to take up; the end of ctx
// closes it, which tells the server that the request is cancelled.
func (c *Conn) Exchange(ctx context.Context, raw []byte, headers map[string]string, deliver Deliver) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, token, err := c.newRequest(ctx, http.MethodPost, raw)
	if err != nil {
		return err
	}
	req.Header.Del("Mcp-Session-Id")
	req.Header.Del("Mcp-Protocol-Version")
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := c.do(req, c.here(ctx).kept)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return refusal(resp, token)
	}
	switch contentType(resp) {
	case "application/json":
		return c.readJSON(resp, deliver)
	case "text/event-stream":
		var at position
		err := c.readEvents(resp.Body, &at, deliver)
		if errors.Is(err, errResponded) {
			t := time.AfterFunc(finishLimit, cancel)
			defer t.Stop()
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // keeps the connection usable
			return nil
		}
		return joinNoAnswer(err)
	}
	if resp.StatusCode == http.StatusAccepted || resp.StatusCode == http.StatusNoContent {
		return ErrNoAnswer
	}
	return fmt.Errorf("%w: %q", ErrContentType, resp.Header.Get("Content-Type"))
}
