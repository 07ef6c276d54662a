package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/network"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/secret"
)

const (
	// revision is the MCP revision that the first request offers.
	revision    = "2025-11-25"
	mcpAuth     = "MCP 2025-11-25, authorization"
	mcpHTTP     = "MCP 2025-11-25, Streamable HTTP"
	mcpLife     = "MCP 2025-11-25, lifecycle"
	initialize  = `{"jsonrpc":"2.0","id":"drawbridge-doctor","method":"initialize","params":{"protocolVersion":"` + revision + `","capabilities":{},"clientInfo":{"name":"drawbridge","version":"0"}}}`
	initialized = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
)

// none is a bearer of nothing.
type none struct{}

func (none) Bearer(context.Context) (secret.String, error) { return secret.String{}, nil }

// firstRequest asks without a token: the server refuses, and says how to go on.
// It reports whether there is anything to go on with.
func (w *walk) firstRequest(ctx context.Context) bool {
	address := report.Line{ID: "server.address", Title: "The address is an https URL", Ref: "MCP 2025-11-25, security best practices"}
	if err := config.CheckURL(w.Server.URL, w.Server.AllowHTTP); err != nil {
		w.fail(address, err)
		return false
	}
	address.Status, address.Got = report.OK, w.shownURL()
	if strings.HasPrefix(w.Server.URL, "http:") {
		address.Got += " (http, to this computer only)"
		if w.Server.AllowHTTP {
			address.Status, address.Got, address.Remedy = report.Warn, w.shownURL()+": tokens cross the network in clear text", "Use https if the server has it."
		}
	}
	w.add(address)

	answer, err := w.ask(ctx, none{})
	asked := report.Line{ID: "server.answer", Title: "A request without a token is answered with 401", Ref: "RFC 9110 §15.5.2; " + mcpAuth}
	var refused *remote.Challenge
	var other *remote.StatusError
	switch {
	case err == nil:
		w.open = true
		answer.conn.Delete(ctx, byeLimit)
		asked.Status, asked.Got = report.OK, "It asks nobody to sign in: "+answer.words()
		w.add(asked)
		return false
	case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
		asked.Status, asked.Got = report.OK, "HTTP 401"
		w.add(asked)
		w.readChallenge(refused.Header)
		w.challenge.Asked = true
		return true
	case errors.As(err, &refused):
		asked.Status, asked.Got = report.Warn, fmt.Sprintf("HTTP %d, which is for a token with too few rights", refused.Status)
		asked.Remedy = "If the server wants a sign-in, tell whoever runs it to answer 401; if it refuses your network, ask them."
		w.add(asked)
		w.readChallenge(refused.Header)
		return true
	case errors.As(err, &other):
		w.unexpected(asked, other)
		return false
	}
	w.fail(asked, w.networkFault(err))
	return false
}

// unexpected is an answer that is neither a refusal nor MCP.
func (w *walk) unexpected(l report.Line, e *remote.StatusError) {
	l.Status, l.Got = report.Fail, fmt.Sprintf("HTTP %d", e.Status)
	switch {
	case e.Status >= 500 || e.Status == http.StatusTooManyRequests:
		w.away = true
		l.Remedy = "Try again later; if it lasts, tell whoever runs the server."
	case e.Location != "":
		l.Got += ", a redirect to " + w.Trace.redactor().address(e.Location)
		l.Remedy = "A request with a token does not follow it. Add the server by the address that it leads to."
	case e.Status == http.StatusNotFound:
		l.Remedy = "Check the address: it is often https://HOST/mcp."
	case e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusBadRequest:
		l.Remedy = "It takes no MCP here. Check the address: it is often https://HOST/mcp, or https://HOST/sse for the older transport."
	default:
		l.Remedy = "Check the address: this does not look like an MCP server."
	}
	w.add(l)
}

func (w *walk) networkFault(err error) error {
	if f := (*fault.Error)(nil); errors.As(err, &f) {
		return err
	}
	if errors.Is(err, remote.ErrContentType) || err == remote.ErrNoAnswer { //nolint:errorlint // wrapped, it is a broken connection
		return fault.Wrap(err, fault.NotMCP, fmt.Sprintf("%q answers, but not as an MCP server.", w.shownURL()), "Check the address: it is often https://HOST/mcp.")
	}
	if what, next, ok := network.Explain(err, w.shownURL()); ok {
		return fault.Wrap(err, fault.Unreachable, what, next)
	}
	return fault.Wrap(err, fault.Unreachable, fmt.Sprintf("%q does not answer.", w.shownURL()), "Check the address for a typing error, this computer's clock and certificates, and the network.")
}

