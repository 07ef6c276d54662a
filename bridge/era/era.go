// Package era joins the two halves of MCP's history: the one that opens with
// initialize and keeps a session (up to 2025-11-25, "legacy"), and the one in
// which each request stands for itself (from 2026-07-28 on, "modern").
//
// Remote presents a server of either era to a session as a legacy one; Client
// presents a client of either era to a session as a legacy one. Where both ends
// are of one era, messages pass as they are.
//
// It knows the messages of MCP and changes only what the eras spell differently:
// payloads stay the bytes that came. It must not know tokens, OAuth, or how a
// client is connected.
package era

import (
	"bytes"
	"encoding/json"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
)

// Era is a half of MCP's history.
type Era string

// The eras. Unknown is the zero value.
const (
	Unknown Era = ""
	Legacy  Era = "legacy"
	Modern  Era = "modern"
)

// Version is the modern revision that this package speaks, LatestLegacy the
// last one with initialize.
const (
	Version      = "2026-07-28"
	LatestLegacy = mcp.LatestWithInitialize
)

// legacyVersions are the revisions with initialize.
var legacyVersions = []string{"2024-11-05", "2025-03-26", "2025-06-18", LatestLegacy}

// Members of params._meta and result._meta (MCP 2026-07-28, basic, _meta).
const (
	metaVersion      = "io.modelcontextprotocol/protocolVersion"
	metaClientInfo   = "io.modelcontextprotocol/clientInfo"
	metaCapabilities = "io.modelcontextprotocol/clientCapabilities"
	metaLogLevel     = "io.modelcontextprotocol/logLevel"
	metaServerInfo   = "io.modelcontextprotocol/serverInfo"
	metaSubscription = "io.modelcontextprotocol/subscriptionId"
	tasksExtension   = "io.modelcontextprotocol/tasks"
)

// Methods that both eras or one of them know.
const (
	methodInitialize   = "initialize"
	methodInitialized  = "notifications/initialized"
	methodPing         = "ping"
	methodDiscover     = "server/discover"
	methodListen       = "subscriptions/listen"
	methodAcknowledged = "notifications/subscriptions/acknowledged"
	methodCancelled    = "notifications/cancelled"
	methodProgress     = "notifications/progress"
	methodLog          = "notifications/message"
	methodSetLevel     = "logging/setLevel"
	methodToolsCall    = "tools/call"
	methodToolsList    = "tools/list"
	methodPromptsGet   = "prompts/get"
	methodPromptsList  = "prompts/list"
	methodRead         = "resources/read"
	methodResources    = "resources/list"
	methodTemplates    = "resources/templates/list"
	methodSubscribe    = "resources/subscribe"
	methodUnsubscribe  = "resources/unsubscribe"
	methodUpdated      = "notifications/resources/updated"
	methodElicit       = "elicitation/create"
	methodSample       = "sampling/createMessage"
	methodRoots        = "roots/list"
)

// Codes of errors of MCP 2026-07-28 and of JSON-RPC.
const (
	codeHeaderMismatch     = -32020
	codeMissingCapability  = -32021
	codeUnsupportedVersion = -32022
	codeUnknownMethod      = -32601
	codeInvalidParams      = -32602
)

// takesInput are the methods whose result may ask the client for input
// (MCP 2026-07-28, multi round-trip requests).
var takesInput = map[string]bool{methodToolsCall: true, methodPromptsGet: true, methodRead: true}

// listChanged are the notifications that a list may differ, by the member of a
// listen filter that asks for them and the capability that promises them.
var listChanged = []struct{ filter, capability, method string }{
	{"toolsListChanged", "tools", "notifications/tools/list_changed"},
	{"promptsListChanged", "prompts", "notifications/prompts/list_changed"},
	{"resourcesListChanged", "resources", "notifications/resources/list_changed"},
}

// IsModern reports whether a client's message opens a modern conversation: it
// says its version in _meta, or asks what the server is.
func IsModern(m jsonrpc.Message) bool {
	return m.Method == methodDiscover || m.Method != methodInitialize && metaOf(m.Params, metaVersion) != nil
}

func metaOf(payload json.RawMessage, name string) json.RawMessage {
	if !bytes.Contains(payload, []byte("_meta")) { // the common case, without a look at each member
		return nil
	}
	return jsonrpc.Member(jsonrpc.Member(payload, "_meta"), name)
}

// text is the string that raw spells, or "".
func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

// quote spells a string.
func quote(s string) json.RawMessage {
	raw, _ := json.Marshal(s) // always encodable
	return raw
}

// problem is the error of a response, as far as it matters here.
type problem struct {
	Code    int
	Message string
	Data    struct {
		Supported            []string
		RequiredCapabilities map[string]json.RawMessage
	}
}

func readProblem(raw json.RawMessage) (problem, bool) {
	var p problem
	if json.Unmarshal(raw, &p) != nil || p.Code == 0 {
		var plain struct { // data of another form
			Code    int
			Message string
		}
		if json.Unmarshal(raw, &plain) != nil || plain.Code == 0 {
			return p, false
		}
		return problem{Code: plain.Code, Message: plain.Message}, true
	}
	return p, true
}
