package localhttp_test

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// events reads n events' data of a stream.
func events(t *testing.T, r io.Reader, n int) (data []string, lastID string) {
	t.Helper()
	s := bufio.NewScanner(r)
	for len(data) < n && s.Scan() {
		if d, ok := strings.CutPrefix(s.Text(), "data: "); ok {
			data = append(data, d)
		}
		if id, ok := strings.CutPrefix(s.Text(), "id: "); ok {
			lastID = id
		}
	}
	if len(data) < n {
		t.Fatalf("%d events, want %d", len(data), n)
	}
	return data, lastID
}

func TestStandaloneStreamIsTakenUpAgain(t *testing.T) {
	r := newRig(t, nil)
	session := r.open()
	h := header{"Mcp-Session-Id": session}
	say := func(text string) {
		if err := r.up(0).send(nil, []byte(`{"jsonrpc":"2.0","method":"`+text+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	say("before") // nobody listens yet: kept
	first := r.do("GET", "/notes/mcp", "", h)
	say("one")
	got, last := events(t, first.Body, 2)
	if !strings.Contains(got[0], "before") || !strings.Contains(got[1], "one") {
		t.Errorf("got %v", got)
	}
	_ = first.Body.Close()
	say("two")
	again := r.do("GET", "/notes/mcp", "", header{"Mcp-Session-Id": session, "Last-Event-ID": last})
	if got, _ = events(t, again.Body, 1); !strings.Contains(got[0], "two") {
		t.Errorf("after %s came %v", last, got)
	}
	// A client that missed more says so.
	third := r.do("GET", "/notes/mcp", "", header{"Mcp-Session-Id": session, "Last-Event-ID": "0-1"})
	if got, _ = events(t, third.Body, 2); !strings.Contains(got[0], "one") || !strings.Contains(got[1], "two") {
		t.Errorf("after 0-1 came %v", got)
	}
}

func TestBrokenAnswerIsTakenUpAgain(t *testing.T) {
	r := newRig(t, nil)
	h := header{"Mcp-Session-Id": r.open(), "Accept": "text/event-stream"}
	resp := r.do("POST", "/notes/mcp", `{"jsonrpc":"2.0","id":7,"method":"hold"}`, h)
	u := r.up(0)
	if err := u.send([]byte("7"), []byte(`{"jsonrpc":"2.0","method":"progress"}`)); err != nil {
		t.Fatal(err)
	}
	_, last := events(t, resp.Body, 1)
	_ = resp.Body.Close()
	if err := u.send([]byte("7"), jsonrpc.NewResult(json.RawMessage("7"), json.RawMessage(`{"late":true}`))); err != nil {
		t.Fatal(err)
	}
	h["Last-Event-ID"] = last
	if got, _ := events(t, r.do("GET", "/notes/mcp", "", h).Body, 1); !strings.Contains(got[0], `"late":true`) {
		t.Errorf("got %v", got)
	}
}

func TestDeleteEndsTheSession(t *testing.T) {
	r := newRig(t, nil)
	h := header{"Mcp-Session-Id": r.open()}
	stream := r.do("GET", "/notes/mcp", "", h)
	if resp := r.do("DELETE", "/notes/mcp", "", h); resp.StatusCode != 200 {
		t.Fatalf("DELETE: HTTP %d", resp.StatusCode)
	}
	if _, err := io.ReadAll(stream.Body); err != nil {
		t.Errorf("the stream did not end well: %v", err)
	}
	if !r.up(0).isClosed() {
		t.Error("the session upstream lives on")
	}
	if resp := r.do("POST", "/notes/mcp", `{"jsonrpc":"2.0","id":1,"method":"x"}`, h); resp.StatusCode != 404 {
		t.Errorf("afterwards: HTTP %d, want 404", resp.StatusCode)
	}
}

func TestSSEOf2024(t *testing.T) {
	r := newRig(t, nil)
	stream := r.do("GET", "/notes/sse", "", nil)
	address, _ := events(t, stream.Body, 1)
	post := func(b string) {
		t.Helper()
		if resp := r.do("POST", address[0], b, nil); resp.StatusCode != 202 {
			t.Fatalf("POST %s: HTTP %d", address[0], resp.StatusCode)
		}
	}
	post(initialize)
	if got, _ := events(t, stream.Body, 1); !strings.Contains(got[0], `"of":0`) {
		t.Errorf("got %v", got)
	}
	post(`{"jsonrpc":"2.0","id":"n","method":"notes"}`)
	if got, _ := events(t, stream.Body, 3); !strings.Contains(got[2], `"of":"n"`) {
		t.Errorf("got %v", got)
	}
	if resp := r.do("POST", address[0], initialize, header{"Authorization": "Bearer eve"}); resp.StatusCode != 404 {
		t.Errorf("another caller's session: HTTP %d, want 404", resp.StatusCode)
	}
	_ = stream.Body.Close()
	deadline := time.Now().Add(time.Minute)
	for !r.up(0).isClosed() && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if !r.up(0).isClosed() {
		t.Error("the session outlived its stream")
	}
}
