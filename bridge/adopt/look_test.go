package adopt

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/clients"
	"drawbridge/bridge/config"
)

// home is a person's home folder with the files of the map in it.
func home(t *testing.T, files map[string]string) Where {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "$HOME", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Where{
		Env: clients.Env{GOOS: "linux", Home: dir}, Folder: filepath.Join(dir, "work"), OwnHeaders: []string{"Authorization"},
		Getenv: func(string) (string, bool) { return "", false },
	}
}

// entry is a client's entry in JSON that starts mcp-remote.
func entry(args ...string) string {
	return fmt.Sprintf(`{"command": "npx", "args": ["-y", "mcp-remote", "%s"]}`, strings.Join(args, `", "`))
}

// TestEntries reads the settings of every client in its own form.
func TestEntries(t *testing.T) {
	const u = "https://mcp.example.com/"
	w := home(t, map[string]string{
		".config/Claude/claude_desktop_config.json": `{"mcpServers": {"desktop": ` + entry(u+"desktop", "--header", "X: ${Y}") + `, "other": {"command": "other"}, "url": {"url": "https://x"}}}`,
		".claude.json": `{"mcpServers": {"code": ` + entry(u+"${PART:-code}") + `}, "projects": {"/p": {"mcpServers": {"project": ` + entry(u+"${PART:-project}") + `}}, "/q": 1}}`,
		".cursor/mcp.json": "\xef\xbb\xbf" + `{"mcpServers": { // mine
			"cursor": ` + entry(u+"${env:NONE}cursor") + `, }}`,
		".codeium/windsurf/mcp_config.json":  `{"mcpServers": {"surf": ` + entry(u+"surf") + `}}`,
		".config/Code/User/mcp.json":         `{"servers": {"vs": {"type": "stdio", "command": "cmd", "args": ["/c", "npx mcp-remote ` + u + `vs"], "env": {"N": 1, "H": "${userHome}"}}}}`,
		"work/.mcp.json":                     `{"mcpServers": {"here": ` + entry(u+"here") + `}}`,
		"work/.cursor/mcp.json":              `[]`,
		"work/.vscode/mcp.json":              `{"servers": {"broken": `,
		".config/Code - Insiders/User/x.txt": "",
	})
	all, unread := w.entries()
	var got []string
	for _, e := range all {
		got = append(got, fmt.Sprintf("%s %s %s %s %v", e.Client, e.Name, e.Project, parseLine(e.args).url, e.Replaceable))
	}
	want := []string{
		"Claude Desktop desktop  https://mcp.example.com/desktop true",
		"Claude Code code  https://mcp.example.com/code false",
		"Claude Code project /p https://mcp.example.com/project false",
		"Cursor cursor  https://mcp.example.com/cursor false",
		"Windsurf surf  https://mcp.example.com/surf false",
		"VS Code vs  https://mcp.example.com/vs false",
		"Claude Code here  https://mcp.example.com/here false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"N": "1", "H": w.Env.Home}, all[5].env); diff != "" {
		t.Errorf("the variables of VS Code's entry:\n%s", diff)
	}
	if all[0].args[2] != "X: ${Y}" {
		t.Errorf("Claude Desktop replaces nothing: %q", all[0].args)
	}
	if len(unread) != 2 || !strings.Contains(strings.Join(unread, "\n"), ".vscode") {
		t.Errorf("unread: %q", unread)
	}
}

const opaque = `{"access_token": "at", "refresh_token": "rt", "expires_in": 3600, "issuer": "https://as.example.com"}`

