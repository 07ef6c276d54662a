package session_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/era"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/session"
)

// trouble is one way in which a call goes wrong on its way, or the server with it.
type trouble struct {
	name string
	// limit is the session's limit for calls; 0: none.
	limit time.Duration
	// before puts something out of order before the call is made.
	before func(*wire)
	// answer is what the server does with the first call; nil: it answers.
	answer func(l *wire, w http.ResponseWriter, m jsonrpc.Message)
	// resume answers a GET that takes a stream up again; nil: there is none.
	resume func(w http.ResponseWriter, r *http.Request)
	// mend puts it in order again, before a later call is made.
	mend func(*wire)
	// want is in the answer that the client gets, and within the time that it takes.
	want   string
	within time.Duration
	// ran is how often the server got the call.
	ran int
	// mayHaveRun says that the answer has to say so.
	mayHaveRun bool
}

const (
	cutOff = `"error"`
	fine   = `"result":{"ran":1}`
)

// troubles is the table. Time is that of the test's own clock.
var troubles = []trouble{
	{
		name: "cut before the response header", answer: raw(""),
		want: cutOff, within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "cut in the response header", answer: raw("HTTP/1.1 200 OK\r\nContent-Ty"),
		want: cutOff, within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "cut in a JSON body", answer: raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n" + `{"jsonrpc":"2.0","id":7,"res`),
		want: cutOff, within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "cut in a chunk of a JSON body", answer: raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + "40\r\n" + `{"jsonrpc":"2.0","id":7,"res`),
		want: cutOff, within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "cut in an event of a stream that cannot be resumed", answer: raw("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + `data: {"jsonrpc":"2.0","id":7,"resu`),
		want: cutOff, within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "cut in an event of a stream that is resumed", answer: raw("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: e1\ndata:\n\n" + `data: {"jsonrpc":"2.0","id":7,"resu`),
		resume: func(w http.ResponseWriter, _ *http.Request) {
			writeEvents(w, `data: {"jsonrpc":"2.0","id":7,"result":{"ran":1}}`)
		},
		want: fine, within: 2 * time.Second, ran: 1,
	},
	{
		name: "a stream that breaks, and the token ends meanwhile", answer: func(_ *wire, w http.ResponseWriter, _ jsonrpc.Message) {
			writeEvents(w, "id: e1\ndata:")
		},
		resume: func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "Bearer t0" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			writeEvents(w, `data: {"jsonrpc":"2.0","id":7,"result":{"ran":1}}`)
		},
		want: fine, within: 2 * time.Second, ran: 1,
	},
	{
		name: "a stream that breaks, and no token is good any more", answer: func(_ *wire, w http.ResponseWriter, _ jsonrpc.Message) {
			writeEvents(w, "id: e1\ndata:")
		},
		resume: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		want:   cutOff, within: 2 * time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "a stream that the server wants polled", answer: func(_ *wire, w http.ResponseWriter, _ jsonrpc.Message) {
			writeEvents(w, "id: 0\nretry: 2000\ndata:")
		},
		resume: pollsUntil("12"),
		want:   fine, within: 30 * time.Second, ran: 1,
	},
	{
		name: "a stream that can be resumed, and ends again and again without a word", answer: func(_ *wire, w http.ResponseWriter, _ jsonrpc.Message) {
			writeEvents(w, "id: 0\ndata:")
		},
		resume: func(w http.ResponseWriter, _ *http.Request) { writeEvents(w, ": nothing") },
		want:   cutOff, within: time.Minute, ran: 1, mayHaveRun: true,
	},
	{
		name: "502 with a JSON-RPC error", answer: status(502, "application/json", `{"jsonrpc":"2.0","id":7,"error":{"code":-32099,"message":"upstream away"}}`),
		want: "upstream away", within: time.Second, ran: 1,
	},
	{
		name: "502 with other JSON", answer: status(502, "application/json", `{"message":"bad gateway"}`),
		want: "502", within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "502 with HTML", answer: status(502, "text/html", "<html><h1>502 Bad Gateway</h1></html>"),
		want: "502", within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "503", answer: status(503, "text/plain", "busy"),
		want: "503", within: time.Second, ran: 1,
	},
	{
		name: "server restarted during the call", answer: func(l *wire, _ http.ResponseWriter, _ jsonrpc.Message) { l.restart() },
		want: cutOff, within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "server restarted before the call", before: (*wire).restart,
		want: fine, within: time.Second, ran: 1,
	},
	{
		name: "server away, then back", before: func(l *wire) { l.restart(); l.fail(errors.New("connection refused")) }, mend: func(l *wire) { l.fail(nil) },
		want: "does not answer", within: time.Second, ran: 0,
	},
	{
		name:   "DNS gone, then back",
		before: func(l *wire) { l.restart(); l.fail(&net.DNSError{Err: "no such host", Name: "mcp.test"}) }, mend: func(l *wire) { l.fail(nil) },
		want: "does not answer", within: time.Second, ran: 0,
	},
	{
		name: "slow-loris in the header, with a limit", limit: 2 * time.Minute,
		answer: drip("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 1000)),
		want:   cutOff, within: 2 * time.Minute, ran: 1, mayHaveRun: true,
	},
	{
		name: "slow-loris in the body, with a limit", limit: 2 * time.Minute,
		answer: drip("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"jsonrpc\":\"2.0\"," + strings.Repeat(" ", 1000)),
		want:   cutOff, within: 2 * time.Minute, ran: 1, mayHaveRun: true,
	},
	{
		name:   "slow-loris that comes to an end, without a limit",
		answer: drip("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + `{"jsonrpc":"2.0","id":7,"result":{"ran":1}}`),
		want:   fine, within: 30 * time.Minute, ran: 1,
	},
	{
		name: "10 minutes of silence, without a limit", answer: silence(10 * time.Minute),
		want: fine, within: 10*time.Minute + time.Second, ran: 1,
	},
	{
		name: "10 minutes of silence, with a limit", limit: time.Minute, answer: silence(10 * time.Minute),
		want: cutOff, within: time.Minute, ran: 1, mayHaveRun: true,
	},
	{
		name: "10 minutes of silence in a stream, with a limit", limit: time.Minute, answer: func(l *wire, w http.ResponseWriter, m jsonrpc.Message) {
			writeEvents(w, ": wait")
			silence(10*time.Minute)(l, w, m)
		},
		want: cutOff, within: time.Minute, ran: 1, mayHaveRun: true,
	},
}

// Each request gets exactly one answer, within its deadline. A call that may have
// run is not made again, and its answer says so; a later call is fine.
func TestFaults(t *testing.T) {
	for _, f := range troubles {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f.play(t, streamable) })
		})
		if f.resume != nil {
			continue // there is no such thing from 2026-07-28 on
		}
		t.Run(f.name+", a server of 2026-07-28", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f.play(t, modern) })
		})
	}
}

