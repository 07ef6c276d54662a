package adopt

import (
	"regexp"
	"strings"
)

var placeholder = regexp.MustCompile(`\$\{([^}]+)\}`)

// expand replaces ${VARIABLE} as mcp-remote does in headers and in the static
// client: by the environment, and one that is not there stays as it is.
func expand(s string, getenv func(string) (string, bool)) string {
	return placeholder.ReplaceAllStringFunc(s, func(match string) string {
		if value, ok := getenv(match[2 : len(match)-1]); ok {
			return value
		}
		return match
	})
}

// expandEntry replaces what a client replaces before it starts the command:
// ${VARIABLE} and ${VARIABLE:-default} in Claude Code; ${env:VARIABLE},
// ${userHome} and ${workspaceFolder} in VS Code, Cursor and Windsurf. Claude
// Desktop replaces nothing.
func expandEntry(s string, style expansion, home, folder string, getenv func(string) (string, bool)) string {
	if style == noExpansion {
		return s
	}
	return placeholder.ReplaceAllStringFunc(s, func(match string) string {
		name := match[2 : len(match)-1]
		if style == claudeCodeExpansion {
			name, fallback, has := strings.Cut(name, ":-")
			if value, ok := getenv(name); ok {
				return value
			}
			if has {
				return fallback
			}
			return match
		}
		if variable, ok := strings.CutPrefix(name, "env:"); ok {
			value, _ := getenv(variable) // one that is not there is empty
			return value
		}
		switch name {
		case "userHome":
			return home
		case "workspaceFolder":
			return folder
		}
		return match
	})
}

// expansion is how a client treats ${…} in its entries.
type expansion int

const (
	noExpansion expansion = iota
	claudeCodeExpansion
	editorExpansion
)
