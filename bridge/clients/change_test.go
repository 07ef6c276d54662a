package clients

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

var demo = Entry{Name: "demo", Command: "/usr/bin/drawbridge", Args: []string{"stdio", "demo"}}

// client is a Claude Desktop whose file holds text; absent when text is "-".
func client(t *testing.T, text string) Client {
	t.Helper()
	c := named(t, testEnv(t.TempDir(), "linux"), "claude-desktop")
	if text == "-" {
		return c
	}
	if err := os.MkdirAll(filepath.Dir(c.Path()), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.Path(), []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return c
}

func apply(t *testing.T, change Change, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	backup, err := change.Apply(t.Context(), paths(t))
	if err != nil {
		t.Fatal(err)
	}
	return backup
}

// paths are folders of Drawbridge's own, for the lock.
func paths(t *testing.T) config.Paths {
	dir := t.TempDir()
	return config.Paths{Config: dir, State: dir}
}

func read(t *testing.T, c Client) string {
	t.Helper()
	text, err := os.ReadFile(c.Path())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// folder is all that stands in the client's folder.
func folder(t *testing.T, c Client) map[string]string {
	t.Helper()
	all := map[string]string{}
	found, err := os.ReadDir(filepath.Dir(c.Path()))
	if err != nil {
		return all
	}
	for _, f := range found {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(c.Path()), f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name()] = string(text)
	}
	return all
}

const fresh = `{
  "mcpServers": {
    "demo": {
      "command": "/usr/bin/drawbridge",
      "args": [
        "stdio",
        "demo"
      ]
    }
  }
}
`

const entryText = `"demo": {
      "command": "/usr/bin/drawbridge",
      "args": [
        "stdio",
        "demo"
      ]
    }`

// Each text gets the entry, keeps all its other bytes, and comes back exactly.
var golden = []struct{ name, before, after string }{
	{"no file", "-", fresh},
	{"empty file", "", fresh},
	{"blank file", " \r\n\t", fresh},
	{"empty object", "{}", strings.TrimSuffix(fresh, "\n")},
	{"empty object over two lines", "{\n}\n", fresh},
	{
		"a neighbour",
		"{\n  \"mcpServers\": {\n    \"other\": {\n      \"command\": \"x\"\n    }\n  }\n}\n",
		"{\n  \"mcpServers\": {\n    \"other\": {\n      \"command\": \"x\"\n    },\n    " + entryText + "\n  }\n}\n",
	},
	{
		"other settings, odd spacing, escapes and numbers stay",
		"{\n  \"a\" :1.50e+3 ,\n  \"mcpServers\" : { },\n  \"z\\u0061\": \"\\/<&>é\"\n\n}",
		"{\n  \"a\" :1.50e+3 ,\n  \"mcpServers\" : {\n    " + entryText + "\n  },\n  \"z\\u0061\": \"\\/<&>é\"\n\n}",
	},
	{
		"no mcpServers",
		"{\n  \"globalShortcut\": \"Ctrl+Space\"\n}\n",
		"{\n  \"globalShortcut\": \"Ctrl+Space\",\n  \"mcpServers\": {\n    " + entryText + "\n  }\n}\n",
	},
	{
		"four spaces",
		"{\n    \"mcpServers\": {}\n}\n",
		strings.ReplaceAll(fresh, "  ", "    "),
	},
	{
		"tabs",
		"{\n\t\"mcpServers\": {\n\t\t\"other\": {}\n\t}\n}\n",
		strings.Replace(strings.ReplaceAll(fresh, "  ", "\t"), "\t\t\"demo\"", "\t\t\"other\": {},\n\t\t\"demo\"", 1),
	},
	{
		"CRLF",
		"{\r\n  \"mcpServers\": {}\r\n}\r\n",
		strings.ReplaceAll(fresh, "\n", "\r\n"),
	},
	{"byte order mark", "\ufeff{\n  \"mcpServers\": {}\n}\n", "\ufeff" + fresh},
	{"byte order mark alone", "\ufeff", "\ufeff" + fresh},
	{
		"one line",
		`{"mcpServers":{"other":{"command":"x"}},"a":1}`,
		`{"mcpServers":{"other":{"command":"x"},"demo":{"command":"/usr/bin/drawbridge","args":["stdio","demo"]}},"a":1}`,
	},
	{
		"one line with spaces",
		`{"a": 1}` + "\n",
		`{"a": 1, "mcpServers": {"demo":{"command":"/usr/bin/drawbridge","args":["stdio","demo"]}}}` + "\n",
	},
}

func TestPlanWritesOnlyTheEntry(t *testing.T) {
	for _, tc := range golden {
		t.Run(tc.name, func(t *testing.T) {
			c := client(t, tc.before)
			before := folder(t, c)

			change, err := c.Plan(demo)
			if diff := cmp.Diff(before, folder(t, c)); diff != "" {
				t.Fatalf("Plan alone changed the folder:\n%s", diff)
			}
			backup := apply(t, change, err)
			if diff := cmp.Diff(tc.after, read(t, c)); diff != "" {
				t.Fatalf("file (-want +got):\n%s", diff)
			}
			if tc.before != "-" {
				kept, err := os.ReadFile(backup)
				if err != nil || string(kept) != tc.before {
					t.Errorf("backup holds %q (%v), want %q", kept, err, tc.before)
				}
			} else if backup != "" {
				t.Errorf("backup %s of no file", backup)
			}

			again, err := c.Plan(demo)
			if err != nil || !again.Empty() || again.Diff() != "" {
				t.Errorf("second Plan is not empty: %v\n%s", err, again.Diff())
			}

			change, err = c.PlanRemoval("demo")
			apply(t, change, err)
			if diff := cmp.Diff(before, folder(t, c)); diff != "" {
				t.Errorf("after the removal the folder is not what it was (-before +after):\n%s", diff)
			}
		})
	}
}

func TestRemovalLeavesLaterChanges(t *testing.T) {
	c := client(t, "{\n  \"mcpServers\": {\n    \"a\": {}\n  }\n}\n")
	change, err := c.Plan(demo)
	apply(t, change, err)
	edited := strings.Replace(read(t, c), `"a": {}`, `"a": {"command": "y"}`, 1)
	edited = strings.Replace(edited, "\n  }\n}\n", ",\n    \"b\": {}\n  }\n}\n", 1)
	if err := os.WriteFile(c.Path(), []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	change, err = c.PlanRemoval("demo")
	backup := apply(t, change, err)
	want := "{\n  \"mcpServers\": {\n    \"a\": {\"command\": \"y\"},\n    \"b\": {}\n  }\n}\n"
	if diff := cmp.Diff(want, read(t, c)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	if kept, err := os.ReadFile(backup); err != nil || string(kept) != edited {
		t.Errorf("backup holds %q (%v)", kept, err)
	}
}

func TestRemovalOfTheFirstAndTheOnlyEntry(t *testing.T) {
	for _, tc := range []struct{ name, before, want string }{
		{"first", `{"mcpServers": {"demo": {"command": "/x/drawbridge", "args": ["stdio", "demo"]}, "b": {}}}`, `{"mcpServers": {"b": {}}}`},
		{"only", `{"mcpServers": { "demo": {"command": "/x/drawbridge", "args": ["stdio", "demo"]} } }`, `{"mcpServers": {} }`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := client(t, tc.before)
			change, err := c.PlanRemoval("demo")
			apply(t, change, err)
			if diff := cmp.Diff(tc.want, read(t, c)); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUpdateKeepsWhatThePersonAdded(t *testing.T) {
	c := client(t, `{
  "mcpServers": {
    "demo": {
      "args": ["stdio",  "demo"],
      "command": "/old/drawbridge",
      "env": {"HTTPS_PROXY": "http://proxy:3128", "DRAWBRIDGE_STATE_DIR": "/gone"},
      "disabled": false
    }
  }
}
`)
	change, err := c.Plan(demo)
	apply(t, change, err)
	want := `{
  "mcpServers": {
    "demo": {
      "args": ["stdio",  "demo"],
      "command": "/usr/bin/drawbridge",
      "env": {
        "HTTPS_PROXY": "http://proxy:3128"
      },
      "disabled": false
    }
  }
}
`
	if diff := cmp.Diff(want, read(t, c)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

func TestRemovalAfterAnUpdateGoesBackToTheStart(t *testing.T) {
	const start = "{\"a\": 1}\n"
	c := client(t, start)
	old := demo
	old.Command = "/old/drawbridge"
	change, err := c.Plan(old)
	apply(t, change, err)
	change, err = c.Plan(demo)
	apply(t, change, err)
	change, err = c.PlanRemoval("demo")
	apply(t, change, err)
	if got := read(t, c); got != start {
		t.Errorf("file = %q, want %q", got, start)
	}
}

func TestForeignEntryIsRefusedUnlessReplaced(t *testing.T) {
	const foreign = `{"mcpServers": {"demo": {"command": "npx", "args": ["mcp-remote", "https://example.com/mcp"]}}}`
	c := client(t, foreign)
	if _, err := c.Plan(demo); !fault.Is(err, fault.ForeignEntry) {
		t.Fatalf("Plan = %v, want a foreign entry", err)
	}
	if _, err := c.PlanRemoval("demo"); !fault.Is(err, fault.ForeignEntry) {
		t.Fatalf("PlanRemoval = %v, want a foreign entry", err)
	}
	replace := demo
	replace.Replace = true
	change, err := c.Plan(replace)
	apply(t, change, err)
	if got := read(t, c); strings.Contains(got, "npx") || !strings.Contains(got, "/usr/bin/drawbridge") {
		t.Errorf("not replaced: %s", got)
	}
	change, err = c.PlanRemoval("demo")
	apply(t, change, err)
	if got := read(t, c); got != foreign {
		t.Errorf("file = %s, want the foreign entry back", got)
	}
}

func TestDamagedFilesAreLeftAlone(t *testing.T) {
	for _, tc := range []struct{ name, text string }{
		{"cut off", `{"mcpServers": {`},
		{"comment", "{\n  // mine\n  \"mcpServers\": {}\n}"},
		{"trailing comma", `{"mcpServers": {},}`},
		{"an array", `[]`},
		{"mcpServers is no object", `{"mcpServers": []}`},
		{"mcpServers is null", `{"mcpServers": null}`},
		{"mcpServers twice", `{"mcpServers": {}, "mcpServers": {}}`},
		{"the entry twice", `{"mcpServers": {"demo": {}, "demo": {}}}`},
		{"binary", "\x00\x01\xff"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := client(t, tc.text)
			before := folder(t, c)
			_, err := c.Plan(demo)
			if !fault.Is(err, fault.BadSettings) {
				t.Errorf("Plan = %v, want bad settings", err)
			}
			if what := fault.Public(err).What; strings.Contains(what, "\n") || !strings.Contains(what, c.Path()) {
				t.Errorf("what = %q, want one line with the path", what)
			}
			if _, err := c.PlanRemoval("demo"); !fault.Is(err, fault.BadSettings) {
				t.Errorf("PlanRemoval = %v, want bad settings", err)
			}
			if diff := cmp.Diff(before, folder(t, c)); diff != "" {
				t.Errorf("the folder changed:\n%s", diff)
			}
		})
	}
}

func FuzzPlanKeepsTheRest(f *testing.F) {
	for _, tc := range golden {
		f.Add([]byte(tc.before))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := named(t, Env{GOOS: "linux", Home: "/home/ada"}, "claude-desktop")
		after, err := c.write(text, demo)
		if err != nil {
			return
		}
		d, err := parseDocument(JSON, after)
		if err != nil {
			t.Fatalf("result does not parse: %v\n%s", err, after)
		}
		entry, found, err := c.entry(d, "demo")
		if err != nil || !found || !entry.ours() {
			t.Fatalf("the entry is not there: %v\n%s", err, after)
		}
		again, err := c.write(after, demo)
		if err != nil || !bytes.Equal(again, after) {
			t.Fatalf("writing twice differs: %v\n%s\n%s", err, after, again)
		}
	})
}
