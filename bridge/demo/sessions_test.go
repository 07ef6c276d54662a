package demo_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"drawbridge/bridge/demo"
)

func TestSessions(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	mine, theirs := p.mustTokens(ada, nil).Access, p.mustTokens(grace, nil).Access
	resp, _ := p.initialize(mine)
	session := resp.Header.Get("Mcp-Session-Id")
	send := func(method, access, session, body string) int {
		t.Helper()
		r := p.request(method, d.URL(), strings.NewReader(body))
		p.inSession(r, access, session)
		resp, _ := p.do(r)
		return resp.StatusCode
	}
	const ping = `{"jsonrpc":"2.0","id":2,"method":"ping"}`
	tests := []struct {
		name, method, access, session, body string
		want                                int
	}{
		{"in the session", http.MethodPost, mine, session, ping, http.StatusOK},
		{"a notification", http.MethodPost, mine, session, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, http.StatusAccepted},
		{"without a session", http.MethodPost, mine, "", ping, http.StatusBadRequest},
		{"in an unknown one", http.MethodPost, mine, "unknown", ping, http.StatusNotFound},
		{"in somebody else's", http.MethodPost, theirs, session, ping, http.StatusNotFound},
		{"a stream of an unknown one", http.MethodGet, mine, "unknown", "", http.StatusNotFound},
		{"ending somebody else's", http.MethodDelete, theirs, session, "", http.StatusNotFound},
		{"with a method of its own", http.MethodPut, mine, session, ping, http.StatusMethodNotAllowed},
		// One byte too many, not more: what is left unread may reset the connection before the answer is read.
		{"with more than 4 MiB", http.MethodPost, mine, session, strings.Repeat(" ", 4<<20+1), http.StatusRequestEntityTooLarge},
		{"ending it", http.MethodDelete, mine, session, "", http.StatusNoContent},
		{"after its end", http.MethodPost, mine, session, ping, http.StatusNotFound},
	}
	for _, tt := range tests {
		if got := send(tt.method, tt.access, tt.session, tt.body); got != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestTheEndOfASessionEndsItsStream(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	access := p.mustTokens(ada, nil).Access
	resp, _ := p.initialize(access)
	session := resp.Header.Get("Mcp-Session-Id")
	r := p.request(http.MethodGet, d.URL(), nil)
	p.inSession(r, access, session)
	stream, err := p.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Body.Close() }()
	lines := bufio.NewScanner(stream.Body)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), ":") {
		t.Fatalf("the stream begins with %q", lines.Text())
	}
	end := p.request(http.MethodDelete, d.URL(), nil)
	p.inSession(end, access, session)
	p.do(end)
	for lines.Scan() { // ends with the stream; the client has a deadline
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream did not end well: %v", err)
	}
}
