package config

import "path/filepath"

// Bridge is what the settings say of the local HTTP bridge.
type Bridge struct {
	// Rules say who may do what; without any, whoever the guard admits may do
	// everything that their credential does not forbid.
	Rules []BridgeRule `json:"rules,omitempty"`
	// BuiltInRoles adds the roles viewer, developer and admin.
	BuiltInRoles bool `json:"builtInRoles,omitempty"`
	// Serve are the options with which the agent runs `drawbridge serve`; nil: it
	// does not. An empty list runs it as it is without options.
	Serve []string `json:"serve,omitempty"`
	// Servers is what is different for single servers, by name.
	Servers map[string]BridgeServer `json:"servers,omitempty"`
}

// BridgeServer is what the local bridge does for one server.
type BridgeServer struct {
	// TellCaller sends who the caller is along to the server, in the headers
	// X-Drawbridge-Subject, -Email and -Client.
	TellCaller bool `json:"tellCaller,omitempty"`
}

// BridgeFor is what the bridge does for a server.
func (s *Settings) BridgeFor(server string) BridgeServer {
	if s.Bridge == nil {
		return BridgeServer{}
	}
	return s.Bridge.Servers[server]
}

// BridgeRule gives rights to those it matches: any of its first five members is
// enough. Patterns know * and ?; a list that is empty means all.
type BridgeRule struct {
	Scopes   []string `json:"scopes,omitempty"`
	Roles    []string `json:"roles,omitempty"`
	Subjects []string `json:"subjects,omitempty"`
	Clients  []string `json:"clients,omitempty"`
	// Claims are NAME=VALUE.
	Claims  []string `json:"claims,omitempty"`
	Servers []string `json:"servers,omitempty"`
	Methods []string `json:"methods,omitempty"`
	Tools   []string `json:"tools,omitempty"`
}

// Bridge is the folder of the local bridge's API keys and denylist, Audit that of
// its record.
func (p Paths) Bridge() string { return filepath.Join(p.State, "bridge") }

// Audit is the folder of the record of who did what.
func (p Paths) Audit() string { return filepath.Join(p.State, "audit") }
