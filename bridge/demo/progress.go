package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// progressLimit bounds the wait until progress has been written.
const progressLimit = 10 * time.Second

// tellProgress returns when the progress has been written: mcp-go drops a
// notification that its forwarder has taken from the queue when the answer
// overtakes it.
func tellProgress(ctx context.Context, req mcp.CallToolRequest, step, steps int) error {
	if req.Params.Meta == nil || req.Params.Meta.ProgressToken == nil {
		return nil
	}
	err := server.ServerFromContext(ctx).SendNotificationToClient(ctx, progressMethod, map[string]any{
		"progressToken": req.Params.Meta.ProgressToken,
		"progress":      step,
		"total":         steps,
		"message":       fmt.Sprintf("step %d of %d", step, steps),
	})
	written, ok := ctx.Value(progressKey{}).(chan struct{})
	if err != nil || !ok {
		return err
	}
	limit := time.NewTimer(progressLimit)
	defer limit.Stop()
	select {
	case <-written:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-limit.C:
		return errors.New("nobody writes it")
	}
}

const progressMethod = "notifications/progress"

// progressKey is where a call finds the channel of its progressWriter.
type progressKey struct{}

// progressWriter tells the call that it answers when progress has been written.
type progressWriter struct {
	http.ResponseWriter
	written chan struct{}
}

func followProgress(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	written := make(chan struct{}, 1) // a call waits for one before it tells the next
	return &progressWriter{w, written}, r.WithContext(context.WithValue(r.Context(), progressKey{}, written))
}

// Write writes one event, as mcp-go does.
func (w *progressWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	if bytes.Contains(p, []byte(`"method":"`+progressMethod+`"`)) {
		select {
		case w.written <- struct{}{}:
		default:
		}
	}
	return n, err
}

// Flush makes it a stream to mcp-go.
func (w *progressWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (w *progressWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
