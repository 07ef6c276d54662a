package era

import (
	"encoding/json"
	"slices"

	"drawbridge/bridge/jsonrpc"
)

// listed are the methods whose results say how long they may be kept
// (MCP 2026-07-28, caching). Sessions differ in what they list, and a legacy
// server does not say: nothing is kept.
var listed = []string{methodToolsList, methodPromptsList, methodResources, methodTemplates, methodRead}

// completeResult makes a modern result out of a legacy one.
func completeResult(method string, result json.RawMessage) json.RawMessage {
	fields := []field{{"resultType", quote("complete")}}
	if slices.Contains(listed, method) {
		fields = append(fields, field{"ttlMs", json.RawMessage("0")}, field{"cacheScope", quote("private")})
	}
	return splice(result, fields)
}

// discoverResult makes the answer to server/discover out of a legacy server's
// InitializeResult.
func discoverResult(initialized json.RawMessage) json.RawMessage {
	capabilities := jsonrpc.Member(initialized, "capabilities")
	if !isObject(capabilities) {
		capabilities = json.RawMessage(`{}`)
	}
	var meta json.RawMessage
	if info := jsonrpc.Member(initialized, "serverInfo"); isObject(info) {
		meta = splice(nil, []field{{metaServerInfo, info}})
	}
	return discovery(without(capabilities, "tasks"), jsonrpc.Member(initialized, "instructions"), meta)
}

// minimalDiscovery promises only what stays true: that the lists may change.
func minimalDiscovery(why string) json.RawMessage {
	changed := json.RawMessage(`{"listChanged":true}`)
	return discovery(splice(nil, []field{{"tools", changed}, {"prompts", changed}, {"resources", changed}}), quote(why),
		splice(nil, []field{{metaServerInfo, json.RawMessage(`{"name":"drawbridge","version":"0"}`)}}))
}

func discovery(capabilities, instructions, meta json.RawMessage) json.RawMessage {
	return splice(nil, []field{
		{"resultType", quote("complete")},
		{"supportedVersions", array([]json.RawMessage{quote(Version)})},
		{"capabilities", capabilities},
		{"instructions", instructions},
		{"ttlMs", json.RawMessage("0")},
		{"cacheScope", quote("private")},
		{"_meta", meta},
	})
}
