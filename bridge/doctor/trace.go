package doctor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"drawbridge/bridge/secret"
)

const (
	// keptBody is how much of a body a trace keeps, in bytes.
	keptBody = 32 << 10
	// keptExchanges bounds a trace.
	keptExchanges = 200
)

// exchange is one request and what came of it, as it was on the wire: with its
// secrets. It leaves this package only through Trace.WriteTo.
type exchange struct {
	n        int
	method   string
	url      *url.URL
	header   http.Header
	body     []byte
	began    time.Time
	took     time.Duration
	status   int
	proto    string
	answer   http.Header
	received []byte
	cut      bool // there was more
	err      error
}

// Trace remembers the HTTP traffic of a walk.
type Trace struct {
	mu      sync.Mutex
	all     []*exchange
	secrets []secret.String
}

// Hide makes the trace keep a secret to itself, wherever it stands.
func (t *Trace) Hide(s secret.String) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !s.IsZero() {
		t.secrets = append(t.secrets, s)
	}
}

// Wrap makes a transport whose traffic is recorded.
func (t *Trace) Wrap(next http.RoundTripper) http.RoundTripper { return recorder{t, next} }

type recorder struct {
	trace *Trace
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	e := &exchange{method: req.Method, url: req.URL, header: req.Header.Clone(), began: time.Now()}
	if req.Body != nil {
		raw, err := io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			return nil, err
		}
		e.body = raw
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(raw))
	}
	resp, err := r.next.RoundTrip(req)
	e.took, e.err = time.Since(e.began), err
	if resp != nil {
		e.status, e.answer, e.proto = resp.StatusCode, resp.Header.Clone(), resp.Proto
		resp.Body = &recordedBody{ReadCloser: resp.Body, trace: r.trace, of: e}
	}
	r.trace.add(e)
	return resp, err
}

func (t *Trace) add(e *exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.n = len(t.all) + 1
	if len(t.all) < keptExchanges {
		t.all = append(t.all, e)
	}
}

// recordedBody keeps the start of what is read.
type recordedBody struct {
	io.ReadCloser
	trace *Trace
	of    *exchange
}

// Read implements io.Reader.
func (b *recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.trace.mu.Lock()
	defer b.trace.mu.Unlock()
	room := min(n, keptBody-len(b.of.received))
	b.of.received = append(b.of.received, p[:room]...)
	b.of.cut = b.of.cut || room < n
	if err != nil && !errors.Is(err, io.EOF) && b.of.err == nil {
		b.of.err = err
	}
	return n, err
}

// since returns copies of the exchanges after the first n.
func (t *Trace) since(n int) []exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []exchange
	for _, e := range t.all[min(n, len(t.all)):] {
		c := *e
		c.received = slices.Clone(e.received)
		out = append(out, c)
	}
	return out
}

func (t *Trace) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

// WriteTo writes the trace without secrets, as text that a person can read
// before they attach it to a bug report.
func (t *Trace) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	r := t.redactor()
	for _, e := range t.since(0) {
		fmt.Fprintf(&b, "=== %d  %s  took %d ms\n", e.n, e.began.UTC().Format(time.RFC3339Nano), e.took.Milliseconds())
		fmt.Fprintf(&b, "> %s %s\n", e.method, r.address(e.url.String()))
		r.headers(&b, "> ", e.header)
		r.body(&b, "> ", e.header.Get("Content-Type"), e.body, false)
		if e.status != 0 {
			fmt.Fprintf(&b, "< %s %d %s\n", e.proto, e.status, http.StatusText(e.status))
			r.headers(&b, "< ", e.answer)
			r.body(&b, "< ", e.answer.Get("Content-Type"), e.received, e.cut)
		}
		if e.err != nil {
			fmt.Fprintf(&b, "! %s\n", r.text(e.err.Error()))
		}
		fmt.Fprintln(&b)
	}
	n, err := w.Write([]byte(strings.ReplaceAll(b.String(), "\x00", "")))
	return int64(n), err
}
