package remote_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/remote"
	"drawbridge/bridge/secret"
)

// token is the bearer of these tests.
type token struct{}

func (token) Bearer(context.Context) (secret.String, error) { return secret.New("t0ken"), nil }

const (
	ask    = `{"jsonrpc":"2.0","id":1,"method":"x"}`
	answer = `{"jsonrpc":"2.0","id":1,"result":{}}`
)

func dial(t *testing.T, h http.Handler) (*remote.Conn, *httptest.Server) {
	t.Helper()
	s := httptest.NewServer(h)
	client := remote.NewHTTP()
	t.Cleanup(func() {
		client.CloseIdleConnections()
		s.CloseClientConnections()
		s.Close()
	})
	return remote.NewConn(remote.Config{URL: s.URL, Bearer: token{}, HTTP: client}), s
}

func post(c *remote.Conn) (got string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = c.Post(ctx, []byte(ask), func(raw []byte) bool {
		got = string(raw)
		return true
	})
	return got, err
}

// A redirect within the origin is followed with method and body; any other is
// an error, and the token goes nowhere else.
func TestRedirects(t *testing.T) {
	leaked := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		leaked <- r.Header.Get("Authorization")
	}))
	defer other.Close()
	for _, tt := range []struct {
		name, to string
		status   int
		follows  bool
	}{
		{"307 within the origin", "/new", 307, true},
		{"308 within the origin", "/new", 308, true},
		{"301 would become a GET", "/new", 301, false},
		{"303 would become a GET", "/new", 303, false},
		{"another port", other.URL + "/new", 307, false},
		{"another scheme", "$TLS", 307, false},
		{"in circles", "/old", 307, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.to == "$TLS" {
					tt.to = "https://" + r.Host + "/new"
				}
				if r.URL.Path != "/new" {
					w.Header().Set("Location", tt.to)
					w.WriteHeader(tt.status)
					return
				}
				body, _ := io.ReadAll(r.Body)
				if r.Method != http.MethodPost || string(body) != ask || r.Header.Get("Authorization") != "Bearer t0ken" {
					t.Errorf("%s %q with %q", r.Method, body, r.Header.Get("Authorization"))
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, answer)
			}))
			got, err := post(c)
			var refused *remote.StatusError
			switch {
			case tt.follows && (err != nil || got != answer):
				t.Errorf("Post = %q, %v", got, err)
			case !tt.follows && (!errors.As(err, &refused) || refused.Status != tt.status || refused.Location != tt.to):
				t.Errorf("Post = %v (%+v)", err, refused)
			}
		})
	}
	if len(leaked) != 0 {
		t.Errorf("another origin was asked, with %q", <-leaked)
	}
}

// A server that answers each request with a stream, as most do: calls one after
// another share a connection.
func TestStreamedAnswersShareAConnection(t *testing.T) {
	var conns sync.Map
	var n atomic.Int32
	c, _ := dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, known := conns.LoadOrStore(r.RemoteAddr, true); !known {
			n.Add(1)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: message\ndata: "+answer+"\n\n")
		w.(http.Flusher).Flush()
		time.Sleep(5 * time.Millisecond) // the end comes a little later
	}))
	for range 20 {
		if got, err := post(c); err != nil || got != answer {
			t.Fatalf("Post = %q, %v", got, err)
		}
	}
	if n.Load() > 2 {
		t.Errorf("20 calls took %d connections", n.Load())
	}
}

