// Package mcp holds the words of MCP that several packages say: methods and
// revisions. It must not know what a message means or how it travels.
//
// They are constants of our own because the packages that know them all bring a
// schema compiler and templates along, which every bridge would keep in memory.
package mcp

// Methods of requests (MCP 2025-11-25, schema).
const (
	MethodInitialize           = "initialize"
	MethodPing                 = "ping"
	MethodToolsList            = "tools/list"
	MethodToolsCall            = "tools/call"
	MethodPromptsList          = "prompts/list"
	MethodPromptsGet           = "prompts/get"
	MethodResourcesList        = "resources/list"
	MethodResourcesTemplates   = "resources/templates/list"
	MethodResourcesRead        = "resources/read"
	MethodResourcesSubscribe   = "resources/subscribe"
	MethodResourcesUnsubscribe = "resources/unsubscribe"
	MethodComplete             = "completion/complete"
	MethodElicit               = "elicitation/create"
	MethodSetLogLevel          = "logging/setLevel"
)

// Methods of notifications (MCP 2025-11-25, schema).
const (
	NotificationCancelled            = "notifications/cancelled"
	NotificationProgress             = "notifications/progress"
	NotificationElicitationComplete  = "notifications/elicitation/complete"
	NotificationToolsListChanged     = "notifications/tools/list_changed"
	NotificationPromptsListChanged   = "notifications/prompts/list_changed"
	NotificationResourcesListChanged = "notifications/resources/list_changed"
)

// LatestWithInitialize is the last revision whose connections begin with
// initialize.
const LatestWithInitialize = "2025-11-25"

// Members of _meta in which a client says with each request what it speaks and
// what it offers (MCP 2026-07-28, basic).
const (
	MetaProtocolVersion    = "io.modelcontextprotocol/protocolVersion"
	MetaClientCapabilities = "io.modelcontextprotocol/clientCapabilities"
)
