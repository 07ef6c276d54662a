package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var (
	fenced = regexp.MustCompile("(?s)```[a-z]*\n(.*?)```")
	inline = regexp.MustCompile("`(drawbridge [^`]+)`")
	option = regexp.MustCompile(`(^|\s)(--[a-z][a-z-]*)`)
)

// Every command in the guides is one, with options that it has.
func TestGuidesNameWhatThereIs(t *testing.T) {
	u := newUser(t)
	all, err := filepath.Glob("../../docs/guides/*.md")
	if err != nil || len(all) < 4 {
		t.Fatal(all, err)
	}
	checked := 0
	for _, file := range all {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), "\\\n", " ")
		var commands []string
		for _, block := range fenced.FindAllStringSubmatch(text, -1) {
			commands = append(commands, strings.Split(block[1], "\n")...)
		}
		for _, m := range inline.FindAllStringSubmatch(text, -1) {
			commands = append(commands, m[1])
		}
		for _, line := range commands {
			_, line, found := strings.Cut(line, "drawbridge ")
			line, _, _ = strings.Cut(line, "#")
			words := strings.Fields(line)
			if !found || len(words) == 0 || words[0] == "help" {
				continue
			}
			name := words[:1]
			if len(words) > 1 && (name[0] == "key" || name[0] == "audit" || name[0] == "hmac" || name[0] == "exchange" || name[0] == "sign-in-secret") {
				name = words[:2]
			}
			help := u.run(append(append([]string{}, name...), "--help")...)
			if help.status != 0 || !strings.Contains(help.stdout, "drawbridge "+strings.Join(name, " ")) {
				t.Errorf("%s: there is no drawbridge %s", filepath.Base(file), strings.Join(name, " "))
				continue
			}
			for _, m := range option.FindAllStringSubmatch(line, -1) {
				checked++
				if !strings.Contains(help.stdout, m[2]+" ") {
					t.Errorf("%s: drawbridge %s has no %s", filepath.Base(file), strings.Join(name, " "), m[2])
				}
			}
		}
	}
	if checked < 20 {
		t.Errorf("%d options in all guides: the test looks in the wrong place", checked)
	}
}

// The entries of the guide are what the clients' files hold: they stand beside those
// that Drawbridge writes, whole, and in the part that it writes to.
func TestGuidesEntriesStandBesideInstalledOnes(t *testing.T) {
	raw, err := os.ReadFile("../../docs/guides/loopback.md")
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string]string{}
	for _, block := range fenced.FindAllStringSubmatch(string(raw), -1) {
		for client, part := range map[string]string{"vscode": `"servers"`, "cursor": `"mcpServers"`} {
			if strings.Contains(block[1], part) {
				entries[client] = block[1]
			}
		}
	}
	u := newUser(t)
	u.must("add", "notes", "https://notes.example.com/mcp")
	u.must("add", "mail", "https://mail.example.com/mcp")
	for client, part := range map[string]string{"vscode": "servers", "cursor": "mcpServers"} {
		file := filepath.Join(t.TempDir(), "mcp.json")
		if err := os.WriteFile(file, []byte(entries[client]), 0o600); err != nil {
			t.Fatal(err)
		}
		u.must("install", client, "mail", "--file", file)
		if r := u.run("install", client, "notes", "--file", file); r.status == 0 {
			t.Errorf("%s: the guide's entry was replaced without a word", client)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var before, after map[string]any
		if err := json.Unmarshal([]byte(entries[client]), &before); err != nil {
			t.Fatalf("%s: the guide's entry is no JSON: %v", client, err)
		}
		if err := json.Unmarshal(got, &after); err != nil {
			t.Fatal(err)
		}
		servers, _ := after[part].(map[string]any)
		if servers["mail"] == nil || !reflect.DeepEqual(servers["notes"], before[part].(map[string]any)["notes"]) || !reflect.DeepEqual(after["inputs"], before["inputs"]) {
			t.Errorf("%s: %s", client, got)
		}
	}
}
