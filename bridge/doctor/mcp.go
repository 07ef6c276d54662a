package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/secret"
)

// byeLimit bounds closing the session at the end.
const byeLimit = 3 * time.Second

// holder is a bearer of the token that the account gave, with its proofs.
type holder struct {
	token secret.String
	remote.Prover
}

func (h holder) Bearer(context.Context) (secret.String, error) { return h.token, nil }

func (w *walk) holder() remote.Bearer {
	if w.bearer.IsZero() {
		return none{}
	}
	return holder{w.bearer, w.Credential}
}

// firstCall opens a session with the token, or without for a server that wants
// none, and asks for the list of tools.
func (w *walk) firstCall(ctx context.Context) {
	l := report.Line{ID: "mcp.initialize", Title: "It opens a session", Ref: mcpLife}
	if w.bearer.IsZero() && !w.open {
		l.Status, l.Got = report.Skipped, "not tried: nobody is signed in"
		w.add(l)
		return
	}
	o, err := w.ask(ctx, w.holder())
	if err != nil {
		w.refusedCall(l, err)
		return
	}
	defer o.conn.Delete(ctx, byeLimit)
	if o.problem != "" {
		l.Status, l.Got, l.Remedy = report.Fail, o.problem, "It does not open a session of MCP "+revision+"; tell whoever runs the server."
		w.add(l)
		return
	}
	l.Status, l.Got = report.OK, o.words()
	if o.old {
		l.Status, l.Remedy = report.Warn, "It works. Tell whoever runs the server that Streamable HTTP has replaced it in 2025-03-26."
	}
	w.add(l)
	o.conn.SetVersion(o.version)

	w.from = w.Trace.count()
	l = report.Line{ID: "mcp.initialized", Title: "It takes a notification", Ref: mcpHTTP, Status: report.OK, Got: "202 Accepted"}
	if err := o.conn.Post(ctx, []byte(initialized), nil); err != nil {
		w.refusedCall(l, err)
		return
	}
	if e := w.Trace.since(w.from); !o.old && len(e) > 0 && e[len(e)-1].status != http.StatusAccepted {
		l.Status, l.Got = report.Warn, fmt.Sprintf("HTTP %d", e[len(e)-1].status)
		l.Remedy = "It works. Tell whoever runs the server: a notification is to be answered with 202."
	}
	w.add(l)
	w.tools(ctx, o.conn)
}

func (w *walk) tools(ctx context.Context, conn conn) {
	w.from = w.Trace.count()
	l := report.Line{ID: "mcp.tools", Title: "It lists its tools", Ref: "MCP 2025-11-25, tools"}
	var answer struct {
		Result *struct {
			Tools      []json.RawMessage `json:"tools"`
			NextCursor string            `json:"nextCursor"`
		} `json:"result"`
		Error *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	err := conn.Post(ctx, []byte(`{"jsonrpc":"2.0","id":"drawbridge-doctor-2","method":"tools/list","params":{}}`), func(raw []byte) bool {
		var m struct {
			Method string `json:"method"`
		}
		return json.Unmarshal(raw, &m) == nil && m.Method == "" && json.Unmarshal(raw, &answer) == nil
	})
	switch {
	case err != nil:
		w.refusedCall(l, err)
		return
	case answer.Error != nil && answer.Error.Code == -32601:
		l.Status, l.Got = report.OK, "it has none"
	case answer.Error != nil:
		l.Status, l.Got = report.Warn, fmt.Sprintf("JSON-RPC error %d: %q", answer.Error.Code, answer.Error.Message)
		l.Remedy = "Tell whoever runs the server."
	case answer.Result == nil:
		l.Status, l.Got, l.Remedy = report.Warn, "an answer without a result", "Tell whoever runs the server."
	default:
		l.Status, l.Got = report.OK, fmt.Sprintf("%d tools", len(answer.Result.Tools))
		if answer.Result.NextCursor != "" {
			l.Got += " on the first page"
		}
	}
	w.add(l)
}

// refusedCall says why a request with a token came to nothing.
func (w *walk) refusedCall(l report.Line, err error) {
	var refused *remote.Challenge
	var other *remote.StatusError
	switch {
	case errors.As(err, &refused):
		c, _ := oauth.BearerChallenge(http.Header{"Www-Authenticate": refused.Header})
		l.Status, l.Got = report.Fail, strings.TrimSpace(fmt.Sprintf("HTTP %d %s", refused.Status, strings.Join(refused.Header, ", ")))
		switch {
		case c.Error == "insufficient_scope" || refused.Status == http.StatusForbidden:
			l.Ref += "; RFC 6750 §3.1"
			l.Remedy = "The token has too few rights. Sign in again for more: drawbridge login " + w.label()
			if c.Scope != "" {
				l.Remedy += " (the server asks for: " + c.Scope + ")"
			}
		default:
			l.Ref += "; RFC 6750 §3.1"
			l.Remedy = "The server refuses a token of its own authorization server. Sign in again; if it lasts, tell whoever runs the server to compare issuer, audience and keys with the lines above."
		}
		w.add(l)
	case errors.As(err, &other):
		w.unexpected(l, other)
	default:
		w.fail(l, w.networkFault(err))
	}
}
