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
)

// wire is a network of pipes with a server at its end.
type wire struct {
	trouble
	modern bool // the server speaks 2026-07-28 only
	server *http.Server
	conns  chan net.Conn
	ended  chan struct{} // closed when nobody accepts any more

	mu     sync.Mutex
	broken error // of each dial; nil: it works
	open   []net.Conn
	life   int // of the server: its session ids
	seen   map[string]int
}

func newWire(f trouble, modern bool) *wire {
	l := &wire{trouble: f, modern: modern, conns: make(chan net.Conn), ended: make(chan struct{}), seen: map[string]int{}}
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
	near, far := net.Pipe()
	select {
	case l.conns <- far:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.ended:
		return nil, net.ErrClosed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, far)
	return near, nil
}

// Accept implements net.Listener.
func (l *wire) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *wire) Close() error {
	close(l.ended)
	return nil
}

// Addr implements net.Listener.
func (l *wire) Addr() net.Addr { return &net.TCPAddr{} }

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
	body, _ := io.ReadAll(r.Body)
	m, _ := jsonrpc.Parse(body)
	l.mu.Lock()
	session := fmt.Sprintf("s%d", l.life)
	known := l.modern || r.Header.Get("Mcp-Session-Id") == session
	var name string
	if _ = json.Unmarshal(jsonrpc.Member(m.Params, "name"), &name); known {
		l.seen[name]++
	}
	l.mu.Unlock()
	switch {
	case l.modern && m.Method == "server/discover":
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
