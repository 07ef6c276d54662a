package era

import (
	"encoding/json"
	"slices"

	"drawbridge/bridge/jsonrpc"
)

// initializeResult makes the answer to a legacy client's initialize out of a
// modern server's DiscoverResult.
func initializeResult(params, discovered json.RawMessage) json.RawMessage {
	version := text(jsonrpc.Member(params, "protocolVersion"))
	if !slices.Contains(legacyVersions, version) {
		version = LatestLegacy
	}
	capabilities := jsonrpc.Member(discovered, "capabilities")
	if !isObject(capabilities) {
		capabilities = json.RawMessage(`{}`)
	}
	// The tasks of the two eras have nothing but the name in common.
	capabilities = without(capabilities, "tasks")
	if extensions := jsonrpc.Member(capabilities, "extensions"); extensions != nil {
		capabilities = splice(capabilities, []field{{"extensions", without(extensions, tasksExtension)}})
	}
	info := metaOf(discovered, metaServerInfo)
	if info == nil {
		info = jsonrpc.Member(discovered, "serverInfo")
	}
	if !isObject(info) { // required in this era
		info = json.RawMessage(`{"name":"unknown","version":"0"}`)
	}
	return splice(nil, []field{
		{"protocolVersion", quote(version)},
		{"capabilities", capabilities},
		{"serverInfo", info},
		{"instructions", jsonrpc.Member(discovered, "instructions")},
	})
}

// clientCapabilities makes what a modern server is told with each request out of
// the capabilities of a legacy client's initialize. Nothing is added: the client
// will be asked to keep every promise.
func clientCapabilities(declared json.RawMessage) json.RawMessage {
	if !isObject(declared) {
		return json.RawMessage(`{}`)
	}
	declared = without(declared, "tasks")
	if roots := jsonrpc.Member(declared, "roots"); isObject(roots) {
		declared = splice(declared, []field{{"roots", without(roots, "listChanged")}})
	}
	return declared
}
