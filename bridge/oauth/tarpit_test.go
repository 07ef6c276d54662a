package oauth

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// tarpit is a listener on loopback that takes each request and never comes to the
// end of its answer. It hangs up on nobody: whoever has had enough does.
type tarpit struct {
	URL     string
	written atomic.Int64 // bytes
	stayed  atomic.Bool  // a connection was open until forEver
	conns   sync.WaitGroup
}

// forEver is how long a connection is held at the most. It is what the wrong
// behaviour takes, far longer than the right one on the busiest machine.
const forEver = 10 * time.Minute

func newTarpit(t *testing.T, answer func(net.Conn) error) *tarpit {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tarpit{URL: "http://" + l.Addr().String()}
	p.conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.conns.Go(func() {
				defer func() { _ = conn.Close() }()
				// Only against a test that would wait for ever: it fails by then.
				_ = conn.SetDeadline(time.Now().Add(forEver))
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					p.stayed.CompareAndSwap(false, errors.Is(answer(counted{conn, &p.written}), os.ErrDeadlineExceeded))
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.conns.Wait()
		if p.stayed.Load() {
			t.Error("a connection stayed open")
		}
	})
	return p
}

type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.n.Add(int64(n))
	return n, err
}

const headOfJSON = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

// drip writes one byte every few milliseconds, until the reader hangs up.
func drip(w net.Conn, head string) error {
	_, err := io.WriteString(w, head)
	for ; err == nil; time.Sleep(20 * time.Millisecond) {
		_, err = io.WriteString(w, "x")
	}
	return err
}

// hold waits until the reader hangs up.
func hold(w net.Conn, head string) error {
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, w)
	return err
}

// pour writes as fast as it can, until the reader hangs up.
func pour(w net.Conn, piece string) error {
	piece = strings.Repeat(piece, 1+(64<<10)/len(piece))
	for {
		if _, err := io.WriteString(w, piece); err != nil {
			return err
		}
	}
}

// packed is a piece of JSON that is a thousand times as large when unpacked. One
// after the other they are a gzip stream without end.
func packed(t *testing.T) string {
	t.Helper()
	var piece bytes.Buffer
	zip := gzip.NewWriter(&piece)
	if _, err := io.WriteString(zip, strings.Repeat(" ", 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return piece.String()
}

// TestSlowAndEndlessAnswersOverTCP: whatever is asked of an authorization server,
// over real sockets and by the real clock, has an end: within its deadline, and
// within its size, however it was packed. The connection is closed and the reason
// says who it was.
func TestSlowAndEndlessAnswersOverTCP(t *testing.T) {
	const deadline = 300 * time.Millisecond
	bomb := packed(t)
	inTime, tooLong := "did not answer in time", "over 1048576 bytes"
	for name, how := range map[string]struct {
		answer func(net.Conn) error
		code   fault.Code
		says   string
	}{
		"no answer":         {func(c net.Conn) error { return hold(c, "") }, fault.Unreachable, inTime},
		"a head in drips":   {func(c net.Conn) error { return drip(c, headOfJSON+"X-More: ") }, fault.Unreachable, inTime},
		"a body in drips":   {func(c net.Conn) error { return drip(c, headOfJSON+"\r\n{") }, fault.Unreachable, inTime},
		"a body that stops": {func(c net.Conn) error { return hold(c, headOfJSON+"Content-Length: 100000\r\n\r\n{\"issuer\":") }, fault.Unreachable, inTime},
		"a body without end": {func(c net.Conn) error {
			_, _ = io.WriteString(c, headOfJSON+"\r\n{\"issuer\":\"")
			return pour(c, "x")
		}, fault.BadMetadata, tooLong},
		"a page without end": {func(c net.Conn) error {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>")
			return pour(c, "<p>")
		}, fault.BadMetadata, tooLong},
		"a bomb of zeros, packed": {func(c net.Conn) error {
			_, _ = io.WriteString(c, headOfJSON+"Content-Encoding: gzip\r\n\r\n")
			return pour(c, bomb)
		}, fault.BadMetadata, tooLong},
		"a head without end": {func(c net.Conn) error {
			_, _ = io.WriteString(c, headOfJSON)
			return pour(c, "X-More: xxxxxxxxxxxxxxxx\r\n")
		}, fault.Unreachable, "does not answer"},
	} {
		for what, do := range map[string]func(context.Context, *Client, string) error{
			"resource metadata": func(ctx context.Context, c *Client, at string) error {
				_, err := c.ResourceMetadata(ctx, at+"/mcp", Challenge{Asked: true, ResourceMetadata: at + "/metadata"})
				return err
			},
			"issuer metadata": func(ctx context.Context, c *Client, at string) error {
				_, err := c.ServerMetadata(ctx, at)
				return err
			},
			"registration": func(ctx context.Context, c *Client, at string) error {
				_, err := c.Register(ctx, ServerMetadata{Issuer: at, RegistrationEndpoint: at + "/register"}, RegistrationRequest{RedirectURI: "http://127.0.0.1/callback"})
				return err
			},
			"exchange": func(ctx context.Context, c *Client, at string) error {
				_, err := c.Exchange(ctx, &Authorization{tokenEndpoint: at + "/token"}, secret.New("code"))
				return err
			},
			"refresh": func(ctx context.Context, c *Client, at string) error {
				_, err := c.Refresh(ctx, RefreshRequest{TokenEndpoint: at + "/token", RefreshToken: secret.New("r")})
				return err
			},
			"device": func(ctx context.Context, c *Client, at string) error {
				_, err := c.StartDevice(ctx, at+"/device", GrantRequest{TokenEndpoint: at + "/token"})
				return err
			},
			"assertion": func(ctx context.Context, c *Client, at string) error {
				_, err := c.IdentityAssertion(ctx, AssertionRequest{TokenEndpoint: at + "/token", IDToken: secret.New("id")})
				return err
			},
			"introspection": func(ctx context.Context, c *Client, at string) error {
				_, err := c.Introspect(ctx, IntrospectRequest{Endpoint: at + "/introspect", Token: secret.New("a")})
				return err
			},
			"userinfo": func(ctx context.Context, c *Client, at string) error {
				_, err := c.Userinfo(ctx, at+"/userinfo", secret.New("a"), nil)
				return err
			},
			"revocation": func(ctx context.Context, c *Client, at string) error {
				return c.Revoke(ctx, RevokeRequest{Endpoint: at + "/revoke", Token: secret.New("a")})
			},
		} {
			t.Run(fmt.Sprintf("%s, %s", what, name), func(t *testing.T) {
				t.Parallel()
				p := newTarpit(t, how.answer)
				c := NewClient(Config{Server: p.URL})
				asked := time.Duration(0)
				c.deadline = func(d time.Duration) time.Duration {
					asked = d
					if how.says != inTime {
						return forEver // by size, not by time
					}
					return deadline
				}
				began := time.Now()
				err := do(t.Context(), c, p.URL)
				if took := time.Since(began); took > forEver/2 {
					t.Errorf("it took %v", took)
				}
				if asked < fetchTimeout || asked > tokenTimeout {
					t.Errorf("its deadline is %v", asked)
				}
				if f := fault.Public(err); !fault.Is(err, how.code) || !strings.Contains(f.What, how.says) || !strings.Contains(f.What, strings.TrimPrefix(p.URL, "http://")) || f.Next == "" {
					t.Errorf("the reason: %v", err)
				}
				if n := p.written.Load(); n > 24<<20 { // with what the kernel holds
					t.Errorf("%d bytes were taken", n)
				}
			})
		}
	}
}
