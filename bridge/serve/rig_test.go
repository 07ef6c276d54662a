package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/front/localhttp"
	"drawbridge/bridge/guard"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/serve"
	"drawbridge/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

const (
	issuer   = "https://issuer.example"
	audience = "bridge"
	shared   = "0123456789abcdef0123456789abcdef"
)

// echo is a session that answers each request at once and notes what came.
type echo struct {
	send localhttp.Send
	note func(method string)
	work sync.WaitGroup
}

func (e *echo) Receive(m jsonrpc.Message) {
	e.note(m.Method)
	if m.IsRequest() {
		e.work.Go(func() { _ = e.send(m.ID, jsonrpc.NewResult(m.ID, json.RawMessage(`{}`))) })
	}
}

func (e *echo) Close(time.Duration) { e.work.Wait() }

// running is a bridge that serves on a port of its own.
type running struct {
	t    *testing.T
	url  string
	http *http.Client

	mu   sync.Mutex
	seen []string
}

func run(t *testing.T, change func(*serve.Config)) *running {
	t.Helper()
	r := &running{t: t, http: &http.Client{Transport: &http.Transport{}}}
	ready := make(chan []string, 1)
	cfg := serve.Config{
		Listen: "127.0.0.1:0", Knows: func(name string) bool { return name == "notes" }, Ready: func(a []string) { ready <- a },
		Open: func(_ context.Context, _ localhttp.Target, _ guard.Caller, _ bool, send localhttp.Send) (localhttp.Session, error) {
			return &echo{send: send, note: r.note}, nil
		},
	}
	change(&cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve.Run(ctx, cfg) }()
	select {
	case a := <-ready:
		r.url = a[0]
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.http.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *running) note(method string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, method)
}

func (r *running) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

func (r *running) do(method, path, token, session, body string) (int, string, http.Header) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if session != "" {
		req.Header.Set("Mcp-Session-Id", session)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if strings.Contains(body, "io.modelcontextprotocol/protocolVersion") { // MCP 2026-07-28, standard request headers
		var m struct {
			Method string `json:"method"`
		}
		_ = json.Unmarshal([]byte(body), &m)
		req.Header.Set("Mcp-Protocol-Version", "2026-07-28")
		req.Header.Set("Mcp-Method", m.Method)
		req.Header.Set("Mcp-Name", "x")
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if method == http.MethodGet && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return resp.StatusCode, "", resp.Header // it lasts
	}
	raw, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw), resp.Header
}

// openSSE opens the stream of 2024 and returns the address for messages.
func openSSE(t *testing.T, r *running, token string) (io.Closer, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/notes/sse", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			go func() { _, _ = io.Copy(io.Discard, resp.Body) }() // what comes down it is another test's
			return resp.Body, address
		}
	}
	t.Fatalf("no endpoint event: HTTP %d", resp.StatusCode)
	return nil, ""
}
