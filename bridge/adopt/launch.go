package adopt

import (
	"path"
	"slices"
	"strings"
	"unicode"
)

// launchers are the programs that people start mcp-remote with.
var launchers = []string{"npx", "bunx", "bun", "pnpx", "pnpm", "npm", "yarn", "node", "deno", "env", "volta", "mise", "fnm", "wsl"}

// shells take a command line after one of shellFlags.
var (
	shells     = []string{"cmd", "sh", "bash", "zsh", "dash", "powershell", "pwsh"}
	shellFlags = []string{"/c", "-c", "-lc", "-ic", "-ilc", "-lic", "-command"}
)

// subcommands of launchers, and flags of theirs that take a value.
var (
	subcommands = []string{"x", "dlx", "exec", "run", "--"}
	valueFlags  = []string{
		"-p", "--package", "--registry", "--prefix", "--cache", "--userconfig", "-w", "--workspace",
		"-r", "--require", "--import", "--loader", "--node", "--using", "-d", "--distribution",
	}
)

// mcpRemote takes the command of a client's entry apart when it starts
// mcp-remote: the arguments that mcp-remote gets, and the variables that are set
// in front of it.
func mcpRemote(command string, args []string) (rest []string, env map[string]string, ok bool) {
	words := append([]string{command}, args...)
	if strings.Contains(command, " ") && !isLauncher(command) && !isShell(command) {
		words = append(splitWords(command), args...) // all of it in the wrong field
	}
	return remoteArgs(words, map[string]string{}, 0)
}

func remoteArgs(words []string, env map[string]string, depth int) ([]string, map[string]string, bool) {
	if len(words) == 0 || depth > 3 {
		return nil, nil, false
	}
	if isShell(words[0]) {
		for i, word := range words[1:] {
			if !slices.Contains(shellFlags, strings.ToLower(word)) {
				continue
			}
			script := words[i+2:]
			if len(script) == 1 {
				script = splitWords(script[0])
			}
			return remoteArgs(script, env, depth+1)
		}
		return nil, nil, false
	}
	between := "" // the word before, when it is a flag that takes a value
	for i, word := range words {
		switch name, value, assigned := strings.Cut(word, "="); {
		case between != "":
			between = ""
		case isProgram(word):
			return words[i+1:], env, true
		case strings.HasPrefix(word, "-"):
			if slices.Contains(valueFlags, word) {
				between = word
			}
		case isLauncher(word), i > 0 && slices.Contains(subcommands, word), word == "exec":
		case assigned && isVariable(name):
			env[name] = value
		case isShell(word):
			return remoteArgs(words[i:], env, depth+1)
		default:
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// isProgram: mcp-remote, mcp-remote@latest, npm:mcp-remote, a path to it, or to
// its script. Not mcp-remote-client, which is no server.
func isProgram(word string) bool {
	word = strings.TrimPrefix(strings.ReplaceAll(word, `\`, "/"), "npm:")
	if strings.HasSuffix(word, "mcp-remote/dist/proxy.js") {
		return true
	}
	base := path.Base(word)
	if i := strings.LastIndex(base, "@"); i > 0 {
		base = base[:i]
	}
	return programName(base) == "mcp-remote"
}

func isLauncher(word string) bool { return slices.Contains(launchers, programName(word)) }
func isShell(word string) bool    { return slices.Contains(shells, programName(word)) }

// programName is the last part of a path without what Windows appends.
func programName(word string) string {
	base := strings.ToLower(path.Base(strings.ReplaceAll(word, `\`, "/")))
	for _, end := range []string{".exe", ".cmd", ".ps1", ".bat", ".js"} {
		base = strings.TrimSuffix(base, end)
	}
	return base
}

func isVariable(name string) bool {
	return name != "" && !unicode.IsDigit(rune(name[0])) && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// splitWords splits as a shell would, as far as entries need it: blanks, single
// and double quotes, and a backslash only before a quote, since most of them are
// parts of Windows paths.
func splitWords(s string) []string {
	var (
		words []string
		word  strings.Builder
		quote rune
		open  bool
	)
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; {
		case r == '\\' && quote != '\'' && i+1 < len(runes) && strings.ContainsRune(`"'`, runes[i+1]):
			i++
			word.WriteRune(runes[i])
			open = true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, open = r, true
		case unicode.IsSpace(r):
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}
