package clients

import (
	"os"
	"path/filepath"
	"strings"
)

// Format is a file format.
type Format string

// The formats.
const (
	JSON  Format = "json"  // comments are refused: the client could not read them
	JSONC Format = "jsonc" // with comments and trailing commas
	TOML  Format = "toml"
	YAML  Format = "yaml"
)

// row is what Drawbridge knows of one client.
type row struct {
	id, title string
	format    Format
	at        string // the member of the file's root that holds the entries
	shape     shape
	// files are where the settings may be, the usual place first.
	files func(Env) []string
	// signs are paths one of which is there when the client is; nil: the folder of
	// its file.
	signs func(Env) []string
	after string
}

// table is every client that install knows, each by its own documentation.
func table() []row {
	usual := shape{command: "command", args: "args", env: "env"}
	typed := shape{ahead: fields{{"type", "stdio"}}, command: "command", args: "args", env: "env"}
	return []row{
		{
			id: "claude-desktop", title: "Claude Desktop", format: JSON, at: "mcpServers", shape: usual,
			files: claudeDesktopFiles,
			after: "Quit Claude Desktop and start it again.",
		},
		{
			id: "claude-code", title: "Claude Code", format: JSON, at: "mcpServers", shape: typed,
			files: func(env Env) []string {
				if filepath.IsAbs(env.ClaudeConfigDir) {
					return []string{filepath.Join(env.ClaudeConfigDir, ".claude.json")}
				}
				return env.home(".claude.json")
			},
			signs: func(env Env) []string {
				if filepath.IsAbs(env.ClaudeConfigDir) {
					return []string{env.ClaudeConfigDir}
				}
				return append(env.home(".claude.json"), env.home(".claude")...)
			},
			after: "Claude Code's next session has it.",
		},
		{
			id: "cursor", title: "Cursor", format: JSONC, at: "mcpServers", shape: usual,
			files: func(env Env) []string { return env.home(".cursor", "mcp.json") },
			after: "Cursor asks to enable it: Settings, MCP.",
		},
		{
			id: "vscode", title: "VS Code", format: JSONC, at: "servers", shape: typed,
			files: func(env Env) []string { return env.config("Code", "User", "mcp.json") },
			signs: func(env Env) []string { return env.config("Code") },
			after: "VS Code starts it when a chat needs it.",
		},
		{
			id: "vscode-insiders", title: "VS Code Insiders", format: JSONC, at: "servers", shape: typed,
			files: func(env Env) []string { return env.config("Code - Insiders", "User", "mcp.json") },
			signs: func(env Env) []string { return env.config("Code - Insiders") },
			after: "VS Code starts it when a chat needs it.",
		},
		{
			id: "windsurf", title: "Windsurf", format: JSON, at: "mcpServers", shape: usual,
			files: func(env Env) []string { return env.home(".codeium", "windsurf", "mcp_config.json") },
			after: "Press Refresh in Windsurf's MCP settings.",
		},
		{
			id: "zed", title: "Zed", format: JSONC, at: "context_servers", shape: usual,
			files: func(env Env) []string {
				if env.GOOS == "windows" {
					return append(env.config("Zed", "settings.json"), env.home(".config", "zed", "settings.json")...)
				}
				return env.xdg("zed", "settings.json")
			},
			after: "Zed starts it at once.",
		},
		{
			id: "codex", title: "Codex CLI", format: TOML, at: "mcp_servers", shape: usual,
			files: func(env Env) []string {
				if filepath.IsAbs(env.CodexHome) {
					return []string{filepath.Join(env.CodexHome, "config.toml")}
				}
				return env.home(".codex", "config.toml")
			},
			after: "Codex's next session has it.",
		},
		{
			id: "gemini", title: "Gemini CLI", format: JSONC, at: "mcpServers", shape: usual,
			files: func(env Env) []string { return env.home(".gemini", "settings.json") },
			after: "Start Gemini CLI again.",
		},
		{
			id: "goose", title: "Goose", format: YAML, at: "extensions",
			shape: shape{
				ahead: fields{{"enabled", true}, {"type", "stdio"}}, name: "name", description: "description",
				command: "cmd", args: "args", env: "envs", behind: fields{{"timeout", 300}},
			},
			files: func(env Env) []string {
				if env.GOOS == "windows" {
					return append(env.config("Block", "goose", "config", "config.yaml"), env.home("AppData", "Block", "goose", "config.yaml")...)
				}
				return env.xdg("goose", "config.yaml")
			},
			after: "Goose's next session has it.",
		},
		{
			id: "lm-studio", title: "LM Studio", format: JSON, at: "mcpServers", shape: usual,
			files: func(env Env) []string {
				return append(env.home(".lmstudio", "mcp.json"), env.home(".cache", "lm-studio", "mcp.json")...)
			},
			after: "LM Studio loads it at once.",
		},
		{
			id: "opencode", title: "OpenCode", format: JSONC, at: "mcp",
			shape: shape{ahead: fields{{"type", "local"}}, command: "command", joined: true, env: "environment", behind: fields{{"enabled", true}}},
			files: func(env Env) []string {
				return append(env.xdg("opencode", "opencode.json"), env.xdg("opencode", "opencode.jsonc")...)
			},
			after: "Start OpenCode again.",
		},
		{
			id: "cline", title: "Cline", format: JSON, at: "mcpServers", shape: usual,
			files: func(env Env) []string {
				var files []string
				for _, editor := range []string{"Code", "Code - Insiders", "Cursor", "Windsurf", "VSCodium"} {
					files = append(files, env.config(editor, "User", "globalStorage", "saoudrizwan.claude-dev", "settings", "cline_mcp_settings.json")...)
				}
				return files
			},
			after: "Cline loads it at once.",
		},
	}
}

