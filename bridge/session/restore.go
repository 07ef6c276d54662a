package session

import (
	"context"
	"encoding/json"
	"strconv"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
)

// wishes are what the client has asked of the session at the server, and what a
// new session there has to be told again: the log level and the resources that
// the client wants to hear about.
type wishes struct {
	level         json.RawMessage            // params of the last logging/setLevel
	subscriptions map[string]json.RawMessage // params of resources/subscribe by uri
	order         []string                   // uris, in the client's order
}

// mostSubscriptions bounds what is kept of a client's subscriptions.
const mostSubscriptions = 4096

// isWish reports whether a request is one of those.
func isWish(method string) bool {
	switch method {
	case mcp.MethodSetLogLevel, mcp.MethodResourcesSubscribe, mcp.MethodResourcesUnsubscribe:
		return true
	}
	return false
}

// granted notes a wish that the server has agreed to.
func (s *Session) granted(m jsonrpc.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &s.wishes
	if m.Method == mcp.MethodSetLogLevel {
		w.level = m.Params
		return
	}
	var uri string
	if json.Unmarshal(jsonrpc.Member(m.Params, "uri"), &uri) != nil {
		return
	}
	_, known := w.subscriptions[uri]
	if m.Method == mcp.MethodResourcesUnsubscribe {
		delete(w.subscriptions, uri)
		for i, u := range w.order {
			if u == uri {
				w.order = append(w.order[:i:i], w.order[i+1:]...)
				break
			}
		}
		return
	}
	if known || len(w.order) >= mostSubscriptions {
		return
	}
	if w.subscriptions == nil {
		w.subscriptions = map[string]json.RawMessage{}
	}
	w.subscriptions[uri] = m.Params
	w.order = append(w.order, uri)
}

// restore tells a new session what the client wished of the one before. What the
// server refuses now is left: the client finds out as it would from a resource
// that is gone.
func (s *Session) restore(ctx context.Context) {
	s.mu.Lock()
	level := s.wishes.level
	type wish struct {
		method string
		params json.RawMessage
	}
	var all []wish
	if level != nil {
		all = append(all, wish{mcp.MethodSetLogLevel, level})
	}
	for _, uri := range s.wishes.order {
		all = append(all, wish{mcp.MethodResourcesSubscribe, s.wishes.subscriptions[uri]})
	}
	s.mu.Unlock()
	for i, w := range all {
		id := json.RawMessage(`"drawbridge-restore-` + strconv.Itoa(i) + `"`)
		err := s.exchange(ctx, s.remote.Post, jsonrpc.NewRequest(id, w.method, w.params), func(raw []byte) bool {
			m, err := jsonrpc.Parse(raw)
			if err != nil {
				return false
			}
			if !m.IsResponse() {
				s.reply(m.Raw)
				return false
			}
			if m.Error != nil {
				s.log.Info("not restored", "method", w.method, "error", string(m.Error))
			}
			return true
		})
		if err != nil {
			s.log.Warn("not restored", "method", w.method, "error", err)
			if ctx.Err() != nil {
				return
			}
		}
	}
}
