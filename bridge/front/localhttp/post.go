package localhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// Headers of Streamable HTTP.
const (
	headerSession = "Mcp-Session-Id"
	headerVersion = "Mcp-Protocol-Version"
	eventStream   = "text/event-stream"
)

// readLimit bounds the time that a body may take to come.
const readLimit = time.Minute

// post answers a POST at the MCP endpoint, of either era.
func (c *call) post() {
	batch, isBatch, ok := c.read()
	if !ok {
		return
	}
	if !isBatch && isModern(c.r, batch[0]) {
		c.postModern(batch[0])
		return
	}
	if opens := slices.IndexFunc(batch, func(m jsonrpc.Message) bool { return m.Method == "initialize" && m.IsRequest() }); opens >= 0 {
		if isBatch {
			c.refuse(http.StatusBadRequest, jsonrpc.CodeInvalidRequest, "initialize must not be part of a batch.")
			return
		}
		c.open(batch[0])
		return
	}
	h, done := c.known()
	if h == nil {
		return
	}
	defer done()
	c.deliver(h, batch, isBatch)
}

// read reads the messages of a POST and asks the policy about each.
func (c *call) read() (batch []jsonrpc.Message, isBatch, ok bool) {
	if t, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		c.refuse(http.StatusUnsupportedMediaType, jsonrpc.CodeInvalidRequest, "Content-Type must be application/json.")
		return nil, false, false
	}
	rc := http.NewResponseController(c.w)
	_ = rc.SetReadDeadline(time.Now().Add(readLimit)) // a sender that dawdles holds nothing for long
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, c.s.cfg.MaxBody))
	_ = rc.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		c.refuse(http.StatusRequestEntityTooLarge, jsonrpc.CodeInvalidRequest, "The message is too large.")
		return nil, false, false
	case err != nil:
		return nil, false, false // the client has gone
	}
	parts, err := jsonrpc.Split(body)
	if err == nil && len(parts) > maxBatch {
		c.refuse(http.StatusRequestEntityTooLarge, jsonrpc.CodeInvalidRequest, "The batch has too many messages.")
		return nil, false, false
	}
	for _, part := range parts {
		var m jsonrpc.Message
		if m, err = jsonrpc.Parse(part); err != nil {
			break
		}
		batch = append(batch, m)
	}
	switch {
	case errors.Is(err, jsonrpc.ErrNotJSON):
		c.refuse(http.StatusBadRequest, jsonrpc.CodeParse, "The body is not JSON.")
		return nil, false, false
	case err != nil || len(batch) == 0:
		c.refuse(http.StatusBadRequest, jsonrpc.CodeInvalidRequest, "The body is not JSON-RPC 2.0.")
		return nil, false, false
	}
	for _, m := range batch {
		// The policy must not decide about another message than the server reads.
		name, clear := about(m)
		if !clear || m.Unclear {
			c.refuse(http.StatusBadRequest, jsonrpc.CodeInvalidRequest, "A member is there twice, or in capitals.")
			return nil, false, false
		}
		if m.Method == "" {
			continue
		}
		if no := c.caller.Permit(c.at, m.Method, name); no != nil {
			no.Write(c.w)
			return nil, false, false
		}
	}
	return batch, bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")), true
}

// about names what a message is about, as Mcp-Name does (MCP 2026-07-28): a
// tool, a prompt or a resource. clear is as jsonrpc.Sole has it.
func about(m jsonrpc.Message) (name string, clear bool) {
	member := "name"
	switch m.Method {
	case "tools/call", "prompts/get":
	case "resources/read", "resources/subscribe", "resources/unsubscribe":
		member = "uri"
	default:
		return "", true
	}
	value, clear := jsonrpc.Sole(m.Params, member)
	_ = json.Unmarshal(value, &name)
	return name, clear
}

// open begins a session.
func (c *call) open(m jsonrpc.Message) {
	h := c.s.newHub(c.at, c.caller, false)
	if !c.begin(h) {
		return
	}
	c.w.Header().Set(headerSession, h.id)
	defer h.use(c.s.cfg.Now)()
	c.share(h, m)
	if !c.deliver(h, []jsonrpc.Message{m}, false) {
		c.s.remove(h) // nobody learned its id
	}
}

