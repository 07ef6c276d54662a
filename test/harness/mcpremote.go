package harness

import "path/filepath"

// McpRemote is the command that starts npm's mcp-remote with these arguments,
// and what it needs besides a client's usual environment: a browser. It keeps
// its sign-ins in Home/.mcp-auth.
func (r *Rig) McpRemote(args ...string) (command, env []string) {
	program := filepath.Join(testDir(), "node_modules", "mcp-remote", "dist", "proxy.js")
	return append([]string{node(), program}, args...), r.BrowserEnv()
}
