package era

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"drawbridge/bridge/jsonrpc"
)

func resultType(result json.RawMessage) string {
	if kind := jsonrpc.Member(result, "resultType"); kind != nil {
		return text(kind)
	}
	return "complete" // of servers that were earlier than that member
}

// plainResult takes out of a result what only modern clients know; some legacy
// ones refuse members that they do not know.
func (r *Remote) plainResult(method string, result json.RawMessage) json.RawMessage {
	result = without(result, "resultType", "ttlMs", "cacheScope")
	switch method {
	case methodToolsList:
		return plainTools(r.learn(result))
	case methodToolsCall:
		// Any JSON is structured content now; it was an object, and the server has
		// to say the same in text.
		if c := jsonrpc.Member(result, "structuredContent"); c != nil && !isObject(c) {
			return without(result, "structuredContent")
		}
	}
	return result
}

// plainTools takes output schemas out that describe no object.
func plainTools(result json.RawMessage) json.RawMessage {
	if !bytes.Contains(result, []byte(`"outputSchema"`)) {
		return result
	}
	var tools []json.RawMessage
	if json.Unmarshal(jsonrpc.Member(result, "tools"), &tools) != nil {
		return result
	}
	changed := false
	for i, tool := range tools {
		schema := jsonrpc.Member(tool, "outputSchema")
		if schema != nil && text(jsonrpc.Member(schema, "type")) != "object" {
			tools[i], changed = without(tool, "outputSchema"), true
		}
	}
	if !changed {
		return result
	}
	return splice(result, []field{{"tools", array(tools)}})
}

// missingCapability says in the client's terms what a server misses.
func missingCapability(id json.RawMessage, p problem) []byte {
	names := slices.Sorted(maps.Keys(p.Data.RequiredCapabilities))
	what := "The server needs something that this client does not offer."
	if len(names) > 0 {
		what = "The server needs what this client does not offer: " + strings.Join(names, ", ") + "."
	}
	return jsonrpc.NewError(id, jsonrpc.CodeBridge, what, nil)
}

// growingProgress lets progress pass only while it grows: each round of a
// request may begin at nothing, but for the client it is one request.
type growingProgress struct {
	last  float64
	known bool
}

func (g *growingProgress) allows(raw []byte) bool {
	m, err := jsonrpc.Parse(raw)
	if err != nil || m.Method != methodProgress {
		return true
	}
	now, err := strconv.ParseFloat(string(jsonrpc.Member(m.Params, "progress")), 64)
	if err != nil {
		return true
	}
	if g.known && now <= g.last {
		return false
	}
	g.last, g.known = now, true
	return true
}
