package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

func folders(t *testing.T) config.Paths {
	t.Helper()
	return config.Paths{Config: filepath.Join(t.TempDir(), "c"), State: filepath.Join(t.TempDir(), "s")}
}

// with writes a settings file.
func with(t *testing.T, text string) config.Paths {
	t.Helper()
	p := folders(t)
	if err := os.MkdirAll(p.Config, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.SettingsFile(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCheckURL(t *testing.T) {
	const hint = "Give the server's full MCP address, such as https://mcp.example.com/mcp."
	for _, c := range []struct {
		url  string
		what string // "": accepted
	}{
		{"https://mcp.example.com/mcp", ""},
		{"https://mcp.example.com/@team/mcp?key=1", ""},
		{"HTTPS://mcp.example.com", ""},
		{"http://127.0.0.1:8080/mcp", ""},
		{"http://[::1]:8080/mcp", ""},
		{"http://localhost/mcp", ""},
		{"", `"" is not a usable server address: it does not begin with https://.`},
		{"notes", `"notes" is not a usable server address: it does not begin with https://.`},
		{"mcp.example.com/mcp", `"mcp.example.com/mcp" is not a usable server address: it does not begin with https://.`},
		{"localhost:8080/mcp", `"localhost:8080/mcp" is not a usable server address: it does not begin with https://.`},
		{"ftp://mcp.example.com", `"ftp://mcp.example.com" is not a usable server address: it does not begin with https://.`},
		{"https://", `"https://" is not a usable server address: it names no host.`},
		{"https:mcp.example.com", `"https:mcp.example.com" is not a usable server address: it names no host.`},
		{"https://mcp.example.com:port/", `"https://mcp.example.com:port/" is not a usable server address: it is not a URL.`},
		{"https://mcp.example.com/mcp#", `"https://mcp.example.com/mcp#" is not a usable server address: it has a part after #, which no server gets to see.`},
		{"https://mcp.example.com/\x1b[31m", `"https://mcp.example.com/\x1b[31m" is not a usable server address: it is not a URL.`},
		// Neither a password nor a key gets into the text.
		{"https://ada:pw@mcp.example.com/mcp", `"https://…@mcp.example.com/mcp" is not a usable server address: it holds a user name or a password.`},
		{"https://ada:p/w@mcp.example.com/mcp", `"https://…@mcp.example.com/mcp" is not a usable server address: it is not a URL.`},
		{"ftp://mcp.example.com/?key=pw", `"ftp://mcp.example.com/?…" is not a usable server address: it does not begin with https://.`},
	} {
		err := config.CheckURL(c.url, false)
		if c.what == "" {
			if err != nil {
				t.Errorf("%q: %v", c.url, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%q is taken", c.url)
			continue
		}
		got := fault.Public(err)
		if got.What != c.what || got.Next != hint || got.Code != fault.BadURL {
			t.Errorf("%q: %s\n%s\n%s\nwant %s", c.url, got.Code, got.What, got.Next, c.what)
		}
		if strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: the log would hold the password: %v", c.url, err)
		}
	}
	if err := config.CheckURL("http://mcp.example.com/mcp", false); !fault.Is(err, fault.BadURL) || !strings.Contains(fault.Public(err).Next, "--allow-http") {
		t.Errorf("http to another machine: %v", err)
	}
	if err := config.CheckURL("http://mcp.example.com/mcp", true); err != nil {
		t.Errorf("http that was allowed: %v", err)
	}
}

// TestDamagedSettings: the error names the file and the line, in words, and the
// file stays as it is.
func TestDamagedSettings(t *testing.T) {
	const mend, newer = "Mend that line, or move the file away; nothing has been changed.", "Update Drawbridge, or move the file away; nothing has been changed."
	for name, c := range map[string]struct{ text, what, next string }{
		"not JSON":      {"{\n  \"version\": 1,\n  servers: []\n}", "is damaged. Line 3, column 3: it is not JSON there.", mend},
		"cut off":       {"{\n  \"version\": 1,\n  \"servers\": [", "is damaged. Line 3, column 15: it is not JSON there.", mend},
		"wrong kind":    {"{\n  \"version\": 1,\n  \"servers\": 7\n}", "is damaged. Line 3: the value of \"servers\" is of the wrong kind.", mend},
		"a list":        {"[]", "is damaged. Line 1: a value is of the wrong kind.", mend},
		"unknown":       {"{\n  \"version\": 1,\n  // mine\n  \"sevrers\": []\n}", "is damaged. Line 4: there is no setting \"sevrers\".", mend},
		"bad URL":       {"{\n\"servers\": [\n{\"name\":\"a\",\"url\":\"https://a.example.com\"},\n{\"name\":\"b\",\"url\":\"https://u:pw@b.example.com\"}]}", `is damaged. Line 4: "https://…@b.example.com" is not a usable server address: it holds a user name or a password.`, mend},
		"bad name":      {"{\n\"servers\": [\n\n  {\"name\":\"a b\",\"url\":\"https://a.example.com\"}]}", `is damaged. Line 4: "a b" is not a good name for a server.`, mend},
		"name twice":    {"{\n\"servers\": [{\"name\":\"a\",\"url\":\"https://a.example.com\"},\n{\"name\":\"A\",\"url\":\"https://b.example.com\"}]}", `is damaged. Line 3: there are two servers named "A".`, mend},
		"newer version": {"{\"version\": 2, \"shiny\": true}", "is of version 2; this Drawbridge knows version 1.", newer},
	} {
		t.Run(name, func(t *testing.T) {
			p := with(t, c.text)
			want := "The settings file " + p.SettingsFile() + " " + c.what
			_, loadErr := config.Load(p)
			updateErr := config.Update(t.Context(), p, func(*config.Settings) error {
				t.Error("a damaged file was given to be changed")
				return nil
			})
			for what, err := range map[string]error{"Load": loadErr, "Update": updateErr} {
				if !fault.Is(err, fault.BadSettings) {
					t.Fatalf("%s: %v", what, err)
				}
				if got := fault.Public(err); got.What != want || got.Next != c.next {
					t.Errorf("%s:\n%s\n%s\nwant\n%s\n%s", what, got.What, got.Next, want, c.next)
				}
			}
			if after, err := os.ReadFile(p.SettingsFile()); err != nil || string(after) != c.text {
				t.Errorf("the file was changed: %q, %v", after, err)
			}
		})
	}
}

func TestEmptySettings(t *testing.T) {
	for _, text := range []string{"", "\n \n"} {
		p := with(t, text)
		if s, err := config.Load(p); err != nil || len(s.Servers) != 0 {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
		add := config.Server{Name: "notes", URL: "https://notes.example.com/mcp"}
		if err := config.Update(t.Context(), p, func(s *config.Settings) error { return s.Add(add) }); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if s, err := config.Load(p); err != nil || len(s.Servers) != 1 {
			t.Errorf("%q after an addition: %+v, %v", text, s, err)
		}
	}
}

// TestUpdateKeepsWhatIsTheirs: comments and order stay, only the new server and
// the removed one change.
func TestUpdateKeepsWhatIsTheirs(t *testing.T) {
	p := with(t, `// mine
{
  "servers": [
    // the notes
    {"url": "https://notes.example.com/mcp", "name": "notes"},
    {"name": "old", "url": "https://old.example.com/mcp"}, // goes
  ],
  "version": 1, /* last */
}
`)
	err := config.Update(t.Context(), p, func(s *config.Settings) error {
		if err := s.Remove("OLD"); err != nil {
			return err
		}
		return s.Add(config.Server{Name: "new", URL: "https://new.example.com/mcp"})
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(p.SettingsFile())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"// mine", "// the notes", "/* last */", `{"url": "https://notes.example.com/mcp", "name": "notes"}`, `"new"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%q is gone:\n%s", want, raw)
		}
	}
	s, err := config.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Server{{Name: "notes", URL: "https://notes.example.com/mcp"}, {Name: "new", URL: "https://new.example.com/mcp"}}
	if diff := cmp.Diff(want, s.Servers); diff != "" {
		t.Error(diff)
	}
}

// TestUpdateThroughALink: a settings file that is a link into somebody's
// dotfiles stays one, and the file there is changed.
func TestUpdateThroughALink(t *testing.T) {
	p := folders(t)
	target := filepath.Join(t.TempDir(), "dotfiles.json")
	for _, err := range []error{
		os.WriteFile(target, []byte(`{"version": 1, "servers": []}`), 0o600),
		os.MkdirAll(p.Config, 0o700),
		os.Symlink(target, p.SettingsFile()),
		config.Update(t.Context(), p, func(s *config.Settings) error {
			return s.Add(config.Server{Name: "notes", URL: "https://notes.example.com/mcp"})
		}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if to, err := os.Readlink(p.SettingsFile()); err != nil || to != target {
		t.Errorf("the link leads to %q (%v), not to %s", to, err, target)
	}
	if raw, err := os.ReadFile(target); err != nil || !strings.Contains(string(raw), "notes.example.com") {
		t.Errorf("the file behind the link: %s, %v", raw, err)
	}
}

// TestFailedChangeChangesNothing: neither the file nor the folder.
func TestFailedChangeChangesNothing(t *testing.T) {
	const before = `{"version": 1, "servers": [{"name": "notes", "url": "https://notes.example.com/mcp"}]}`
	p := with(t, before)
	err := config.Update(t.Context(), p, func(s *config.Settings) error {
		return s.Add(config.Server{Name: "Notes", URL: "https://other.example.com/mcp"})
	})
	if got := fault.Public(err); got == nil || got.What != `There is a server named "notes" already: https://notes.example.com/mcp` {
		t.Errorf("%+v", got)
	}
	if raw, err := os.ReadFile(p.SettingsFile()); err != nil || string(raw) != before {
		t.Errorf("the file: %s, %v", raw, err)
	}
	if entries, err := os.ReadDir(p.Config); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}
