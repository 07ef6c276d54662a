package localhttp_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// dial opens a stream without a client's goroutines.
func (r *rig) dial(path, session string) net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: Bearer ada\r\nMcp-Session-Id: %s\r\n\r\n", path, session)
	head := make([]byte, 12)
	if err == nil {
		_, err = io.ReadFull(conn, head)
	}
	if err != nil || string(head) != "HTTP/1.1 200" {
		r.t.Fatalf("%s: %q, %v", path, head, err)
	}
	return conn
}

// What an idle stream holds decides how many a machine carries; most of it was
// goroutines and their stacks.
func TestAnIdleStreamIsOneGoroutine(t *testing.T) {
	const many = 100
	for _, path := range []string{"/notes/mcp", "/notes/sse"} {
		r := newRig(t, nil)
		var sessions []string
		for range many {
			session := ""
			if path == "/notes/mcp" {
				session = r.open()
			}
			sessions = append(sessions, session)
		}
		r.http.CloseIdleConnections()
		before := runtime.NumGoroutine()
		for _, s := range sessions {
			r.dial(path, s)
		}
		var now int
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if now = runtime.NumGoroutine() - before; now <= many+10 || time.Now().After(end) {
				break
			}
		}
		if now > many+10 {
			t.Errorf("%s: %d goroutines for %d streams", path, now, many)
		}
	}
}

func TestAStreamKeepsTheOrderOfWhatIsSaidAtOnce(t *testing.T) {
	r := newRig(t, nil)
	session := r.open()
	stream := r.do("GET", "/notes/mcp", "", header{"Mcp-Session-Id": session})
	const speakers, each = 8, 200
	var all sync.WaitGroup
	for s := range speakers {
		all.Go(func() {
			for i := range each {
				_ = r.up(0).send(nil, fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"s%d","params":%d}`, s, i))
			}
		})
	}
	got, last := events(t, stream.Body, speakers*each)
	all.Wait()
	next := map[string]int{}
	for _, message := range got {
		var s, i int
		if _, err := fmt.Sscanf(message, `{"jsonrpc":"2.0","method":"s%d","params":%d}`, &s, &i); err != nil {
			t.Fatalf("%q: %v", message, err)
		}
		who := fmt.Sprint(s)
		if i != next[who] {
			t.Fatalf("speaker %d: message %d, want %d", s, i, next[who])
		}
		next[who]++
	}
	if want := fmt.Sprintf("0-%d", speakers*each); last != want {
		t.Errorf("last id %s, want %s", last, want)
	}
}

// Whoever has a stream that another connection took over is told its end, not cut
// off.
func TestTheEarlierConnectionOfAStreamEndsWell(t *testing.T) {
	r := newRig(t, nil)
	h := header{"Mcp-Session-Id": r.open()}
	first := r.do("GET", "/notes/mcp", "", h)
	second := r.do("GET", "/notes/mcp", "", h)
	if _, err := io.ReadAll(first.Body); err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := r.up(0).send(nil, []byte(`{"jsonrpc":"2.0","method":"for the second"}`)); err != nil {
		t.Fatal(err)
	}
	if got, _ := events(t, second.Body, 1); !strings.Contains(got[0], "for the second") {
		t.Errorf("got %v", got)
	}
}
