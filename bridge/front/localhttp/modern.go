package localhttp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// Names and codes of MCP 2026-07-28.
const (
	modernVersion = "2026-07-28"
	metaVersion   = "io.modelcontextprotocol/protocolVersion"
	metaCaps      = "io.modelcontextprotocol/clientCapabilities"
	headerMethod  = "Mcp-Method"
	headerName    = "Mcp-Name"

	codeHeaderMismatch = -32020
	codeCapability     = -32021
	codeVersion        = -32022
	codeUnknownMethod  = -32601
	codeInvalidParams  = -32602
)

// isModern reports whether a message opens in the manner of 2026-07-28: with
// that version in its _meta, or in the header of a message that is not
// initialize.
func isModern(r *http.Request, m jsonrpc.Message) bool {
	if m.Method == "" {
		return false
	}
	if jsonrpc.Member(jsonrpc.Member(m.Params, "_meta"), metaVersion) != nil {
		return true
	}
	if m.Method == "initialize" {
		return false
	}
	v := r.Header.Get(headerVersion)
	return v >= modernVersion && len(v) == len(modernVersion) && r.Header.Get(headerSession) == ""
}

// shared is what all requests of one caller at one server share in the era
// without sessions. Ids are made unique on the way in and put back on the way
// out, for two clients may choose the same.
type shared struct {
	ctx     context.Context
	stop    context.CancelFunc
	session Session
	ready   chan struct{} // closed when session or err is set
	err     error

	mu      sync.Mutex
	calls   map[string]*modernCall // by our id, quoted
	busy    int                    // HTTP requests that have it
	idle    time.Time
	counter int
	prefix  string

	mirrored Mirrored // nil: headers are not looked at
}

// modernCall is one request under way.
type modernCall struct {
	id     []byte // as the client spelt it
	own    string // ours, quoted
	method string
	stream *stream
}

func (m *shared) end() {
	m.stop()
	<-m.ready
	if m.session != nil {
		m.session.Close(closeLimit)
	}
}

func (m *shared) unused(since time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.busy == 0 && len(m.calls) == 0 && m.idle.Before(since)
}

// use marks it as in use until leave is called.
func (m *shared) use() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy++
}

func (m *shared) leave(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy--
	m.idle = now
}

// sharedFor is the caller's, opened when there is none. Who gets it leaves it.
func (s *Server) sharedFor(c *call) (*shared, error) {
	key := c.caller.Key() + "\x00" + c.at.Server + "\x00" + c.at.Account
	s.mu.Lock()
	m := s.modern[key]
	if m == nil && !s.closed {
		m = &shared{ready: make(chan struct{}), calls: map[string]*modernCall{}, idle: s.cfg.Now(), prefix: rand.Text()}
		if s.cfg.Mirrored != nil {
			m.mirrored = s.cfg.Mirrored()
		}
		m.ctx, m.stop = context.WithCancel(s.ctx)
		s.modern[key] = m
		m.use()
		s.mu.Unlock()
		m.session, m.err = s.cfg.Open(m.ctx, c.at, c.caller, true, m.send)
		close(m.ready)
		if m.err != nil {
			s.mu.Lock()
			delete(s.modern, key)
			s.mu.Unlock()
			m.stop()
		}
		return m, m.err
	}
	if m == nil {
		s.mu.Unlock()
		return nil, context.Canceled
	}
	m.use() // with the lock held: it is not found unused from here on
	s.mu.Unlock()
	select {
	case <-m.ready:
		return m, m.err
	case <-c.r.Context().Done():
		m.leave(s.cfg.Now())
		return nil, c.r.Context().Err()
	}
}

// begin notes a request and returns it with the message to pass on.
func (m *shared) begin(msg jsonrpc.Message) (*modernCall, jsonrpc.Message, error) {
	m.mu.Lock()
	m.counter++
	own := strconv.Quote(m.prefix + "-" + strconv.Itoa(m.counter))
	c := &modernCall{id: bytes.Clone(msg.ID), own: own, method: msg.Method, stream: newStream("")}
	m.calls[own] = c
	m.mu.Unlock()
	passed, err := jsonrpc.Parse(jsonrpc.NewRequest(json.RawMessage(own), msg.Method, msg.Params))
	return c, passed, err
}

func (m *shared) done(c *modernCall) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.calls, c.own)
}

// send takes a message of the session for one of the clients. One that belongs
// to no request has no stream in this era and is dropped.
func (m *shared) send(related, message []byte) error {
	msg, err := jsonrpc.Parse(message)
	if err != nil {
		return err
	}
	key := string(related)
	if msg.IsResponse() {
		key = string(msg.ID)
	} else if id := jsonrpc.Member(jsonrpc.Member(msg.Params, "_meta"), "io.modelcontextprotocol/subscriptionId"); id != nil {
		key = string(id)
	}
	m.mu.Lock()
	c := m.calls[key]
	m.mu.Unlock()
	if c == nil {
		return nil
	}
	if m.mirrored != nil && c.method == "tools/list" && msg.Result != nil {
		m.mirrored.Learn(msg.Result)
	}
	if msg.IsResponse() {
		message = jsonrpc.Answer(c.id, msg)
	} else {
		message = bytes.Clone(message)
	}
	// Our id is random enough to be nothing else where it stands.
	message = bytes.ReplaceAll(message, []byte(c.own), c.id)
	return c.stream.put(m.ctx, message, msg.IsResponse())
}

