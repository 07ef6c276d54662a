package remote_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"drawbridge/bridge/remote"
	"drawbridge/test/pipes"
)

// gated is a connection whose writes wait while the gate is closed.
type gated struct {
	net.Conn
	gate chan struct{} // holds one: open
	n    *atomic.Int32
}

func (g gated) Write(p []byte) (int, error) {
	g.gate <- <-g.gate
	g.n.Add(1)
	return g.Conn.Write(p)
}

// course counts what it is told.
type course struct {
	written, answered, left atomic.Int32
	n                       *atomic.Int32 // writes to the connection
}

func (c *course) Written() {
	c.written.Add(1)
	c.left.Store(c.n.Load())
}
func (c *course) Answered() { c.answered.Add(1) }

// Who closes the connection when a message is written must not take it back.
func TestAMessageIsWrittenWhenItHasLeft(t *testing.T) {
	for _, test := range []struct {
		name        string
		secure, two bool
		size        int
	}{
		{name: "in one piece"},
		{name: "almost too big for that", size: 3000},
		{name: "in pieces", size: 100_000},
		{name: "TLS", secure: true},
		{name: "TLS, of several packets", secure: true, size: 3000},
		{name: "TLS in pieces", secure: true, size: 100_000},
		{name: "HTTP2", secure: true, two: true},
		{name: "HTTP2 in pieces", secure: true, two: true, size: 100_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := pipes.New()
				s := &httptest.Server{Listener: n, EnableHTTP2: test.two, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					w.Header().Set("Content-Type", "application/json")
					_, _ = io.WriteString(w, answer)
				})}}
				if test.secure {
					s.StartTLS()
				} else {
					s.Start()
				}
				defer s.Close()
				gate := make(chan struct{}, 1)
				gate <- struct{}{}
				var writes atomic.Int32
				over := n.Transport()
				dial := over.DialContext
				over.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := dial(ctx, network, address)
					return gated{conn, gate, &writes}, err
				}
				over.ForceAttemptHTTP2 = test.two
				over.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
				client := remote.NewHTTPOver(over)
				defer client.CloseIdleConnections()
				c := remote.NewConn(remote.Config{URL: s.URL, Bearer: token{}, HTTP: client})
				if _, err := post(c); err != nil { // shakes hands
					t.Fatal(err)
				}
				raw := strings.Replace(ask, "x", strings.Repeat("x", 1+test.size), 1)
				for range 2 {
					far := course{n: &writes}
					<-gate
					sent := make(chan error, 1)
					go func() {
						sent <- c.Post(remote.WithCourse(t.Context(), &far), []byte(raw), func([]byte) bool { return true })
					}()
					synctest.Wait()
					if far.written.Load() != 0 {
						t.Error("written, and nothing has left")
					}
					gate <- struct{}{}
					if err := <-sent; err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
					if w, a := far.written.Load(), far.answered.Load(); w != 1 || a != 1 {
						t.Errorf("written %d times, answered %d times", w, a)
					}
					if all, left := writes.Load(), far.left.Load(); left != all && !test.two { // where other words go, too
						t.Errorf("written with %d of %d writes", left, all)
					}
				}
			})
		})
	}
}