// TestLook: entries and stored sign-ins find each other, and servers get names.
func TestLook(t *testing.T) {
	const u = "https://mcp.linear.app/mcp"
	oldHeaders := parseLine([]string{u, "--header", "X: 1"})
	aud := "https://notes.example.com/mcp"
	token := "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL25vdGVzLmV4YW1wbGUuY29tL21jcC8ifQ.eA" // for aud with a slash
	v1 := ".mcp-auth/mcp-remote-v1/"
	w := home(t, map[string]string{
		".config/Claude/claude_desktop_config.json":                           `{"mcpServers": {"My Linear (work)": ` + entry(u) + `, "no address": ` + entry("--debug") + `, "bad": ` + entry("http://mcp.example.com") + `}}`,
		".cursor/mcp.json":                                                    `{"mcpServers": {"linear": ` + entry(u, "--debug") + `, "headers": ` + entry(u, "--header", "X: 1") + `, "there": ` + entry("https://there.example.com/mcp") + `}}`,
		v1 + keyOf(u) + "_tokens.json":                                        opaque,
		v1 + keyOf(u) + "_client_info.json":                                   `{"client_id": "c"}`,
		v1 + "readme.txt":                                                     "x",
		".mcp-auth/mcp-remote-0.1.38/" + keyOf(u) + "_tokens.json":            opaque,
		".mcp-auth/mcp-remote-0.1.29/" + oldHeaders.oldKey() + "_tokens.json": opaque,
		v1 + keyOf(aud) + "_tokens.json":                                      `{"access_token": "` + token + `"}`,
		v1 + keyOf("https://unknown.example.com") + "_tokens.json":            opaque,
	})
	earlier := time.Now().Add(-time.Hour)
	for _, folder := range []string{"0.1.38", "0.1.29"} {
		if err := os.Chtimes(filepath.Join(w.Env.Home, ".mcp-auth/mcp-remote-"+folder, keyOf(u)+"_tokens.json"), earlier, earlier); err != nil {
			t.Fatal(err)
		}
	}
	settings := &config.Settings{Servers: []config.Server{{Name: "mine", URL: "https://there.example.com/mcp", Scopes: []string{"x"}}, {Name: "linear", URL: "https://other.example.com"}}}
	f := Look(w, settings)
	var got []string
	for _, s := range f.Servers {
		stored := "-"
		if s.Stored != nil {
			stored = filepath.Base(s.Stored.Dir)
		}
		got = append(got, fmt.Sprintf("%s %s exists=%v entries=%d stored=%s outdated=%d", s.Server.Name, s.Server.URL, s.Exists, len(s.Entries), stored, len(s.outdated)))
	}
	want := []string{
		"My-Linear-work https://mcp.linear.app/mcp exists=false entries=2 stored=mcp-remote-v1 outdated=2",
		"headers https://mcp.linear.app/mcp exists=false entries=1 stored=- outdated=0", // the old sign-in has one taker
		"mine https://there.example.com/mcp exists=true entries=1 stored=- outdated=0",
		"notes https://notes.example.com/mcp exists=false entries=0 stored=mcp-remote-v1 outdated=0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(f.Leftovers) != 1 || f.Leftovers[0].Key != keyOf("https://unknown.example.com") {
		t.Errorf("leftovers: %+v", f.Leftovers)
	}
	if len(f.Unread) != 2 || !strings.Contains(f.Unread[0]+f.Unread[1], `"no address"`) || !strings.Contains(f.Unread[0]+f.Unread[1], `"bad"`) {
		t.Errorf("unread: %q", f.Unread)
	}
	if !slices.ContainsFunc(f.Servers[0].Options, func(o Option) bool { return o.Name == "--debug" }) {
		t.Errorf("the options of the second entry are lost: %+v", f.Servers[0].Options)
	}
}

// TestOtherStore: MCP_REMOTE_CONFIG_DIR, of this process or of an entry.
func TestOtherStore(t *testing.T) {
	const u = "https://mcp.example.com/mcp"
	w := home(t, map[string]string{
		".cursor/mcp.json": `{"mcpServers": {"a": {"command": "npx", "args": ["mcp-remote", "` + u + `"], "env": {"MCP_REMOTE_CONFIG_DIR": "$HOME/one"}}}}`,
		"one/mcp-remote-v1/" + keyOf(u) + "_tokens.json": opaque,
		"two/" + keyOf("x") + "_tokens.json":             opaque, // before there were folders
	})
	w.Getenv = func(name string) (string, bool) {
		return filepath.Join(w.Env.Home, "two"), name == "MCP_REMOTE_CONFIG_DIR"
	}
	f := Look(w, &config.Settings{})
	if len(f.Servers) != 1 || f.Servers[0].Stored == nil || len(f.Leftovers) != 1 || len(f.Stores) != 2 {
		t.Errorf("%+v", f)
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"notes": "notes", "My Server (prod)": "My-Server-prod", "Ünïcode": "n-code", "--": "", " a/b ": "a-b", strings.Repeat("x", 70): strings.Repeat("x", 60),
	} {
		got := cleanName(name)
		if got != want || got != "" && config.CheckName(got) != nil {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	for address, want := range map[string]string{
		"https://mcp.linear.app/mcp": "linear", "https://api.githubcopilot.com/mcp/": "githubcopilot", "https://example.com": "example",
		"http://127.0.0.1:3000/mcp": "local-3000", "https://192.168.1.2/mcp": "192.168.1.2", "https://mcp.dev": "mcp",
	} {
		if got := hostName(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
