package remote_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"drawbridge/bridge/remote"
)

// balanced is a server that names its machine in a cookie with initialize, and
// notes the cookies that it gets.
func balanced(t *testing.T, set func(n int, h http.Header)) (url string, seen func() []string) {
	var got []string
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got = append(got, r.Header.Get("Cookie"))
		if strings.Contains(string(raw), "initialize") {
			n++
			set(n, w.Header())
			w.Header().Set("Mcp-Session-Id", "s")
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string { return got }
}

const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize"}`

func opens(t *testing.T, c *remote.Conn) {
	t.Helper()
	if err := c.Open(t.Context(), []byte(initialize), func([]byte) bool { return true }); err != nil {
		t.Fatal(err)
	}
}

// A cookie goes with all that belongs to the session, and neither into the next
// one nor to another server, though they share an HTTP client and a host.
func TestCookiesStayWithTheirSession(t *testing.T) {
	machine := func(n int, h http.Header) { h.Set("Set-Cookie", fmt.Sprintf("machine=%d; Path=/; HttpOnly", n)) }
	url, seen := balanced(t, machine)
	otherURL, otherSeen := balanced(t, func(int, http.Header) {})
	client := remote.NewHTTP()
	defer client.CloseIdleConnections()
	c := remote.NewConn(remote.Config{URL: url, Bearer: token{}, HTTP: client})
	other := remote.NewConn(remote.Config{URL: otherURL, Bearer: token{}, HTTP: client})
	for range 2 {
		opens(t, c)
		opens(t, other)
		for _, conn := range []*remote.Conn{c, other} {
			if _, err := post(conn); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := strings.Join(seen(), "|"); got != "|machine=1||machine=2" {
		t.Errorf("the server got the cookies %q", got)
	}
	if got := strings.Join(otherSeen(), ""); got != "" {
		t.Errorf("another server got the cookies %q", got)
	}
	if client.Jar != nil {
		t.Error("the HTTP client that is shared keeps cookies")
	}
}

// A server that sets more cookies than there can be a use for does not fill the
// memory, nor its own requests.
func TestCookiesAreBounded(t *testing.T) {
	url, seen := balanced(t, func(_ int, h http.Header) {
		h.Add("Set-Cookie", "long="+strings.Repeat("x", 5000))
		for i := range 200 {
			h.Add("Set-Cookie", fmt.Sprintf("c%d=1", i))
		}
	})
	client := remote.NewHTTP()
	defer client.CloseIdleConnections()
	c := remote.NewConn(remote.Config{URL: url, Bearer: token{}, HTTP: client})
	opens(t, c)
	if _, err := post(c); err != nil {
		t.Fatal(err)
	}
	got := seen()[1]
	if n := strings.Count(got, "="); n != 50 || strings.Contains(got, "long") {
		t.Errorf("%d cookies came back, want 50: %.200s", n, got)
	}
}

// The HTTP+SSE transport keeps them, too: its messages go to another address than
// its stream.
func TestCookiesOfTheOlderTransport(t *testing.T) {
	got := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			got <- r.Header.Get("Cookie")
			w.WriteHeader(http.StatusAccepted)
			return
		}
		w.Header().Set("Set-Cookie", "machine=1; Path=/")
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: endpoint\ndata: /messages\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	client := remote.NewHTTP()
	l := remote.NewLegacy(remote.Config{URL: s.URL + "/sse", Bearer: token{}, HTTP: client})
	t.Cleanup(func() {
		l.Delete(t.Context(), 0)
		client.CloseIdleConnections()
		s.CloseClientConnections()
		s.Close()
	})
	go func() { _ = l.Open(t.Context(), []byte(initialize), func([]byte) bool { return true }) }()
	if cookie := <-got; cookie != "machine=1" {
		t.Errorf("the server got the cookie %q", cookie)
	}
}