// readChallenge judges the WWW-Authenticate headers.
func (w *walk) readChallenge(headers []string) {
	all := oauth.ParseChallenges(headers)
	c, bearer := oauth.BearerChallenge(http.Header{"Www-Authenticate": headers})
	w.challenge = c
	l := report.Line{ID: "server.challenge", Title: "The refusal carries a Bearer challenge", Ref: "RFC 6750 §3, RFC 9110 §11.6.1"}
	switch {
	case bearer:
		l.Status, l.Got = report.OK, strings.Join(headers, ", ")
	case len(all) > 0:
		l.Status, l.Got = report.Warn, "another scheme: "+strings.Join(headers, ", ")
		l.Remedy = "Tell whoever runs the server that it needs a Bearer challenge. Drawbridge looks at the well-known addresses instead."
	default:
		l.Status, l.Got = report.Warn, "no WWW-Authenticate header"
		l.Remedy = "Tell whoever runs the server that a 401 needs one. Drawbridge looks at the well-known addresses instead."
	}
	w.add(l)
	if !bearer {
		return
	}
	l = report.Line{ID: "server.challenge.metadata", Title: "The challenge says where the metadata is", Ref: "RFC 9728 §5.1", Status: report.OK, Got: c.ResourceMetadata}
	if c.ResourceMetadata == "" {
		l.Status, l.Got = report.OK, "it does not (optional since 2025-11-25); the well-known addresses count"
	}
	w.add(l)
	l = report.Line{ID: "server.challenge.scope", Title: "The challenge names the scopes", Ref: "RFC 6750 §3; " + mcpAuth, Status: report.OK, Got: c.Scope}
	if c.Scope == "" {
		l.Got = "it does not (optional); the metadata's count"
	}
	w.add(l)
}

// conn is the transport that the server's settings name, or that it turns out
// to speak.
type conn interface {
	Open(ctx context.Context, raw []byte, deliver remote.Deliver) error
	Post(ctx context.Context, raw []byte, deliver remote.Deliver) error
	SetVersion(version string)
	Delete(ctx context.Context, limit time.Duration)
}

func (w *walk) conn(bearer remote.Bearer) conn {
	c := remote.Config{URL: w.Server.URL, Bearer: bearer, Headers: w.Server.Headers, MoreHeaders: w.MoreHeaders, HTTP: w.http, UserAgent: w.userAgent(), Log: w.Log}
	switch w.Server.Transport {
	case config.TransportHTTP:
		return remote.NewConn(c)
	case config.TransportSSE:
		return remote.NewLegacy(c)
	}
	return remote.NewAuto(c)
}

// opened is the answer to initialize.
type opened struct {
	conn    conn
	old     bool // it speaks the transport of 2024-11-05
	raw     []byte
	version string
	name    string
	problem string // of the JSON-RPC error, or of what is missing
}

// ask opens a session. The caller closes it with bye.
func (w *walk) ask(ctx context.Context, bearer remote.Bearer) (opened, error) {
	o := opened{conn: w.conn(bearer), old: w.Server.Transport == config.TransportSSE}
	err := o.conn.Open(ctx, []byte(initialize), func(raw []byte) bool {
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Result *struct {
				ProtocolVersion string `json:"protocolVersion"`
				ServerInfo      struct {
					Name    string `json:"name"`
					Version string `json:"version"`
				} `json:"serverInfo"`
			} `json:"result"`
			Error *struct {
				Code    int    `json:"code"`
				Message string `json:"message"`
			} `json:"error"`
		}
		if err := json.Unmarshal(raw, &m); err != nil || m.Method != "" {
			return false
		}
		o.raw = raw
		switch {
		case m.Error != nil:
			o.problem = fmt.Sprintf("JSON-RPC error %d: %q", m.Error.Code, m.Error.Message)
		case m.Result == nil || m.Result.ProtocolVersion == "":
			o.problem = "an answer without a protocol version"
		default:
			o.version, o.name = m.Result.ProtocolVersion, strings.TrimSpace(m.Result.ServerInfo.Name+" "+m.Result.ServerInfo.Version)
		}
		return true
	})
	if auto, ok := o.conn.(*remote.Auto); ok {
		o.old = auto.IsLegacy()
	}
	return o, err
}

func (o opened) words() string {
	if o.problem != "" {
		return o.problem
	}
	words := fmt.Sprintf("%q speaks MCP %s", o.name, o.version)
	if o.old {
		words += ", over the HTTP+SSE transport of 2024-11-05"
	}
	return words
}
