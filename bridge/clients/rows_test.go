package clients

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/fault"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The entry of the golden files: an account, and folders that are not the usual
// ones, one of which goes into the environment.
var noted = Entry{
	Name: "notes-work", Command: "/usr/bin/drawbridge",
	Args: []string{"--config-dir", "/srv/config", "stdio", "notes@work"},
	Env:  map[string]string{"DRAWBRIDGE_STATE_DIR": "/srv/my state"},
}

// TestRows takes each row of the table through its golden files: connect,
// connect again, bring up to date, take back, and the same without a file.
func TestRows(t *testing.T) {
	for _, r := range table() {
		t.Run(r.id, func(t *testing.T) {
			golden := filepath.Join("testdata", "rows", r.id)
			before, err := os.ReadFile(filepath.Join(golden, "before"))
			if err != nil {
				t.Fatal(err)
			}
			c := named(t, testEnv(t.TempDir(), "linux"), r.id)
			if c.Found() {
				t.Error("found where nothing is")
			}
			for _, name := range []string{"fresh", "after"} {
				text := before
				if name == "fresh" {
					text = nil
				}
				if text != nil {
					if err := os.WriteFile(c.Path(), text, 0o640); err != nil {
						t.Fatal(err)
					}
				}
				start := folder(t, c)
				change, err := c.Plan(noted)
				if err != nil {
					t.Fatal(err)
				}
				if diff := change.Diff(); strings.Contains(diff, "secret") || !strings.Contains(diff, "drawbridge") {
					t.Errorf("diff:\n%s", diff)
				}
				apply(t, change, nil)
				now := read(t, c)
				wantFile(t, filepath.Join(golden, name), now)

				found, err := c.Connections()
				want := []Connection{{Entry: "notes-work", Server: "notes@work", Command: "/usr/bin/drawbridge"}}
				if diff := cmp.Diff(want, found); err != nil || diff != "" {
					t.Errorf("connections: %v %s", err, diff)
				}
				if again, err := c.Plan(noted); err != nil || !again.Empty() {
					t.Errorf("the second time: %v\n%s", err, again.Diff())
				}
				moved := noted
				moved.Command, moved.Env = "/opt/drawbridge", nil
				change, err = c.Plan(moved)
				apply(t, change, err)
				if now := read(t, c); !strings.Contains(now, "/opt/drawbridge") || strings.Contains(now, "my state") {
					t.Errorf("not brought up to date:\n%s", now)
				}
				change, err = c.Plan(noted)
				apply(t, change, err)

				// Without its backups just the entry goes, and nothing else with it.
				for _, backup := range c.backups() {
					if err := os.Remove(backup); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.WriteFile(c.Path(), []byte(now), 0o640); err != nil {
					t.Fatal(err)
				}
				change, err = c.PlanRemoval("notes-work")
				apply(t, change, err)
				if text != nil {
					if diff := cmp.Diff(string(text), read(t, c)); diff != "" {
						t.Errorf("taken out without a backup (-before +after):\n%s", diff)
					}
				}
				for _, backup := range c.backups() {
					if err := os.Remove(backup); err != nil {
						t.Fatal(err)
					}
				}
				if text == nil {
					if diff := cmp.Diff(start, folder(t, c)); diff != "" {
						t.Errorf("a new file stays behind:\n%s", diff)
					}
				}
			}
		})
	}
}

func wantFile(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// TestForeignEntriesInEveryFormat: a foreign entry is refused in every format, replaced
// when that is said, and comes back byte for byte.
func TestForeignEntriesInEveryFormat(t *testing.T) {
	for _, r := range table() {
		t.Run(r.id, func(t *testing.T) {
			c := named(t, testEnv(t.TempDir(), "linux"), r.id)
			other := noted
			other.Command = "/usr/bin/something-else"
			text, err := c.write(nil, other)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(c.Path()), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(c.Path(), text, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Plan(noted); !fault.Is(err, fault.ForeignEntry) {
				t.Fatalf("Plan = %v", err)
			}
			replace := noted
			replace.Replace = true
			change, err := c.Plan(replace)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(change.Diff(), "something-else") {
				t.Errorf("the diff shows the other entry:\n%s", change.Diff())
			}
			apply(t, change, nil)
			if now := read(t, c); strings.Contains(now, "something-else") {
				t.Errorf("not replaced:\n%s", now)
			}
			change, err = c.PlanRemoval("notes-work")
			apply(t, change, err)
			if now := read(t, c); now != string(text) {
				t.Errorf("not back: %s", cmp.Diff(string(text), now))
			}
		})
	}
}

// Texts that are refused, or have to be edited with care, by format.
var odd = []struct {
	name, id, before string
	after            string // "" when it is refused
}{
	{"inline table", "codex", "mcp_servers = { x = { command = \"y\" } }\n", ""},
	{"not a table", "codex", "mcp_servers = 1\n", ""},
	{"array of tables", "codex", "[[mcp_servers]]\nname = \"x\"\n", ""},
	{"twice", "codex", "[a]\n[a]\n", ""},
	{
		"no newline at the end", "codex", "a = 1",
		"a = 1\n\n[mcp_servers.demo]\ncommand = \"/usr/bin/drawbridge\"\nargs = [\"stdio\", \"demo\"]\n",
	},
	{
		"a multi-line string", "codex", "[mcp_servers.x]\ncommand = \"\"\"\n[mcp_servers.demo]\n\"\"\"\n[z]\n",
		"[mcp_servers.x]\ncommand = \"\"\"\n[mcp_servers.demo]\n\"\"\"\n\n[mcp_servers.demo]\ncommand = \"/usr/bin/drawbridge\"\nargs = [\"stdio\", \"demo\"]\n[z]\n",
	},
	{
		"dotted keys", "codex", "mcp_servers.x.command = \"y\"\n",
		"mcp_servers.x.command = \"y\"\n\n[mcp_servers.demo]\ncommand = \"/usr/bin/drawbridge\"\nargs = [\"stdio\", \"demo\"]\n",
	},
	{"two documents", "goose", "a: 1\n---\nb: 2\n", ""},
	{"a list", "goose", "- a\n", ""},
	{"extensions is a list", "goose", "extensions:\n- a\n", ""},
	{"extensions is a text", "goose", "extensions: a\n", ""},
	{"flow style", "goose", "extensions: {a: {type: builtin}}\n", ""},
	{"a name twice", "goose", "a: 1\na: 2\n", ""},
	{"a tag and nothing else", "goose", "!\n", ""},
	{"a tag on a line of its own", "goose", "extensions:\n !\n", ""},
	{"a line end of Unicode", "goose", "a: 1 # \u2028b: 2\n", ""},
	{"tab", "goose", "a:\n\tb: 1\n", ""},
	{"an alias as extensions", "goose", "base: &b\n  x:\n    type: builtin\nextensions: *b\n", ""},
	{"empty mapping", "goose", "extensions: {} # none\nz: 1\n", "extensions: # none\n" + gooseEntry + "z: 1\n"},
	{"null", "goose", "extensions: ~\n", "extensions:\n" + gooseEntry},
	{"nothing", "goose", "extensions:\n\n# later\nz: 1\n", "extensions:\n" + gooseEntry + "\n# later\nz: 1\n"},
	{
		"indented by four, no newline at the end", "goose", "extensions:\n    a:\n        type: builtin",
		"extensions:\n    a:\n        type: builtin\n" + strings.ReplaceAll(gooseEntry, "  ", "    "),
	},
	{"only comments", "goose", "# mine\n", "# mine\nextensions:\n" + gooseEntry},
	{"only comments", "zed", "{\n  // mine\n}\n", "{\n  // mine\n  \"context_servers\": {\n    " + entryText + "\n  }\n}\n"},
	{"a comment alone among the servers", "vscode", "{\"servers\": {\n  // none\n}}\n", "{\"servers\": {\n  // none\n  " +
		strings.Replace(strings.ReplaceAll(entryText, "\n  ", "\n"), "{\n", "{\n    \"type\": \"stdio\",\n", 1) + "\n}}\n"},
}

const gooseEntry = `  demo:
    enabled: true
    type: stdio
    name: demo
    description: demo through Drawbridge
    cmd: /usr/bin/drawbridge
    args:
    - stdio
    - demo
    timeout: 300
`

func TestOddFiles(t *testing.T) {
	for _, tc := range odd {
		t.Run(tc.id+" "+tc.name, func(t *testing.T) {
			c := named(t, testEnv(t.TempDir(), "linux"), tc.id)
			got, err := c.write([]byte(tc.before), demo)
			if tc.after == "" {
				if !fault.Is(err, fault.BadSettings) || strings.Contains(fault.Public(err).What, "\n") {
					t.Fatalf("err = %v, file:\n%s", err, got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.after, string(got)); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzFormats: whatever the file, an edit that is not refused is idempotent, is
// found again, and its removal leaves what was meant before.
func FuzzFormats(f *testing.F) {
	ids := []string{"claude-desktop", "zed", "codex", "goose"}
	for _, tc := range odd {
		for i := range ids {
			f.Add(i, []byte(tc.before))
		}
	}
	for _, r := range table() {
		for i := range ids {
			if text, err := os.ReadFile(filepath.Join("testdata", "rows", r.id, "before")); err == nil {
				f.Add(i, text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, which int, text []byte) {
		c := named(t, Env{GOOS: "linux", Home: "/home/ada"}, ids[uint(which)%uint(len(ids))])
		before, err := parseDocument(c.format, text)
		if err != nil {
			return
		}
		if _, found, err := c.entry(before, demo.Name); err != nil || found {
			return
		}
		_ = before.veiled()
		after, err := c.write(text, demo)
		if err != nil {
			return
		}
		if again, err := c.write(after, demo); err != nil || !bytes.Equal(again, after) {
			t.Fatalf("writing twice differs: %v\n%s\n%s", err, after, again)
		}
		d, err := parseDocument(c.format, after)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.remove(c.at, demo.Name); err != nil {
			t.Fatalf("cannot be taken out: %v\n%s", err, after)
		}
		if err := checkEdit(before, d, c.at, demo.Name, nil); err != nil {
			t.Fatalf("taking out changed more: %v\n%s\n%s", err, after, d.bytes())
		}
	})
}