// A server that keeps the stream open after the response holds nobody up.
func TestStreamThatStaysOpenAfterTheResponse(t *testing.T) {
	c, _ := dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: "+answer+"\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	begun := time.Now()
	if got, err := post(c); err != nil || got != answer {
		t.Fatalf("Post = %q, %v", got, err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("Post took %v", took)
	}
}

// A server that opens the standalone stream and ends it at once, again and
// again, is asked less and less.
func TestStreamThatIsOfNoUseIsAskedForSeldom(t *testing.T) {
	var gets atomic.Int32
	c, _ := dial(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		gets.Add(1)
		w.Header().Set("Content-Type", "text/event-stream")
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
	defer cancel()
	_ = c.Listen(ctx, nil, func([]byte) {})
	if n := gets.Load(); n > 3 { // after 0, 1 and 3 s
		t.Errorf("%d requests in 4.5 s", n)
	}
}

func TestStreamThatIsNoStreamIsGivenUp(t *testing.T) {
	var gets atomic.Int32
	c, _ := dial(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		gets.Add(1)
		_, _ = io.WriteString(w, "<html>hello</html>")
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := c.Listen(ctx, nil, func([]byte) {}); !errors.Is(err, remote.ErrContentType) || gets.Load() != 1 {
		t.Errorf("Listen = %v after %d requests", err, gets.Load())
	}
}

// The machine slept, or changed networks: the kept HTTP/2 connection is dead and
// nobody says so. A call must find out, and not hang for a quarter of an hour.
func TestDeadConnectionIsFound(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	proxy := newBlackhole(t, s.Listener.Addr().String())
	client := remote.NewHTTP()
	defer client.CloseIdleConnections()
	transport := remote.TransportOf(client)
	transport.TLSClientConfig = &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"}
	if transport.HTTP2 == nil || transport.HTTP2.SendPingTimeout == 0 || transport.HTTP2.SendPingTimeout > 30*time.Second {
		t.Fatalf("no pings: %+v", transport.HTTP2)
	}

	transport.HTTP2.SendPingTimeout, transport.HTTP2.PingTimeout = 200*time.Millisecond, 200*time.Millisecond
	c := remote.NewConn(remote.Config{URL: "https://" + proxy.addr, Bearer: token{}, HTTP: client})
	if _, err := post(c); err != nil {
		t.Fatal(err)
	}
	proxy.swallow.Store(true)
	begun := time.Now()
	if _, err := post(c); err == nil || time.Since(begun) > 3*time.Second {
		t.Errorf("Post over a dead connection = %v after %v", err, time.Since(begun))
	}
	proxy.swallow.Store(false)
	if _, err := post(c); err != nil {
		t.Errorf("Post over a new connection = %v", err)
	}
}

// blackhole passes bytes on; connections that live when it begins to swallow
// lose all that comes later.
type blackhole struct {
	addr    string
	swallow atomic.Bool
}

func newBlackhole(t *testing.T, to string) *blackhole {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &blackhole{addr: l.Addr().String()}
	var work sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		work.Wait()
	})
	work.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				return
			}
			mu.Lock()
			conns = append(conns, in, out)
			mu.Unlock()
			dead := &atomic.Bool{}
			pass := func(dst, src net.Conn) {
				buf := make([]byte, 32<<10)
				for {
					n, err := src.Read(buf)
					if err != nil {
						return
					}
					if b.swallow.Load() {
						dead.Store(true)
					}
					if !dead.Load() {
						_, _ = dst.Write(buf[:n])
					}
				}
			}
			work.Go(func() { pass(out, in) })
			work.Go(func() { pass(in, out) })
		}
	})
	return b
}

// A server says when to come back for the rest of a stream.
func TestRetryTimeIsKept(t *testing.T) {
	for retry, want := range map[int][2]time.Duration{10: {0, 500 * time.Millisecond}, 1500: {1500 * time.Millisecond, 3 * time.Second}} {
		t.Run(strconv.Itoa(retry), func(t *testing.T) {
			c, _ := dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				if r.Method == http.MethodPost {
					_, _ = io.WriteString(w, "id: 1\nretry: "+strconv.Itoa(retry)+"\ndata:\n\n")
					return
				}
				_, _ = io.WriteString(w, "data: "+answer+"\n\n")
			}))
			begun := time.Now()
			if got, err := post(c); err != nil || got != answer {
				t.Fatalf("Post = %q, %v", got, err)
			}
			if took := time.Since(begun); took < want[0] || took > want[1] {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestAnswerThatIsTooLarge(t *testing.T) {
	c, _ := dial(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		part := bytes.Repeat([]byte(" "), 1<<20)
		for range remote.MaxMessage>>20 + 1 {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	}))
	if _, err := post(c); !errors.Is(err, remote.ErrTooLarge) {
		t.Errorf("Post = %v", err)
	}
}

// What the server says goes into headers of later requests; it cannot add any.
func TestSessionAndEventIDsAddNoHeader(t *testing.T) {
	var seen []string
	c, _ := dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("X-Evil"))
		w.Header().Set("Mcp-Session-Id", "s1")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	if err := c.Open(t.Context(), []byte(ask), func([]byte) bool { return true }); err != nil {
		t.Fatal(err)
	}
	c.SetVersion("2025-06-18\r\nX-Evil: 1")
	got, err := post(c)
	if strings.Join(seen, "") != "" {
		t.Errorf("a header was added: %q", seen)
	}
	if err != nil || got != answer {
		t.Errorf("an odd version makes the server unusable: %v", err)
	}
}
