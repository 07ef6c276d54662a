// Package remote speaks MCP over Streamable HTTP to one remote server: it posts
// messages, reads the JSON or SSE that answers them, keeps the standalone GET
// stream, and carries the session id and protocol version.
//
// Messages are bytes here. It asks for a bearer token and hands back a refusal
// as a *Challenge; it must not know OAuth, nor who the client is.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"drawbridge/bridge/secret"
)

// MaxMessage bounds one message of a server, in bytes.
const MaxMessage = 128 << 20

// Bearer gives the token for a request; the empty secret means none. One that is
// a Prover too can give tokens that are bound to a key.
type Bearer interface {
	Bearer(ctx context.Context) (secret.String, error)
}

// Config is what a Conn needs. URL and Bearer are required.
type Config struct {
	URL    string
	Bearer Bearer
	// Headers go with each request; Authorization among them is overruled by a
	// bearer token.
	Headers map[string]string
	// MoreHeaders gives more of them for each request; nil: none. Its error is the
	// request's.
	MoreHeaders func() (map[string]string, error)
	// HTTP is the client; its Timeout must be zero, for streams last. See NewHTTP.
	HTTP      *http.Client
	UserAgent string
	Log       *slog.Logger
}

// Conn is one session with one server. It is safe for concurrent use.
type Conn struct {
	url         string
	bearer      Bearer
	headers     map[string]string
	moreHeaders func() (map[string]string, error)
	http        *http.Client
	userAgent   []string      // nil: net/http's own
	blank       *http.Request // to copy; nil: the address is none
	log         *slog.Logger

	mu    sync.Mutex
	place place
	next  *place        // of the session that a handshake is opening; nil: none
	last  secret.String // the token that the last request carried
}

// NewConn makes a Conn; nothing is sent yet.
func NewConn(c Config) *Conn {
	conn := &Conn{url: c.URL, bearer: c.Bearer, headers: c.Headers, moreHeaders: c.MoreHeaders, http: c.HTTP, userAgent: headerValue(c.UserAgent), log: c.Log, place: place{kept: newCookies(c.URL)}}
	conn.blank, _ = http.NewRequest(http.MethodPost, c.URL, nil) // else each request says why not
	if conn.http == nil {
		conn.http = NewHTTP()
	}
	if p, ok := c.Bearer.(Prover); ok {
		conn.http = proving(conn.http, p)
	}
	if conn.log == nil {
		conn.log = slog.New(slog.DiscardHandler)
	}
	return conn
}

// NewHTTP makes an HTTP client for streams: no overall timeout, many requests
// at once to one host, and redirects only within the origin with method and
// body kept, so that a token never reaches another one.
func NewHTTP() *http.Client { return NewHTTPOver(http.DefaultTransport.(*http.Transport)) }

// NewHTTPOver is NewHTTP with the trust, proxy and dialling of a transport, which
// is copied.
func NewHTTPOver(base *http.Transport) *http.Client {
	return &http.Client{CheckRedirect: sameOrigin, Transport: newLasting(func() *http.Transport {
		t := wired(base.Clone())
		t.MaxIdleConnsPerHost = 64
		t.MaxIdleConns = 128
		t.HTTP2 = pinged()
		return t
	})}
}

// NewHTTPForMany is NewHTTPOver for many sessions at one server: what the server
// says of its own accord comes over connections of a kind of its own, with buffers as small
// as the little that comes there.
func NewHTTPForMany(base *http.Transport) *http.Client {
	c := NewHTTPOver(base)
	c.Transport = apart{posts: c.Transport.(*lasting), gets: newLasting(func() *http.Transport {
		t := base.Clone()
		t.ReadBufferSize, t.WriteBufferSize = 512, 512
		t.HTTP2 = pinged()
		return t
	})}
	return c
}

// pinged says that a connection in use may be dead without a word, too: the network changed.
// Without pings a request over it hangs for a quarter of an hour. For
// HTTP/1.1 the dialler sees to it.
func pinged() *http.HTTP2Config {
	return &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second}
}

// apart keeps streams and messages on connections of different kinds.
type apart struct{ posts, gets *lasting }

// RoundTrip implements http.RoundTripper.
func (a apart) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodGet {
		return a.gets.RoundTrip(req)
	}
	return a.posts.RoundTrip(req)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (a apart) CloseIdleConnections() {
	a.posts.CloseIdleConnections()
	a.gets.CloseIdleConnections()
}

func sameOrigin(req *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > 3 || req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host || req.Method != first.Method {
		return http.ErrUseLastResponse
	}
	return nil
}

// Challenge is a server's refusal for want of a token or of rights: 401 or 403.
type Challenge struct {
	Status int
	// Header holds the WWW-Authenticate headers.
	Header []string
	// Token is the one that was refused; empty when none was sent.
	Token secret.String
	// Body is the start of the answer.
	Body []byte
	// Session reports whether the request carried a session id.
	Session bool
}

// Error implements error.
func (c *Challenge) Error() string { return fmt.Sprintf("server answered HTTP %d", c.Status) }

