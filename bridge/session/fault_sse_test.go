package session_test

import (
	"encoding/json"
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

	"drawbridge/bridge/jsonrpc"
)

// stream is the one stream of a session of HTTP+SSE.
type stream struct {
	mu   sync.Mutex
	w    http.ResponseWriter // nil once the stream is over
	over chan struct{}       // closed by cut
	once sync.Once
}

// say writes raw text and has it sent.
func (s *stream) say(raw string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		return
	}
	_, _ = io.WriteString(s.w, raw)
	_ = http.NewResponseController(s.w).Flush()
}

// cut closes the stream where it is.
func (s *stream) cut() { s.once.Do(func() { close(s.over) }) }

// serveSSE plays a server of 2024-11-05: a session is a stream.
func (l *wire) serveSSE(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		s := &stream{w: w, over: make(chan struct{})}
		l.mu.Lock()
		l.stream = s
		session := fmt.Sprintf("s%d", l.life)
		l.mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		s.say("event: endpoint\ndata: /message?session=" + session + "\n\n")
		defer func() {
			s.mu.Lock()
			s.w = nil
			s.mu.Unlock()
		}()
		select {
		case <-r.Context().Done():
		case <-s.over:
			panic(http.ErrAbortHandler) // the connection breaks; it does not end well
		}
		return
	}
	body, _ := io.ReadAll(r.Body)
	m, _ := jsonrpc.Parse(body)
	l.mu.Lock()
	known := r.URL.Query().Get("session") == fmt.Sprintf("s%d", l.life)
	var name string
	if _ = json.Unmarshal(jsonrpc.Member(m.Params, "name"), &name); known {
		l.seen[name]++
	}
	s := l.stream
	l.mu.Unlock()
	switch {
	case !known:
		w.WriteHeader(http.StatusNotFound)
	case name == "first" && l.answer != nil:
		l.answer(l, w, m)
	case m.Method == "initialize":
		w.WriteHeader(http.StatusAccepted)
		s.say("data: " + fmt.Sprintf(opened, m.ID) + "\n\n")
	case m.IsRequest():
		w.WriteHeader(http.StatusAccepted)
		s.say(answered(m))
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// answered is the event that answers a call.
func answered(m jsonrpc.Message) string {
	return fmt.Sprintf(`data: {"jsonrpc":"2.0","id":%s,"result":{"ran":1}}`+"\n\n", m.ID)
}

// accepted answers the POST with 202 and does something with the stream then.
func accepted(then func(*stream, jsonrpc.Message)) func(*wire, http.ResponseWriter, jsonrpc.Message) {
	return func(l *wire, w http.ResponseWriter, m jsonrpc.Message) {
		w.WriteHeader(http.StatusAccepted)
		_ = http.NewResponseController(w).Flush()
		l.mu.Lock()
		s := l.stream
		l.mu.Unlock()
		then(s, m)
	}
}

// before says the answer down the stream, and goes on with the POST then.
func before(then func(*wire, http.ResponseWriter, jsonrpc.Message)) func(*wire, http.ResponseWriter, jsonrpc.Message) {
	return func(l *wire, w http.ResponseWriter, m jsonrpc.Message) {
		l.mu.Lock()
		s := l.stream
		l.mu.Unlock()
		s.say(answered(m))
		time.Sleep(time.Second)
		then(l, w, m)
	}
}

// sseTroubles is the table of HTTP+SSE, where the answer to a POST says little
// and the stream says all.
var sseTroubles = []trouble{
	{
		name: "POST cut before the response header", answer: raw(""),
		want: cutOff, within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "POST cut in the response header", answer: raw("HTTP/1.1 202 Acc"),
		want: cutOff, within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "POST cut after the answer came down the stream", answer: before(raw("")),
		want: fine, within: time.Second, ran: 1,
	},
	{
		name: "POST refused after the answer came down the stream", answer: before(status(500, "text/plain", "late")),
		want: fine, within: time.Second, ran: 1,
	},
	{
		name: "POST never answered, the answer came down the stream", answer: before(silence(10 * time.Minute)),
		want: fine, within: time.Second, ran: 1,
	},
	{
		name: "POST never answered, and the stream cut", answer: func(l *wire, w http.ResponseWriter, m jsonrpc.Message) {
			l.mu.Lock()
			l.stream.cut()
			l.mu.Unlock()
			silence(10*time.Minute)(l, w, m)
		},
		want: cutOff, within: 6 * time.Second, ran: 1, mayHaveRun: true,
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
		name: "stream cut between events", answer: accepted(func(s *stream, _ jsonrpc.Message) { s.cut() }),
		want: cutOff, within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "stream cut in the event", answer: accepted(func(s *stream, m jsonrpc.Message) {
			s.say(strings.TrimSuffix(answered(m), "}}\n\n"))
			s.cut()
		}),
		want: cutOff, within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "stream cut after the event's last line, before the empty one", answer: accepted(func(s *stream, m jsonrpc.Message) {
			s.say(strings.TrimSuffix(answered(m), "\n"))
			s.cut()
		}),
		want: cutOff, within: time.Second, ran: 1, mayHaveRun: true,
	},
	{
		name: "slow-loris in the event, without a limit", answer: accepted(func(s *stream, m jsonrpc.Message) {
			for _, c := range answered(m) {
				s.say(string(c))
				time.Sleep(5 * time.Second)
			}
		}),
		want: fine, within: 10 * time.Minute, ran: 1,
	},
	{
		name: "slow-loris in the event, with a limit", limit: time.Minute, answer: accepted(func(s *stream, _ jsonrpc.Message) {
			s.say("data: ")
			for range 100 {
				s.say("y")
				time.Sleep(5 * time.Second)
			}
			s.cut() // there is but one stream: nothing else comes down it before
		}),
		want: cutOff, within: time.Minute, ran: 1, mayHaveRun: true,
	},
	{
		name: "10 minutes of silence, without a limit", answer: accepted(func(s *stream, m jsonrpc.Message) {
			time.Sleep(10 * time.Minute)
			s.say(answered(m))
		}),
		want: fine, within: 10*time.Minute + time.Second, ran: 1,
	},
	{
		name: "10 minutes of silence, with a limit", limit: time.Minute, answer: accepted(func(s *stream, m jsonrpc.Message) {
			time.Sleep(10 * time.Minute)
			s.say(answered(m))
		}),
		want: cutOff, within: time.Minute, ran: 1, mayHaveRun: true,
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
}

// What TestFaults says of Streamable HTTP holds for HTTP+SSE as well.
func TestFaultsOfHTTPSSE(t *testing.T) {
	for _, f := range sseTroubles {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f.play(t, httpSSE) })
		})
	}
}
