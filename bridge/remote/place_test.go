package remote_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"drawbridge/bridge/remote"
	"drawbridge/bridge/secret"
	"drawbridge/test/pipes"
)

// awaited is a bearer whose token is long in coming for requests with the key.
type awaited struct {
	token
	come chan struct{}
}

type lateKey struct{}

func (a awaited) Bearer(ctx context.Context) (secret.String, error) {
	if ctx.Value(lateKey{}) != nil {
		<-a.come
	}
	return a.token.Bearer(ctx)
}

// Beside a handshake calls go on in the earlier session, which refuses them; the new
// one gets them when it takes them.
func TestCallsAreOfTheNewSessionAfterItsHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := pipes.New()
		opened, got := 0, ""
		s := &httptest.Server{Listener: n, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if got = r.Header.Get("Mcp-Session-Id") + r.Header.Get("Mcp-Protocol-Version"); got == "" {
				opened++
				w.Header().Set("Mcp-Session-Id", fmt.Sprintf("s%d", opened))
			}
			_, _ = io.WriteString(w, answer)
		})}}
		s.Start()
		defer s.Close()
		client := remote.NewHTTPOver(n.Transport())
		defer client.CloseIdleConnections()
		c := remote.NewConn(remote.Config{URL: s.URL, Bearer: token{}, HTTP: client})
		send := func(ctx context.Context, post func(context.Context, []byte, remote.Deliver) error, want string) {
			t.Helper()
			if err := post(ctx, []byte(ask), func([]byte) bool { return true }); err != nil || got != want {
				t.Errorf("sent in %q, want %q (%v)", got, want, err)
			}
		}
		send(t.Context(), c.Open, "")
		c.SetVersion("v1")
		var h remote.Handshake
		h.Done() // of nothing
		ctx := remote.WithHandshake(t.Context(), &h)
		send(ctx, c.Open, "")
		send(t.Context(), c.Post, "s1v1")
		c.SetVersion("v2")
		send(ctx, c.Post, "s2v2")
		send(t.Context(), c.Post, "s1v1")
		h.Done()
		send(t.Context(), c.Post, "s2v2")
		send(ctx, c.Post, "s2v2")
	})
}

// A call that waits for its token belongs to the session in which it was made: one
// that was opened meanwhile may not have been told `initialized` yet.
func TestACallThatWaitsForItsTokenStaysInItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := pipes.New()
		opened := 0
		s := &httptest.Server{Listener: n, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if in := r.Header.Get("Mcp-Session-Id"); in != "" {
				if version := r.Header.Get("Mcp-Protocol-Version"); in != "s1" || version != "v1" {
					t.Errorf("the call is of session %q, version %q", in, version)
				}
			} else {
				opened++
				w.Header().Set("Mcp-Session-Id", fmt.Sprintf("s%d", opened))
			}
			_, _ = io.WriteString(w, answer)
		})}}
		s.Start()
		defer s.Close()
		client := remote.NewHTTPOver(n.Transport())
		defer client.CloseIdleConnections()
		a := awaited{come: make(chan struct{})}
		c := remote.NewConn(remote.Config{URL: s.URL, Bearer: a, HTTP: client})
		take := func([]byte) bool { return true }
		if err := c.Open(t.Context(), []byte(ask), take); err != nil {
			t.Fatal(err)
		}
		c.SetVersion("v1")
		called := make(chan error, 1)
		go func() { called <- c.Post(context.WithValue(t.Context(), lateKey{}, true), []byte(ask), take) }()
		synctest.Wait()
		if err := c.Open(t.Context(), []byte(ask), take); err != nil {
			t.Fatal(err)
		}
		close(a.come)
		if err := <-called; err != nil || opened != 2 {
			t.Errorf("Post = %v, %d sessions", err, opened)
		}
	})
}
