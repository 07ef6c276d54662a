package localhttp

import (
	"net/http"
	"net/url"
	"time"

	"drawbridge/bridge/jsonrpc"
)

// openSSE opens a session of 2024-11-05: one stream for everything, whose first
// event names the address for the client's messages. The session ends with it.
func (c *call) openSSE() {
	h := c.s.newHub(c.at, c.caller, true)
	if !c.begin(h) {
		return
	}
	server, unused := c.s, h.use(c.s.cfg.Now)
	done := func() {
		unused()
		server.remove(h)
	}
	name := c.at.Server
	if c.at.Account != "" {
		name += "@" + c.at.Account
	}
	// Relative, so that it is right behind whatever name the client knows us by.
	first := "event: endpoint\ndata: /" + url.PathEscape(name) + "/messages?sessionId=" + h.id + "\n\n"
	if c.last(h.ctx, h.alone, -1, first, c.s.still(h.latest), done) {
		return
	}
	defer done()
	c.beginSSE()
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(writeLimit))
	if _, err := c.w.Write([]byte(first)); err != nil {
		return
	}
	c.stream(h.alone, h.alone.attach(-1), h.ctx.Done(), c.s.still(h.latest))
}

// postSSE takes a client's message; what comes of it goes down its stream.
func (c *call) postSSE() {
	h, done := c.s.hub(c.r.URL.Query().Get("sessionId"), c.caller, c.at)
	if h != nil {
		defer done()
	}
	if h == nil || !h.old {
		c.refuse(http.StatusNotFound, codeNoSession, "Session not found: open the stream again.")
		return
	}
	batch, _, ok := c.read()
	if !ok {
		return
	}
	if _, fresh := h.ask(batch); !fresh {
		c.refuse(http.StatusBadRequest, jsonrpc.CodeInvalidRequest, "A request with this id is under way.")
		return
	}
	for _, m := range batch {
		h.session.Receive(m)
	}
	c.w.WriteHeader(http.StatusAccepted)
}