// postModern answers a POST of 2026-07-28.
func (c *call) postModern(m jsonrpc.Message) {
	if code, text, data := checkModern(c.r, m); code != 0 {
		c.refuseFor(m, http.StatusBadRequest, code, text, data)
		return
	}
	if m.Method == "initialize" || m.Method == "ping" { // the session would take it for one of the older era
		c.refuseFor(m, http.StatusNotFound, codeUnknownMethod, m.Method+" is no method of "+modernVersion+".", nil)
		return
	}
	shared, err := c.s.sharedFor(c)
	if err != nil {
		c.notOpened(err)
		return
	}
	defer func() { shared.leave(c.s.cfg.Now()) }()
	if !m.IsRequest() { // the era has no notification that a server would need
		c.w.WriteHeader(http.StatusAccepted)
		return
	}
	if shared.mirrored != nil && m.Method == "tools/call" {
		name, _ := about(m)
		if err := shared.mirrored.Check(name, jsonrpc.Member(m.Params, "arguments"), c.r.Header); err != nil {
			c.refuseFor(m, http.StatusBadRequest, codeHeaderMismatch, err.Error()+".", nil)
			return
		}
	}
	sse, plain := c.accepts()
	if !sse && !plain {
		c.refuseFor(m, http.StatusNotAcceptable, jsonrpc.CodeInvalidRequest, "Accept must hold application/json and text/event-stream.", nil)
		return
	}
	call, passed, err := shared.begin(m)
	if err != nil {
		c.refuseFor(m, http.StatusBadRequest, jsonrpc.CodeInvalidRequest, "The body is not JSON-RPC 2.0.", nil)
		return
	}
	defer shared.done(call)
	shared.session.Receive(passed)
	if !c.answerModern(shared, call, sse) {
		// The client has gone, which cancels (MCP 2026-07-28, cancellation).
		if cancelled, err := jsonrpc.Parse([]byte(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + call.own + `,"reason":"the client closed the connection"}}`)); err == nil {
			shared.session.Receive(cancelled)
		}
	}
}

// answerModern waits for the first message: a response alone becomes JSON with
// the status that goes with it, anything else a stream.
func (c *call) answerModern(m *shared, call *modernCall, sse bool) bool {
	limit := time.NewTimer(decideLimit)
	defer limit.Stop()
	s := call.stream
	for {
		if one, ok := s.alone(); ok {
			c.writeModern(one)
			return true
		}
		wake := s.begun()
		if wake == nil && sse {
			break
		}
		if wake == nil {
			if wake = s.changed(); wake == nil {
				if all, ok := s.whole(); ok {
					c.writeModern(all[len(all)-1])
				}
				return true
			}
		}
		var decide <-chan time.Time
		if sse {
			decide = limit.C
		}
		select {
		case <-wake:
			continue
		case <-c.r.Context().Done():
			return false
		case <-m.ctx.Done():
			return true
		case <-decide:
		}
		break
	}
	c.beginSSE()
	var still func() bool
	if call.method == "subscriptions/listen" { // which lasts
		still = c.s.still(func() Caller { return c.caller })
	}
	return c.stream(s, s.attach(-1), m.ctx.Done(), still)
}

// writeModern writes a response with the status that the era wants for its
// errors.
func (c *call) writeModern(message []byte) {
	m, _ := jsonrpc.Parse(message)
	var e struct {
		Code int `json:"code"`
	}
	if m.Error == nil || json.Unmarshal(m.Error, &e) != nil {
		c.writeJSON(message)
		return
	}
	status := http.StatusOK
	switch e.Code {
	case codeUnknownMethod:
		status = http.StatusNotFound
	case codeHeaderMismatch, codeCapability, codeVersion:
		status = http.StatusBadRequest
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(message)
}

func (c *call) refuseFor(m jsonrpc.Message, status, code int, text string, data any) {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(jsonrpc.NewError(m.ID, code, text, data))
}

// checkModern compares the headers with the body (MCP 2026-07-28, standard
// request headers; T53). A code of 0 means that all is well.
func checkModern(r *http.Request, m jsonrpc.Message) (code int, text string, data any) {
	meta := jsonrpc.Member(m.Params, "_meta")
	var version string
	if json.Unmarshal(jsonrpc.Member(meta, metaVersion), &version) != nil || version == "" {
		if !m.IsRequest() {
			return 0, "", nil
		}
		return codeInvalidParams, "params._meta lacks " + metaVersion + ".", nil
	}
	if m.IsRequest() {
		if caps := bytes.TrimSpace(jsonrpc.Member(meta, metaCaps)); len(caps) == 0 || caps[0] != '{' {
			return codeInvalidParams, "params._meta lacks " + metaCaps + ".", nil
		}
	}
	if h := r.Header.Get(headerVersion); h != version {
		return codeHeaderMismatch, "The MCP-Protocol-Version header is not the version in params._meta.", nil
	}
	if version != modernVersion {
		return codeVersion, "The protocol version is not supported.", map[string]any{"supported": []string{modernVersion}, "requested": version}
	}
	if h := r.Header.Values(headerMethod); len(h) != 1 || h[0] != m.Method {
		return codeHeaderMismatch, "The Mcp-Method header is not the method of the body.", nil
	}
	want, _ := about(m)
	named := m.Method == "tools/call" || m.Method == "prompts/get" || m.Method == "resources/read"
	if got, ok := decodeHeader(r.Header.Values(headerName)); named && (!ok || got != want) {
		return codeHeaderMismatch, "The Mcp-Name header is not the name in the body.", nil
	}
	return 0, "", nil
}

// decodeHeader reads a header that may be in the Base64 form of MCP 2026-07-28.
func decodeHeader(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	v := values[0]
	if inner, ok := strings.CutPrefix(v, "=?base64?"); ok {
		if inner, ok = strings.CutSuffix(inner, "?="); ok {
			raw, err := base64.StdEncoding.DecodeString(inner)
			return string(raw), err == nil
		}
	}
	return v, true
}