func (env Env) home(parts ...string) []string {
	return []string{filepath.Join(append([]string{env.Home}, parts...)...)}
}

// xdg is the folder of programs that follow the XDG specification on every
// system.
func (env Env) xdg(parts ...string) []string {
	base := env.ConfigHome
	if !filepath.IsAbs(base) { // the XDG specification says to ignore it then
		base = filepath.Join(env.Home, ".config")
	}
	return []string{filepath.Join(append([]string{base}, parts...)...)}
}

// config is the folder in which this system's programs keep their settings.
func (env Env) config(parts ...string) []string {
	switch env.GOOS {
	case "darwin":
		return []string{filepath.Join(append([]string{env.Home, "Library", "Application Support"}, parts...)...)}
	case "windows":
		return []string{filepath.Join(append([]string{env.AppData}, parts...)...)}
	}
	return env.xdg(parts...)
}

// claudeDesktopFiles: on Windows the Store package reads its own, redirected copy
// of the file where there is one, and the usual file through it where not; on
// Linux, where there is no official build, the spelling that exists counts.
func claudeDesktopFiles(env Env) []string {
	const name = "claude_desktop_config.json"
	files := env.config("Claude", name)
	switch env.GOOS {
	case "darwin":
	case "windows":
		var own []string
		for _, dir := range storePackages(env.LocalAppData, "Claude_") {
			own = append(own, filepath.Join(dir, "LocalCache", "Roaming", "Claude", name))
		}
		if len(own) > 0 && !exists(files[0]) { // an empty usual folder is no reason to write there
			return own
		}
		files = append(own, files...)
	default:
		files = append(files, env.config("claude", name)...)
	}
	return files
}

// storePackages are the data folders of the Store packages whose name begins
// with prefix. (No Glob: the user's folder may hold characters it reads.)
func storePackages(localAppData, prefix string) []string {
	if localAppData == "" {
		return nil
	}
	packages := filepath.Join(localAppData, "Packages")
	found, err := os.ReadDir(packages)
	if err != nil {
		return nil
	}
	var all []string
	for _, entry := range found {
		if entry.IsDir() && strings.HasPrefix(entry.Name(), prefix) {
			all = append(all, filepath.Join(packages, entry.Name()))
		}
	}
	return all
}
