// Upstream is the MCP server of the bench: mcp-go, protected by the access
// tokens of a real identity provider, on a loopback address. It counts what
// reaches it.
//
//	upstream ISSUER
//
// It prints its address when it is ready and ends with its standard input.
// POST /__order?framing=sse|json decides how answers are framed from then on;
// GET /__counts tells what came.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

type upstream struct {
	base, issuer string
	keys         keyfunc.Keyfunc
	good         sync.Map // token → its end

	stream atomic.Bool

	mu          sync.Mutex
	requests    map[string]int // by verb and path
	connections map[net.Conn]struct{}
}

func main() {
	log.SetFlags(0)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	u := &upstream{
		base: "http://" + ln.Addr().String(), issuer: os.Args[1],
		requests: map[string]int{}, connections: map[net.Conn]struct{}{},
	}
	if u.keys, err = keyfunc.NewDefaultCtx(context.Background(), []string{u.issuer + "/jwks"}); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/mcp", u.protected(u.framed(mcpServer())))
	mux.HandleFunc("GET /.well-known/oauth-protected-resource/mcp", u.metadata)
	mux.HandleFunc("POST /__order", func(_ http.ResponseWriter, r *http.Request) {
		u.stream.Store(r.FormValue("framing") == "sse")
	})
	mux.HandleFunc("GET /__counts", u.counts)
	s := &http.Server{Handler: u.counted(mux), ConnState: u.connection, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = s.Close()
	}()
	fmt.Println(u.base + "/mcp")
	_ = s.Serve(ln)
}

func mcpServer() http.Handler {
	s := server.NewMCPServer("bench", "1.0.0", server.WithToolCapabilities(true))
	s.AddTool(mcp.NewTool("echo", mcp.WithString("text", mcp.Required())),
		func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return mcp.NewToolResultText(req.GetString("text", "")), nil
		})
	s.AddTool(mcp.NewTool("big", mcp.WithNumber("bytes", mcp.Required())),
		func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return mcp.NewToolResultText(strings.Repeat("0123456789abcdef", req.GetInt("bytes", 0)/16)), nil
		})
	return server.NewStreamableHTTPServer(s)
}

// counted counts what comes, except what the bench itself asks.
func (u *upstream) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/__") {
			u.mu.Lock()
			u.requests[r.Method+" "+r.URL.Path]++
			if method := r.Header.Get("Mcp-Method"); method != "" { // MCP 2026-07-28
				u.requests[method]++
			}
			u.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

func (u *upstream) connection(c net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch state {
	case http.StateNew:
		u.connections[c] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(u.connections, c)
	}
}

func (u *upstream) counts(w http.ResponseWriter, _ *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	_ = json.NewEncoder(w).Encode(map[string]any{"requests": u.requests, "connections": len(u.connections)})
}

// metadata is RFC 9728's.
func (u *upstream) metadata(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"resource": u.base + "/mcp", "authorization_servers": []string{u.issuer}, "scopes_supported": []string{"mcp:tools"},
	})
}

// protected lets a token through that the issuer gave for this server. One that
// was seen before costs one look.
func (u *upstream) protected(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if end, ok := u.good.Load(token); ok && time.Now().Before(end.(time.Time)) {
			next.ServeHTTP(w, r)
			return
		}
		t, err := jwt.Parse(token, u.keys.Keyfunc, jwt.WithIssuer(u.issuer), jwt.WithAudience(u.base+"/mcp"),
			jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired())
		if err != nil {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer resource_metadata=%q`, u.base+"/.well-known/oauth-protected-resource/mcp"))
			http.Error(w, "a token is wanted", http.StatusUnauthorized)
			return
		}
		end, _ := t.Claims.GetExpirationTime()
		u.good.Store(token, end.Time)
		next.ServeHTTP(w, r)
	})
}

// framed makes an event stream of the JSON that answers a POST, when that was
// ordered.
func (u *upstream) framed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !u.stream.Load() {
			next.ServeHTTP(w, r)
			return
		}
		answer := &answer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		body := bytes.TrimSpace(answer.body.Bytes())
		if len(body) == 0 || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			w.WriteHeader(answer.status)
			_, _ = w.Write(body)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.status)
		_, _ = fmt.Fprintf(w, "event: message\ndata: %s\n\n", body)
	})
}

// answer holds an answer back.
type answer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
