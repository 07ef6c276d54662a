package cli

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/front/stdio"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/session"
)

// watch begins to tell a running agent, if there is one, of a session here.
func watch(to *control.Reports, account *credential.Account, front string) *control.Reporter {
	server := account.Server()
	name := server.Name
	if name == "" {
		name = server.URL
	}
	return to.Report(control.Session{
		Key: account.Key(), Server: name, Account: account.Account(), Front: front, Transport: overHTTP, Since: time.Now(),
	})
}

// tell makes of a call what the agent is told.
func tell(to *control.Reporter) func(session.Call) {
	return func(c session.Call) {
		reason := string(c.Fault)
		if c.Code != 0 {
			reason = strconv.Itoa(c.Code)
		}
		var content *control.Captured
		if to.Capturing() { // seldom: only while the person has it so
			content = captured(c)
		}
		to.Call(control.Call{
			At: c.At, Method: c.Method, Tool: c.Tool, Took: float64(c.Took.Microseconds()) / 1000, Status: string(c.Outcome), Reason: reason, Content: content,
		})
	}
}

// watched looks at the messages that say who the client is.
type watched struct {
	stdio.Session
	to    *control.Reporter
	known sync.Once
}

func (w *watched) Receive(m jsonrpc.Message) {
	if m.IsRequest() {
		w.known.Do(func() { introduce(w.to, m) })
	}
	w.Session.Receive(m)
}

// The members of _meta in which a client of MCP 2026-07-28 says who it is with
// each request.
const (
	metaClient  = "io.modelcontextprotocol/clientInfo"
	metaVersion = "io.modelcontextprotocol/protocolVersion"
)

// introduce tells who the client is from its first request: initialize, or, from
// 2026-07-28 on, any.
func introduce(to *control.Reporter, m jsonrpc.Message) {
	from, client, version := m.Params, "clientInfo", "protocolVersion"
	if m.Method != mcp.MethodInitialize {
		from, client, version = jsonrpc.Member(m.Params, "_meta"), metaClient, metaVersion
	}
	var info struct{ Name, Version string }
	var era string
	_ = json.Unmarshal(jsonrpc.Member(from, client), &info)
	_ = json.Unmarshal(jsonrpc.Member(from, version), &era)
	to.Update(func(s *control.Session) {
		s.Client, s.ClientVersion, s.Era = info.Name, info.Version, era
	})
}

// What the transports to a server are called.
const (
	overHTTP = "streamable-http"
	overSSE  = "http+sse"
)

func transportName(old bool) string {
	if old {
		return overSSE
	}
	return overHTTP
}

// agreed hears which version of MCP the server agreed on, and by which transport.
type agreed struct {
	session.Remote
	isOld func() bool // the server turned out to speak HTTP+SSE
	to    interface {
		Update(change func(*control.Session))
	}
}

// Open implements session.Remote.
func (a agreed) Open(ctx context.Context, raw []byte, deliver remote.Deliver) error {
	err := a.Remote.Open(ctx, raw, deliver)
	over := transportName(a.isOld())
	a.to.Update(func(s *control.Session) { s.Transport = over })
	return err
}

func (a agreed) SetVersion(version string) {
	a.to.Update(func(s *control.Session) { s.Era = version })
	a.Remote.SetVersion(version)
}
