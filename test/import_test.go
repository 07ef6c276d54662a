package test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/test/harness"
)

// TestImportFromMcpRemote lets the real mcp-remote sign in, takes over what it
// left, and goes on with Drawbridge: nobody signs in again, nothing is renewed
// on the way, and no plain file is left. The provider counts.
func TestImportFromMcpRemote(t *testing.T) {
	t.Parallel()
	p := start(t, 5*time.Minute) // mcp-remote renews in the last minute
	args := []string{p.gate.URL, "--header", "X-Team:tools"}
	command, env := p.McpRemote(args...)
	result, err := p.RunClient(harness.Client{
		Command: command, Env: env, Calls: []string{`echo={"message":"before"}`}, Timeout: time.Minute,
	})
	if err != nil || len(result.Failures()) > 0 {
		t.Fatalf("mcp-remote: %v\n%v", err, result)
	}
	p.Seen(1)
	settings := filepath.Join(p.Home, ".config", "Claude", "claude_desktop_config.json")
	writeJSON(t, settings, map[string]any{"mcpServers": map[string]any{
		"every thing": map[string]any{"command": "npx", "args": append([]string{"-y", "mcp-remote@latest"}, args...)},
		"other":       map[string]any{"command": "other", "args": []string{}},
	}})

	before, counts := tree(t, p.Home), p.provider.Counts()
	look := p.MustRun("import", "mcp-remote", "--dry-run")
	if !strings.Contains(look.Stdout, "can be taken over") || !strings.Contains(look.Stdout, "kept     --header X-Team") {
		t.Errorf("the dry run does not show what would happen: %v", look)
	}
	noSecret(t, p, look)
	if diff := cmp.Diff(before, tree(t, p.Home)); diff != "" {
		t.Errorf("the dry run changed files:\n%s", diff)
	}
	if asked := p.Run("import", "mcp-remote"); asked.Status != 2 || !strings.Contains(asked.Stderr, "--yes") {
		t.Errorf("without a terminal and --yes: %v", asked)
	}

	done := p.MustRun("import", "mcp-remote", "--yes", "--delete")
	noSecret(t, p, done)
	if diff := cmp.Diff(counts, p.provider.Counts()); diff != "" {
		t.Errorf("the import did something at the provider:\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(p.Home, ".mcp-auth")); err == nil {
		t.Errorf("mcp-remote's folder is still there: %v", slices.Sorted(maps.Keys(tree(t, filepath.Join(p.Home, ".mcp-auth")))))
	}
	var now struct {
		McpServers map[string]struct {
			Command string
			Args    []string
		}
	}
	readJSON(t, settings, &now)
	entry := now.McpServers["every thing"]
	if entry.Command != p.Binary() || !slices.Equal(entry.Args[len(entry.Args)-2:], []string{"stdio", "every-thing"}) || now.McpServers["other"].Command != "other" {
		t.Fatalf("Claude Desktop's entries: %+v", now)
	}

	result, err = p.RunClient(harness.Client{
		Command: append([]string{entry.Command}, entry.Args...), Env: p.ClientEnv(), Calls: []string{`echo={"message":"after"}`},
	})
	if err != nil || len(result.Failures()) > 0 {
		t.Fatalf("through the new entry: %v\n%v", err, result)
	}
	if diff := cmp.Diff(counts, p.provider.Counts()); diff != "" {
		t.Errorf("the first call did something at the provider:\n%s", diff)
	}

	// The refresh token and the client that it belongs to are good for a renewal.
	p.gate.Order(map[string]any{"do": "deny", "times": 1})
	result, err = p.RunClient(harness.Client{
		Command: append([]string{entry.Command}, entry.Args...), Env: p.ClientEnv(), Calls: []string{`echo={"message":"renewed"}`},
	})
	if err != nil || len(result.Failures()) > 0 {
		t.Fatalf("after a refusal: %v\n%v", err, result)
	}
	after := p.provider.Counts()
	if after.Refreshes != counts.Refreshes+1 || after.Reuses != 0 || after.SignIns != 1 || after.Registrations != 1 || len(p.Opened()) != 1 {
		t.Errorf("the provider counted %+v; want one renewal more, no reuse, one sign-in, one registration; %d browsers", after, len(p.Opened()))
	}
	secrets := append(p.provider.Tokens(), p.gate.Tokens()...)
	if found, _ := p.Leaks(secrets); len(found) > 0 {
		t.Errorf("left behind: %q", found)
	}

	if again := p.MustRun("import", "mcp-remote", "--yes"); !strings.Contains(again.Stderr, "No client starts a server through mcp-remote") {
		t.Errorf("a second import: %v", again)
	}
	p.MustRun("logout", "every-thing")
	if last := p.provider.Counts(); last.GrantsRevoked != 1 || last.LiveGrants != 0 {
		t.Errorf("the sign-out did not revoke what was taken over: %+v", last)
	}
}

// TestImportKnowsEveryOption takes the options out of the source of the pinned
// mcp-remote and gives each in an entry of its own: all are spoken of.
func TestImportKnowsEveryOption(t *testing.T) {
	t.Parallel()
	rig := harness.New(t)
	options := mcpRemoteOptions(t)
	entries := map[string]any{}
	for i, option := range options {
		entries[fmt.Sprintf("server-%02d", i)] = map[string]any{
			"command": "npx", "args": []string{"mcp-remote", fmt.Sprintf("https://mcp.example.com/%d", i), option, "X-Team: a=b"},
		}
	}
	writeJSON(t, filepath.Join(rig.Home, ".config", "Claude", "claude_desktop_config.json"), map[string]any{"mcpServers": entries})
	var out struct {
		Servers []struct {
			Name    string
			Options []struct{ Option, Says string }
		}
	}
	if err := json.Unmarshal([]byte(rig.MustRun("import", "mcp-remote", "--dry-run", "--json").Stdout), &out); err != nil {
		t.Fatal(err)
	}
	if len(options) < 30 || len(out.Servers) != len(options) {
		t.Fatalf("%d options, %d servers", len(options), len(out.Servers))
	}
	for i, option := range options {
		if said := out.Servers[i].Options; len(said) == 0 || !strings.HasPrefix(said[0].Option, option) || said[0].Says == "" || strings.Contains(said[0].Says, "knows no such argument") {
			t.Errorf("%s: %+v", option, said)
		}
	}
}

// mcpRemoteOptions are those that its parser names, but the ones that end it.
func mcpRemoteOptions(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("node_modules/mcp-remote/dist/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source := string(raw)
		from, to := strings.Index(source, "function parseAuthorizeParams("), strings.Index(source, "function setupSignalHandlers(")
		if from < 0 || to < from {
			continue
		}
		var options []string
		for _, m := range regexp.MustCompile(`"(--[a-z0-9-]+)"`).FindAllStringSubmatch(source[from:to], -1) {
			if m[1] != "--help" && m[1] != "--version" {
				options = append(options, m[1])
			}
		}
		slices.Sort(options)
		return slices.Compact(options)
	}
	t.Fatal("mcp-remote's parser is not where it was")
	return nil
}

func noSecret(t *testing.T, p place, result harness.Result) {
	t.Helper()
	for _, s := range p.provider.Tokens() {
		if strings.Contains(result.Stdout+result.Stderr, s.Value) {
			t.Errorf("a %s was printed", s.Kind)
		}
	}
}

// tree is every file below a folder with its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		files[path] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func writeJSON(t *testing.T, path string, value any) {
	t.Helper()
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}