// StatusError is any other answer that is not a success.
type StatusError struct {
	Status int
	// Body is the start of the answer, at most 64 KiB.
	Body []byte
	// Location is where a redirect pointed that was not followed.
	Location string
	// Session reports whether the request carried a session id: 404 then means
	// that the session is gone (MCP 2025-03-26, session management).
	Session bool
}

// Error implements error.
func (e *StatusError) Error() string { return fmt.Sprintf("server answered HTTP %d", e.Status) }

// Errors of Post and Listen.
var (
	// ErrNoAnswer means that the server ended its answer without the response, or
	// that the connection broke before there was one: the server may have acted on
	// the message.
	ErrNoAnswer = errors.New("the server's answer ended without a response")
	// ErrContentType means that the answer is neither JSON nor an event stream.
	ErrContentType = errors.New("the server answered with an unexpected content type")
	// ErrTooLarge means that a message of the server exceeds MaxMessage.
	ErrTooLarge = errors.New("the server's message is too large")
	// ErrGone means that the session has ended and the message was not sent.
	ErrGone = errors.New("the session at the server has ended")
	// ErrNoStream means that the server offers no standalone stream (405).
	ErrNoStream = errors.New("the server offers no GET stream")
)

// Deliver takes one message of the server as the bytes that came, and reports
// whether it was the response that the request waits for.
type Deliver func(raw []byte) (isResponse bool)

// newRequest makes a request with a token and the session and version of the
// moment: of before the wait for the token, in which another session may have been
// opened that does not take requests yet.
func (c *Conn) newRequest(ctx context.Context, method string, body []byte) (*http.Request, secret.String, error) {
	in := c.here(ctx)
	token, err := c.bearer.Bearer(ctx)
	if err != nil {
		return nil, token, err
	}
	req, err := c.requestTo(ctx, in, token, method, c.url, body)
	return req, token, err
}

// requestTo makes a request to an address of the server's origin.
func (c *Conn) requestTo(ctx context.Context, in place, token secret.String, method, address string, body []byte) (*http.Request, error) {
	if body != nil {
		ctx = follow(ctx)
	}
	req, err := c.plainRequest(ctx, method, address)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	if body != nil {
		carry(req, body)
	}
	for k, v := range c.headers {
		req.Header.Set(k, v)
	}
	if c.moreHeaders != nil {
		more, err := c.moreHeaders()
		if err != nil {
			return nil, err
		}
		for k, v := range more {
			req.Header.Set(k, v)
		}
	}
	if c.userAgent != nil {
		req.Header["User-Agent"] = c.userAgent
	}
	if !token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = token
	if in.session != nil {
		req.Header["Mcp-Session-Id"] = in.session
	}
	if in.version != nil {
		req.Header["Mcp-Protocol-Version"] = in.version
	}
	return req, nil
}

// plainRequest is http.NewRequestWithContext, which does not take the address of
// the server apart for each call anew.
func (c *Conn) plainRequest(ctx context.Context, method, address string) (*http.Request, error) {
	if c.blank == nil || address != c.url {
		return http.NewRequestWithContext(ctx, method, address, nil)
	}
	req := c.blank.WithContext(ctx)
	req.Method, req.Header = method, make(http.Header, 8)
	return req, nil
}

// headerValue is the value of a header that many requests share; nobody changes
// it. nil: the header is left out.
func headerValue(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// refusal turns an answer that is not a success into an error.
func refusal(resp *http.Response, token secret.String) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
		return &Challenge{Status: resp.StatusCode, Header: resp.Header.Values("WWW-Authenticate"), Token: token, Body: body, Session: inSession(resp)}
	}
	return &StatusError{
		Status: resp.StatusCode, Body: body, Location: resp.Header.Get("Location"),
		Session: inSession(resp),
	}
}

func inSession(resp *http.Response) bool { return resp.Request.Header.Get("Mcp-Session-Id") != "" }

// inHeader reports whether a server's word can stand in a header of ours.
func inHeader(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f })
}

func contentType(resp *http.Response) string {
	switch t := resp.Header.Get("Content-Type"); t {
	case "application/json", "text/event-stream": // as good as always
		return t
	}
	t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		t, _, _ = strings.Cut(resp.Header.Get("Content-Type"), ";")
	}
	return strings.ToLower(strings.TrimSpace(t))
}

// Delete ends the session at the server, best effort, within limit. A server
// that answers 405 keeps sessions as it likes. It goes with the token of the
// last request: a renewal only to say goodbye would hold up the end.
func (c *Conn) Delete(ctx context.Context, limit time.Duration) {
	c.mu.Lock()
	in, token := c.place, c.last
	if c.next != nil { // the one before is gone
		in = *c.next
	}
	c.mu.Unlock()
	if in.session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := c.requestTo(ctx, in, token, http.MethodDelete, c.url, nil)
	if err != nil {
		return
	}
	resp, err := c.with(in.kept).Do(req)
	if err != nil {
		c.log.Debug("session not deleted", "error", err)
		return
	}
	_ = resp.Body.Close()
}
