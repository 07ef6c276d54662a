package demo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// held is a connection that takes no progress until it is let.
type held struct {
	http.ResponseWriter
	hold func()
}

func (h held) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(progressMethod)) {
		h.hold()
	}
	return h.ResponseWriter.Write(p)
}

func (h held) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// The answer comes after the last progress has been written, however long that takes.
func TestSlowWaitsForItsLastProgress(t *testing.T) {
	ended := make(chan struct{})
	s := server.NewMCPServer("test", "1", server.WithToolHandlerMiddleware(func(next server.ToolHandlerFunc) server.ToolHandlerFunc {
		return func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			defer close(ended)
			return next(ctx, req)
		}
	}))
	addTools(s)
	h := server.NewStreamableHTTPServer(s, server.WithStateLess(true))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(followProgress(held{w, func() {
			select {
			case <-ended:
				t.Error("slow has ended, and its progress is not written")
			case <-time.After(100 * time.Millisecond): // it does not end: nothing to wait for
			}
		}}, r))
	}))
	defer web.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call",`+
		`"params":{"name":"slow","arguments":{"seconds":0,"steps":1},"_meta":{"progressToken":"one"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := web.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	progress, answer := strings.Index(string(got), `"step 1 of 1"`), strings.Index(string(got), "done after 1 steps")
	if err != nil || progress < 0 || answer < progress {
		t.Errorf("the call was answered %q, %v", got, err)
	}
}
