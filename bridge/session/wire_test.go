package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/test/pipes"
)

// spoken is what a server speaks.
type spoken int

const (
	streamable spoken = iota // Streamable HTTP, with initialize and sessions
	modern                   // Streamable HTTP, 2026-07-28 only
	httpSSE                  // HTTP+SSE of 2024-11-05
)

// wire is a network of pipes with a server at its end.
type wire struct {
	trouble
	*pipes.Net
	kind   spoken
	server *http.Server

	mu     sync.Mutex
	broken error // of each dial; nil: it works
	open   []net.Conn
	life   int // of the server: its session ids
	seen   map[string]int
	stream *stream // the newest, of HTTP+SSE
}

func newWire(f trouble, kind spoken) *wire {
	l := &wire{trouble: f, Net: pipes.New(), kind: kind, seen: map[string]int{}}
	l.server = &http.Server{Handler: l}
	go func() { _ = l.server.Serve(l) }()
	return l
}

func (l *wire) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	l.mu.Lock()
	broken := l.broken
	l.mu.Unlock()
	if broken != nil {
		return nil, broken
	}
	near, far, err := l.Connect(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, far)
	return near, nil
}

func (l *wire) close() { _ = l.server.Close() }

// restart makes an end to all connections and sessions.
func (l *wire) restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.life++
	for _, conn := range l.open {
		_ = conn.Close()
	}
	l.open = nil
}

// fail makes each new connection fail; nil mends it.
func (l *wire) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = err
}

func (l *wire) calls(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[name]
}

// ServeHTTP plays the server.
func (l *wire) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.kind == httpSSE {
		l.serveSSE(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	m, _ := jsonrpc.Parse(body)
	l.mu.Lock()
	session := fmt.Sprintf("s%d", l.life)
	known := l.kind == modern || r.Header.Get("Mcp-Session-Id") == session
	var name string
	if _ = json.Unmarshal(jsonrpc.Member(m.Params, "name"), &name); known {
		l.seen[name]++
	}
	l.mu.Unlock()
	switch {
	case l.kind == modern && m.Method == "server/discover":
		writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}}`, m.ID))
	case m.Method == "initialize":
		w.Header().Set("Mcp-Session-Id", session)
		writeJSON(w, fmt.Sprintf(opened, m.ID))
	case !known:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodGet && r.Header.Get("Last-Event-ID") != "" && l.resume != nil:
		l.resume(w, r)
	case r.Method == http.MethodGet:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case name == "first" && l.answer != nil:
		l.answer(l, w, m)
	case m.IsRequest():
		writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"ran":1}}`, m.ID))
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}
