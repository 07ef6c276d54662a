package remote_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/remote"
	"drawbridge/bridge/secret"
	"drawbridge/test/pipes"
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

// piped is dial in a bubble of synctest: time is the test's own.
func piped(t *testing.T, h http.HandlerFunc, with ...func(*http.Server)) *remote.Conn {
	t.Helper()
	n := pipes.New()
	s := &httptest.Server{Listener: n, Config: &http.Server{Handler: h}}
	for _, change := range with {
		change(s.Config)
	}
	s.Start()
	client := remote.NewHTTPOver(n.Transport())
	t.Cleanup(func() {
		client.CloseIdleConnections()
		s.CloseClientConnections()
		s.Close()
	})
	return remote.NewConn(remote.Config{URL: s.URL, Bearer: token{}, HTTP: client})
}

// post's limit is for a call that hangs; for none a slow machine needs as long.
func post(c *remote.Conn) (got string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
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
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		c := piped(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "event: message\ndata: "+answer+"\n\n")
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond) // the end comes a little later
		}, func(s *http.Server) {
			s.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					n.Add(1)
				}
			}
		})
		for range 20 {
			if got, err := post(c); err != nil || got != answer {
				t.Fatalf("Post = %q, %v", got, err)
			}
		}
		if n.Load() != 1 {
			t.Errorf("20 calls took %d connections", n.Load())
		}
	})
}

// A server that keeps the stream open after the response holds nobody up.
func TestStreamThatStaysOpenAfterTheResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := piped(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: "+answer+"\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		begun := time.Now()
		if got, err := post(c); err != nil || got != answer {
			t.Fatalf("Post = %q, %v", got, err)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("Post took %v", took)
		}
	})
}

// A server that opens the standalone stream and ends it at once, again and
// again, is asked less and less.
func TestStreamThatIsOfNoUseIsAskedForSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gets atomic.Int32
		c := piped(t, func(w http.ResponseWriter, _ *http.Request) {
			gets.Add(1)
			w.Header().Set("Content-Type", "text/event-stream")
		})
		ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
		defer cancel()
		_ = c.Listen(ctx, nil, func([]byte) {})
		if n := gets.Load(); n != 3 { // after 0, 1 and 3 s
			t.Errorf("%d requests in 4.5 s", n)
		}
	})
}

func TestStreamThatIsNoStreamIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gets atomic.Int32
		c := piped(t, func(w http.ResponseWriter, _ *http.Request) {
			gets.Add(1)
			_, _ = io.WriteString(w, "<html>hello</html>")
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := c.Listen(ctx, nil, func([]byte) {}); !errors.Is(err, remote.ErrContentType) || gets.Load() != 1 {
			t.Errorf("Listen = %v after %d requests", err, gets.Load())
		}
	})
}

// The machine slept, or changed networks: the kept HTTP/2 connection is dead and
// nobody says so. A call must find out, and not hang for a quarter of an hour.
func TestDeadConnectionIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := pipes.New()
		s := &httptest.Server{Listener: n, EnableHTTP2: true, Config: &http.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, answer)
			}),
		}}
		s.StartTLS()
		defer s.Close()
		var newest *silenced
		over := s.Client().Transport.(*http.Transport).Clone()
		over.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			near, _, err := n.Connect(ctx)
			newest = &silenced{Conn: near}
			return newest, err
		}
		client := remote.NewHTTPOver(over)
		defer client.CloseIdleConnections()
		c := remote.NewConn(remote.Config{URL: "https://example.com", Bearer: token{}, HTTP: client})
		if _, err := post(c); err != nil {
			t.Fatal(err)
		}
		newest.dead.Store(true)
		begun := time.Now()
		if _, err := post(c); err == nil || time.Since(begun) > 30*time.Second {
			t.Errorf("Post over a dead connection = %v after %v", err, time.Since(begun))
		}
		if _, err := post(c); err != nil {
			t.Errorf("Post over a new connection = %v", err)
		}
	})
}

// silenced is a connection that may come to swallow what is said.
type silenced struct {
	net.Conn
	dead atomic.Bool
}

func (s *silenced) Write(p []byte) (int, error) {
	if s.dead.Load() {
		return len(p), nil
	}
	return s.Conn.Write(p)
}

// A server says when to come back for the rest of a stream.
func TestRetryTimeIsKept(t *testing.T) {
	for _, retry := range []int{10, 1500} {
		t.Run(strconv.Itoa(retry), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := piped(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "text/event-stream")
					if r.Method == http.MethodPost {
						_, _ = io.WriteString(w, "id: 1\nretry: "+strconv.Itoa(retry)+"\ndata:\n\n")
						return
					}
					_, _ = io.WriteString(w, "data: "+answer+"\n\n")
				})
				begun := time.Now()
				if got, err := post(c); err != nil || got != answer {
					t.Fatalf("Post = %q, %v", got, err)
				}
				if took := time.Since(begun); took != time.Duration(retry)*time.Millisecond {
					t.Errorf("it took %v", took)
				}
			})
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
