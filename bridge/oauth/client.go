package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"drawbridge/bridge/fault"
)

const (
	// fetchTimeout bounds one metadata or registration request, body included.
	fetchTimeout = 10 * time.Second
	// tokenTimeout bounds one token request. It is longer than fetchTimeout
	// because an answer that is given up on may have rotated the refresh token,
	// and then only a person can go on.
	tokenTimeout = 30 * time.Second
	// maxBody is how much of an answer is read, in bytes.
	maxBody = 1 << 20
	// maxRedirects is how many redirects of a metadata request are followed.
	maxRedirects = 3
	// protocolVersion goes with metadata requests: servers of 2025-03-26 choose
	// their metadata by it.
	protocolVersion = "2025-11-25"
)

// Config is what a Client is made of.
type Config struct {
	// HTTP gives the transport: TLS settings and proxy. Its cookie jar, redirect
	// policy, timeout and dialling are not used. Nil means the default transport.
	// One that is not an *http.Transport is used as it is: resolved addresses then
	// go unchecked.
	HTTP *http.Client
	// Server is the URL of the MCP server on whose behalf the client works. An
	// address in a private network is reached only for a server that is in one
	// itself. Empty: only Discover, which is told the server, checks that.
	Server string
	// UserAgent is sent with every request.
	UserAgent string
	// NoBrowser says that no person will be sent anywhere: then metadata need
	// neither an authorization endpoint nor PKCE.
	NoBrowser bool
	// Manual is what a person says in the place of metadata.
	Manual Manual
	// AllowHTTP permits http to hosts that are not loopback.
	AllowHTTP bool
	// Log gets one line per request, without secrets. Nil discards.
	Log *slog.Logger
	// Wrap goes around the transport, inside all checks, and sees each request
	// with its secrets: for a trace. Nil wraps nothing.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// Client makes the requests of this package. It holds no state between calls,
// keeps no connection open, and may be used by many goroutines.
type Client struct {
	transport http.RoundTripper
	proxy     func(*http.Request) (*url.URL, error)
	guarded   bool // transport dials with our checks
	resolver  *net.Resolver
	server    string // host of Config.Server
	userAgent string
	allowHTTP bool
	noBrowser bool
	manual    Manual
	log       *slog.Logger
	// For tests; nil is the real clock, and the deadlines as they are.
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	deadline func(time.Duration) time.Duration
}

// NewClient makes a Client.
func NewClient(cfg Config) *Client {
	c := &Client{userAgent: cfg.UserAgent, allowHTTP: cfg.AllowHTTP, noBrowser: cfg.NoBrowser, manual: cfg.Manual, log: cfg.Log, resolver: &net.Resolver{}}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if u, err := url.Parse(cfg.Server); err == nil {
		c.server = hostKey(u.Hostname())
	}
	base := http.DefaultTransport
	if cfg.HTTP != nil && cfg.HTTP.Transport != nil {
		base = cfg.HTTP.Transport
	}
	c.transport = base
	if t, ok := base.(*http.Transport); ok {
		c.transport, c.proxy, c.guarded = c.guardDialling(t), t.Proxy, true
	}
	if cfg.Wrap != nil {
		c.transport = cfg.Wrap(c.transport)
	}
	return c
}

// HTTPClient is an http.Client under the same rules (https or loopback, no
// private address on a public server's word, few redirects, no cookies), for
// fetching the key set that the metadata names.
func (c *Client) HTTPClient() *http.Client { return c.httpClient(reach{server: c.server}, true) }

func (c *Client) httpClient(r reach, redirects bool) *http.Client {
	return &http.Client{
		Transport: &guardedTransport{client: c, reach: r},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			switch {
			case !redirects:
				return http.ErrUseLastResponse
			case len(via) > maxRedirects:
				return fmt.Errorf("more than %d redirects", maxRedirects)
			case via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https":
				return &blockedError{host: req.URL.Host, why: "it is a redirect from https to " + req.URL.Scheme}
			}
			return nil
		},
	}
}

// document is an answer, read whole.
type document struct {
	url    string
	status int
	header http.Header
	body   []byte
}

// get fetches rawURL without any credential.
func (c *Client) get(ctx context.Context, r reach, rawURL string) (*document, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("MCP-Protocol-Version", protocolVersion)
	return c.do(req, r, fetchTimeout)
}

// do sends req once, except that a GET follows redirects, and reads the answer.
// Its errors are *fault.Error, unless ctx was cancelled.
func (c *Client) do(req *http.Request, r reach, timeout time.Duration) (*document, error) {
	return c.doTo(req, r, timeout, req.Method == http.MethodGet)
}

// doTo is do, with or without redirects: what carries a token follows none.
func (c *Client) doTo(req *http.Request, r reach, timeout time.Duration, redirects bool) (*document, error) {
	if c.deadline != nil {
		timeout = c.deadline(timeout)
	}
	ctx, cancel := context.WithTimeout(req.Context(), timeout)
	defer cancel()
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	began := time.Now()
	resp, err := c.httpClient(r, redirects).Do(req.WithContext(ctx))
	if err != nil {
		c.log.Debug("oauth request", "method", req.Method, "url", withoutQuery(req.URL), "error", err)
		return nil, fetchFault(req, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	c.log.Debug("oauth request", "method", req.Method, "url", withoutQuery(req.URL), "status", resp.StatusCode,
		"bytes", len(body), "took", time.Since(began))
	if err != nil {
		return nil, fetchFault(req, err)
	}
	if len(body) > maxBody {
		return nil, fault.New(fault.BadMetadata,
			fmt.Sprintf("The answer of %s is over %d bytes long.", shown(withoutQuery(req.URL)), maxBody),
			"Check the server's address; if it is right, tell whoever runs it.")
	}
	return &document{url: req.URL.String(), status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// ok reports whether the answer is a success.
func (d *document) ok() bool { return d.status >= 200 && d.status < 300 }

// saysJSON reports whether the sender meant JSON: by the content type, or, since
// many get that wrong, by the first character.
func (d *document) saysJSON() bool {
	kind := mediaType(d.header)
	return kind == "application/json" || strings.HasSuffix(kind, "+json") || bytes.HasPrefix(bytes.TrimSpace(d.body), []byte("{"))
}

// page reports whether the body is a web page, by its type or its beginning.
func (d *document) page() bool {
	switch mediaType(d.header) {
	case "text/html", "application/xhtml+xml":
		return true
	}
	return bytes.HasPrefix(bytes.TrimSpace(d.body), []byte("<"))
}

// object decodes the body, which must be one JSON object.
func (d *document) object(into any) error {
	if !bytes.HasPrefix(bytes.TrimSpace(d.body), []byte("{")) {
		return fmt.Errorf("decode %s: not a JSON object", d.url)
	}
	if err := json.Unmarshal(d.body, into); err != nil {
		return fmt.Errorf("decode %s: %w", d.url, err)
	}
	return nil
}

func mediaType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// list is a list of strings as metadata writes them. A single string or a list
// with foreign items is read as far as it goes: one odd member must not spoil a
// whole document.
type list []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *list) UnmarshalJSON(data []byte) error {
	*l = nil
	var text string
	if json.Unmarshal(data, &text) == nil {
		if text != "" {
			*l = strings.Fields(text)
		}
		return nil
	}
	var items []json.RawMessage
	if json.Unmarshal(data, &items) != nil {
		return nil //nolint:nilerr // read as absent
	}
	for _, item := range items {
		var one string
		if json.Unmarshal(item, &one) == nil && one != "" {
			*l = append(*l, one)
		}
	}
	return nil
}
