package serve_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/guard"
	"drawbridge/bridge/serve"
)

// attacked is a bridge that takes API keys, with the limits that `drawbridge
// serve` has by itself, and the key of a client that has been there before.
func attacked(t *testing.T, change func(*serve.Config)) (r *running, key string) {
	k, key := guard.NewAPIKey(guard.APIKey{Client: "ada"}, time.Now())
	keys := guard.NewFileKeys(t.TempDir()+"/keys.json", nil, nil)
	if err := keys.Add(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	r = run(t, func(c *serve.Config) {
		c.Guard = guard.New(guard.Config{Modes: []guard.Mode{guard.NewAPIKeys(keys, nil)}, Limits: guard.NewLimits(guard.LimitConfig{Failures: 20})})
		if change != nil {
			change(c)
		}
	})
	r.right(key)
	return r, key
}

// right fails the test when a right request is not answered.
func (r *running) right(key string) {
	r.t.Helper()
	if status, body, _ := r.do("POST", "/notes/mcp", key, "", call("initialize")); status != 200 {
		r.t.Errorf("a right request: HTTP %d %s", status, body)
	}
}

func (r *running) dial() net.Conn {
	r.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(r.t.Context(), "tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// A name of somebody else that leads to this computer (DNS rebinding), and a page
// of another origin, get nothing anywhere, not even with a right key.
func TestNamesAndOriginsOfOthers(t *testing.T) {
	r, key := attacked(t, func(c *serve.Config) {
		c.Issuers, c.Hosts, c.Origins = []string{issuer}, []string{"bridge.example"}, []string{"https://console.example"}
	})
	before := r.count()
	ask := func(verb, path, host, origin string) int {
		req, err := http.NewRequestWithContext(t.Context(), verb, r.url+path, strings.NewReader(call("initialize")))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		resp, err := r.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.Header.Get("Access-Control-Allow-Origin") != "" && origin != "https://console.example" {
			t.Errorf("%s %s from %s: CORS lets the page read", verb, path, origin)
		}
		return resp.StatusCode
	}
	for _, wrong := range []struct{ host, origin string }{
		{"attacker.example", ""},
		{"attacker.example:7420", ""},
		{"localhost.attacker.example", ""},
		{"127.0.0.1.attacker.example", ""},
		{"192.0.2.7", ""},
		{"localhost", "https://attacker.example"},
		{"localhost", "http://localhost.attacker.example"},
		{"localhost", "https://console.example.attacker.example"},
		{"localhost", "http://console.example"},
		{"localhost", "null"},
		{"localhost", "http://ada@localhost"},
	} {
		for _, at := range []string{
			"POST /notes/mcp", "GET /notes/mcp", "DELETE /notes/mcp", "OPTIONS /notes/mcp", "GET /notes/sse", "POST /notes/messages?sessionId=x", "GET /metrics",
			"GET /.well-known/oauth-protected-resource/notes/mcp",
		} {
			verb, path, _ := strings.Cut(at, " ")
			if status := ask(verb, path, wrong.host, wrong.origin); status != http.StatusForbidden {
				t.Errorf("%s, Host %s, Origin %s: HTTP %d", at, wrong.host, wrong.origin, status)
			}
		}
	}
	if n := r.count(); n != before {
		t.Errorf("%d messages reached a session", n-before)
	}
	for _, good := range []struct{ host, origin string }{
		{"localhost:7420", ""},
		{"127.0.0.1", ""},
		{"[::1]:7420", "http://localhost:3000"},
		{"bridge.example", "https://console.example"},
	} {
		if status := ask("POST", "/notes/mcp", good.host, good.origin); status != 200 {
			t.Errorf("Host %s, Origin %s: HTTP %d", good.host, good.origin, status)
		}
	}
}

// Heads that come a byte at a time are cut off at the limit, however many.
func TestSlowHeads(t *testing.T) {
	r, key := attacked(t, func(c *serve.Config) { c.HeadLimit = 3 * time.Second }) // a busy machine may take one to send a right head
	var work sync.WaitGroup
	var cut atomic.Int32
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for range 200 {
		conn := r.dial()
		work.Go(func() {
			_, _ = io.WriteString(conn, "POST /notes/mcp HTTP/1.1\r\nHost: localhost\r\nX-A: ")
			for ctx.Err() == nil {
				_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
				_, err := conn.Read(make([]byte, 1))
				var late net.Error
				if err != nil && (!errors.As(err, &late) || !late.Timeout()) {
					cut.Add(1)
					return
				}
				_, _ = io.WriteString(conn, "a") // it is never done
			}
		})
	}
	r.right(key)
	work.Wait()
	if n := cut.Load(); n != 200 {
		t.Errorf("%d of 200 slow connections were cut off", n)
	}
	r.right(key)
}

// Bodies over the limit are refused as soon as it is known, and before anything
// is read of one whose sender showed nothing.
func TestOversizedBodies(t *testing.T) {
	const limit = 64 << 10
	r, key := attacked(t, func(c *serve.Config) { c.MaxBody = limit })
	before := r.count()
	for _, tt := range []struct {
		name, token string
		chunked     bool
		status      string
	}{
		{"its length is said", key, false, "413"},
		{"it never ends", key, true, "413"},
		{"nothing was shown, its length is said", "", false, "401"},
		{"nothing was shown, it never ends", "", true, "401"},
	} {
		conn := r.dial()
		_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
		head := "POST /notes/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		if tt.token != "" {
			head += "Authorization: Bearer " + tt.token + "\r\n"
		}
		if tt.chunked {
			head += "Transfer-Encoding: chunked\r\n\r\n"
		} else {
			head += fmt.Sprintf("Content-Length: %d\r\n\r\n", 1<<40)
		}
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
		sent := make(chan int64, 1)
		go func() { // until the bridge has had enough
			n := int64(0)
			part := strings.Repeat("a", 8<<10)
			if tt.chunked {
				part = fmt.Sprintf("%x\r\n%s\r\n", len(part), part)
			}
			for {
				m, err := io.WriteString(conn, part)
				if n += int64(m); err != nil || n > 1<<30 {
					sent <- n
					return
				}
			}
		}()
		line, err := bufio.NewReader(conn).ReadString('\n')
		_ = conn.Close()
		if err != nil || !strings.Contains(line, " "+tt.status+" ") {
			t.Errorf("%s: %q %v", tt.name, line, err)
		}
		if n := <-sent; n > 64<<20 {
			t.Errorf("%s: %d bytes were taken", tt.name, n)
		}
	}
	if n := r.count(); n != before {
		t.Errorf("%d messages reached a session", n-before)
	}
	r.right(key)
}

// Whoever guesses fills no memory and locks out no client that was there before.
func TestRandomTokens(t *testing.T) {
	r, key := attacked(t, nil)
	const senders, each, batch = 4, 25000, 100
	guess := func(sender, from, to int) {
		conn := r.dial()
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(15 * time.Minute))
		answers := bufio.NewReader(conn)
		for i := from; i < to; i += batch {
			var guesses strings.Builder
			for n := range batch {
				fmt.Fprintf(&guesses, "GET /notes/mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer dbk_guess_%d_%d\r\n\r\n", sender, i+n)
			}
			if _, err := io.WriteString(conn, guesses.String()); err != nil {
				t.Error(err)
				return
			}
			for range batch {
				resp, err := http.ReadResponse(answers, nil)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusTooManyRequests {
					t.Errorf("a guess: HTTP %d", resp.StatusCode)
					return
				}
			}
		}
	}
	all := func(from, to int) {
		var work sync.WaitGroup
		for sender := range senders {
			work.Go(func() { guess(sender, from, to) })
		}
		work.Wait()
	}
	all(0, each/5)
	warm := inUse()
	all(each/5, each)
	if grown := inUse() - warm; grown > 2<<20 {
		t.Errorf("80,000 guesses more keep %d bytes", grown)
	}
	r.right(key)
}

func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Connections that never finish hold up nobody: heads that stop, and bodies of
// somebody with a right key that stop.
func TestConnectionsThatNeverFinish(t *testing.T) {
	r, key := attacked(t, nil)
	for i := range 1000 {
		text := "POST /notes/mcp HTTP/1.1\r\nHost: localhost\r\nX-A: "
		if i%2 == 0 {
			text = "POST /notes/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer " + key + "\r\nContent-Length: 1000\r\n\r\n{"
		}
		if _, err := io.WriteString(r.dial(), text); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		r.right(key)
	}
}
