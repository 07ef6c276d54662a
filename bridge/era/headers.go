package era

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"drawbridge/bridge/jsonrpc"
)

// standardHeaders are those that each modern request carries beside those of
// HTTP (MCP 2026-07-28, transports, standard request headers).
func standardHeaders(version, method string, params json.RawMessage) map[string]string {
	h := map[string]string{"Mcp-Protocol-Version": version, "Mcp-Method": encodeHeader(method)}
	named := ""
	switch method {
	case methodToolsCall, methodPromptsGet:
		named = "name"
	case methodRead:
		named = "uri"
	case "tasks/get", "tasks/update", "tasks/cancel":
		named = "taskId"
	}
	if named != "" {
		if raw := jsonrpc.Member(params, named); raw != nil {
			h["Mcp-Name"] = encodeHeader(text(raw))
		}
	}
	return h
}

const (
	base64Begin = "=?base64?"
	base64End   = "?="
)

// encodeHeader spells a value so that it survives in a header: as it is when it
// is printable ASCII without space at its ends, else in Base64 (MCP 2026-07-28,
// transports, value encoding). A value that looks encoded is encoded, too.
func encodeHeader(s string) string {
	plain := s == strings.TrimFunc(s, func(r rune) bool { return r == ' ' || r == '\t' }) &&
		!strings.ContainsFunc(s, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') }) &&
		!(strings.HasPrefix(s, base64Begin) && strings.HasSuffix(s, base64End))
	if plain {
		return s
	}
	return base64Begin + base64.StdEncoding.EncodeToString([]byte(s)) + base64End
}

// param is an annotated parameter of a tool: where its value stands in the
// arguments, and which Mcp-Param header mirrors it.
type param struct {
	path   []string
	header string
}

// paramHeaders mirror the annotated arguments. What is absent or null has no
// header, nor has what has no plain form.
func paramHeaders(params []param, arguments json.RawMessage) map[string]string {
	h := map[string]string{}
	for _, p := range params {
		value := arguments
		for _, name := range p.path {
			value = jsonrpc.Member(value, name)
		}
		if s, ok := plainValue(value); ok {
			h["Mcp-Param-"+p.header] = encodeHeader(s)
		}
	}
	return h
}

// plainValue is the form in which a string, an integer or a boolean stands in a
// header.
func plainValue(raw json.RawMessage) (string, bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "", false
	}
	switch c := raw[0]; {
	case c == '"':
		return text(raw), true
	case string(raw) == "true", string(raw) == "false":
		return string(raw), true
	case c == '-' || '0' <= c && c <= '9':
		if _, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			return string(raw), true
		}
		f, err := strconv.ParseFloat(string(raw), 64) // 42.0, 1e2
		if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53-1 {
			return "", false
		}
		return strconv.FormatInt(int64(f), 10), true
	}
	return "", false
}