func (f trouble) play(t *testing.T, kind spoken) {
	l := newWire(f, kind)
	defer l.close()
	h := remote.NewHTTPOver(&http.Transport{DialContext: l.dial, IdleConnTimeout: 90 * time.Second})
	defer h.CloseIdleConnections()
	var mu sync.Mutex
	var lines []string
	got := make(chan string, 100)
	a := &account{}
	config := remote.Config{URL: "http://mcp.test/mcp", Bearer: a, HTTP: h}
	var far session.Remote
	switch kind {
	case streamable:
		far = remote.NewConn(config)
	case modern:
		far = era.NewRemote(era.Config{Conn: remote.NewConn(config), Protocol: era.OnlyModern, Name: "test", Version: "0"})
	case httpSSE:
		far = remote.NewLegacy(config)
	}
	s := session.New(session.Config{
		Remote: far, Credential: a, CallLimit: f.limit,
		Send: func(raw []byte) error {
			mu.Lock()
			lines = append(lines, string(raw))
			mu.Unlock()
			got <- string(raw)
			return nil
		},
	})
	defer s.Close(2 * time.Second)
	send := func(raw string) {
		m, err := jsonrpc.Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		s.Receive(m)
	}
	line := func() string {
		select {
		case line := <-got:
			return line
		case <-time.After(time.Hour):
			t.Fatal("no answer within an hour")
			return ""
		}
	}
	send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`)
	line()
	send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	send(`{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	line()
	time.Sleep(time.Second) // the stream is known not to be there

	if f.before != nil {
		f.before(l)
		time.Sleep(time.Second) // the near ends have noticed
	}
	begun := time.Now()
	send(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"first"}}`)
	answer := line()
	if took := time.Since(begun); took > f.within {
		t.Errorf("the answer took %v, more than %v", took, f.within)
	}
	if !strings.Contains(answer, `"id":7,`) || !strings.Contains(answer, f.want) || strings.Contains(answer, "may have run") != f.mayHaveRun {
		t.Errorf("answer: %s", answer)
	}
	time.Sleep(time.Hour) // whatever is still to come
	if n := l.calls("first"); n != f.ran {
		t.Errorf("the server got the call %d times, want %d", n, f.ran)
	}

	if f.mend != nil {
		f.mend(l)
	}
	send(`{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"later"}}`)
	if later := line(); !strings.Contains(later, `"id":8,"result"`) {
		t.Errorf("a later call: %s", later)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(lines) != 4 {
		t.Errorf("the client got %d answers to 4 requests: %s", len(lines), strings.Join(lines, "\n"))
	}
}

// raw writes the start of an answer and closes the connection.
func raw(start string) func(*wire, http.ResponseWriter, jsonrpc.Message) {
	return func(_ *wire, w http.ResponseWriter, m jsonrpc.Message) {
		conn, buffer, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = buffer.WriteString(addressed(start, m))
		_ = buffer.Flush()
		_ = conn.Close()
	}
}

// addressed is an answer of the table with the id that the server was given.
func addressed(answer string, m jsonrpc.Message) string {
	return strings.ReplaceAll(answer, `"id":7,`, `"id":`+string(m.ID)+`,`)
}

// drip writes an answer at a byte every five seconds.
func drip(answer string) func(*wire, http.ResponseWriter, jsonrpc.Message) {
	return func(_ *wire, w http.ResponseWriter, m jsonrpc.Message) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer func() { _ = conn.Close() }()
		answer := addressed(answer, m)
		for i := range answer {
			if _, err := conn.Write([]byte(answer[i : i+1])); err != nil {
				return
			}
			time.Sleep(5 * time.Second)
		}
	}
}

func status(code int, contentType, body string) func(*wire, http.ResponseWriter, jsonrpc.Message) {
	return func(_ *wire, w http.ResponseWriter, _ jsonrpc.Message) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// silence answers after a time.
func silence(d time.Duration) func(*wire, http.ResponseWriter, jsonrpc.Message) {
	return func(_ *wire, w http.ResponseWriter, m jsonrpc.Message) {
		time.Sleep(d)
		writeJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"ran":1}}`, m.ID))
	}
}

// pollsUntil has a word with a new id each time that it is asked, and the answer
// at last.
func pollsUntil(last string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		lastID := r.Header.Get("Last-Event-ID")
		if lastID == last {
			writeEvents(w, `data: {"jsonrpc":"2.0","id":7,"result":{"ran":1}}`)
			return
		}
		var n int
		_, _ = fmt.Sscan(lastID, &n)
		writeEvents(w, fmt.Sprintf("id: %d\ndata:", n+1))
	}
}