// begin connects a hub to its server and makes it known.
func (c *call) begin(h *hub) bool {
	session, err := c.s.cfg.Open(h.ctx, c.at, c.caller, false, h.send)
	if err != nil {
		h.stop()
		c.notOpened(err)
		return false
	}
	h.session = session
	if !c.s.add(h) {
		h.end()
		c.w.Header().Set("Retry-After", "30")
		c.refuse(http.StatusServiceUnavailable, jsonrpc.CodeBridge, "Too many sessions are open.")
		return false
	}
	return true
}

func (c *call) notOpened(err error) {
	if errors.Is(err, ErrNoServer) {
		c.refuse(http.StatusNotFound, jsonrpc.CodeInvalidRequest, "Drawbridge has no server of this name.")
		return
	}
	c.s.log.Warn("no session", "server", c.at.Server, "error", err)
	c.refuse(http.StatusBadGateway, jsonrpc.CodeBridge, err.Error())
}

// known is the caller's session that the request names, in use until done is called;
// without one it answers as the specification says.
func (c *call) known() (_ *hub, done func()) {
	if v := c.r.Header.Get(headerVersion); v != "" && !slices.Contains(c.s.cfg.Versions, v) {
		c.refuse(http.StatusBadRequest, jsonrpc.CodeInvalidRequest, "The MCP-Protocol-Version is not supported. Supported: "+strings.Join(c.s.cfg.Versions, ", ")+".")
		return nil, nil
	}
	id := c.r.Header.Get(headerSession)
	if id == "" {
		c.refuse(http.StatusBadRequest, jsonrpc.CodeInvalidRequest, "An Mcp-Session-Id is wanted: begin with initialize.")
		return nil, nil
	}
	h, done := c.s.hub(id, c.caller, c.at)
	if h == nil {
		h, done = c.revive(id)
	}
	if h != nil && h.old {
		done()
		h = nil
	}
	if h == nil {
		c.refuse(http.StatusNotFound, codeNoSession, "Session not found: begin again with initialize.")
		return nil, nil
	}
	c.touch(h)
	return h, done
}

// codeNoSession is what the official SDKs send beside 404.
const codeNoSession = -32001

// deliver gives messages to the session, which is in use, and answers with what
// comes back. It reports whether the client got an answer.
func (c *call) deliver(h *hub, batch []jsonrpc.Message, isBatch bool) bool {
	if !slices.ContainsFunc(batch, jsonrpc.Message.IsRequest) {
		for _, m := range batch {
			h.session.Receive(m)
		}
		c.w.WriteHeader(http.StatusAccepted)
		return true
	}
	sse, plain := c.accepts()
	if !sse && !plain {
		c.refuse(http.StatusNotAcceptable, jsonrpc.CodeInvalidRequest, "Accept must hold application/json and text/event-stream.")
		return false
	}
	to, fresh := h.ask(batch)
	if !fresh {
		c.refuse(http.StatusBadRequest, jsonrpc.CodeInvalidRequest, "A request with this id is under way.")
		return false
	}
	for _, m := range batch {
		h.session.Receive(m)
	}
	return c.answer(h, to, sse, plain, isBatch)
}

// accepts reports which forms of an answer the client takes.
func (c *call) accepts() (sse, plain bool) {
	for _, header := range c.r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			t, _, _ := strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(t)) {
			case eventStream, "text/*":
				sse = true
			case "application/json", "application/*":
				plain = true
			case "*/*":
				sse, plain = true, true
			}
		}
	}
	return sse, plain || len(c.r.Header.Values("Accept")) == 0
}

// refuse answers with an HTTP status and a JSON-RPC error without an id (MCP
// 2025-11-25, sending messages to the server).
func (c *call) refuse(status, code int, text string) {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(jsonrpc.NewError(nil, code, text, nil))
}

// delete ends a session: first for the other bridges and for this one, which would
// open it again from what they share while it ends here.
func (c *call) delete() {
	if h, done := c.known(); h != nil {
		defer done()
		c.unshare(h)
		c.s.remove(h)
		c.w.WriteHeader(http.StatusOK)
	}
}
