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

func TestSplitName(t *testing.T) {
	for _, c := range []struct {
		in, server, account string
		bad                 bool
	}{
		{in: "notes", server: "notes"},
		{in: "notes@work", server: "notes", account: "work"},
		{in: "notes@ada@example.com", server: "notes", account: "ada@example.com"},
		{in: "notes@ada+mcp@example.com", server: "notes", account: "ada+mcp@example.com"},
		{in: "notes@", bad: true},
		{in: "notes@a b", bad: true},
		{in: "notes@../x", bad: true},
		{in: "notes@a/b", bad: true},
		{in: "notes@a@b@c", bad: true},
		{in: "notes@+a", bad: true},
		{in: "notes@" + strings.Repeat("a", 65), bad: true},
	} {
		server, account, err := config.SplitName(c.in)
		if c.bad {
			if !fault.Is(err, fault.Usage) {
				t.Errorf("%q: %v", c.in, err)
			}
			continue
		}
		if err != nil || server != c.server || account != c.account {
			t.Errorf("%q: %q, %q, %v", c.in, server, account, err)
		}
	}
}

func TestLabel(t *testing.T) {
	plain := config.Server{Name: "notes", URL: "https://notes.example.com"}
	work := config.Server{Name: "notes", URL: "https://notes.example.com", Account: "work"}
	unnamed := config.Server{URL: "https://notes.example.com"}
	for _, c := range []struct {
		server        config.Server
		account, want string
	}{
		{plain, "", "notes"},
		{plain, "default", "notes"},
		{plain, "work", "notes@work"},
		{work, "work", "notes@work"},
		{work, "default", "notes@default"}, // notes alone would be work
		{unnamed, "default", "https://notes.example.com"},
		{unnamed, "work", "https://notes.example.com (work)"},
	} {
		if got := c.server.Label(c.account); got != c.want {
			t.Errorf("account %q of %+v: %q; want %q", c.account, c.server, got, c.want)
		}
	}
}

// TestChoose: the nearest folder rule of the server, else its default.
func TestChoose(t *testing.T) {
	root := t.TempDir()
	deep := filepath.Join(root, "project", "sub", "deep")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, "project-2"), 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(root, "project"), link); err != nil {
		t.Fatal(err)
	}
	rule := func(folder, server, account string) config.FolderRule {
		return config.FolderRule{Folder: folder, Server: server, Account: account}
	}
	project := filepath.Join(root, "project")
	s := &config.Settings{Folders: []config.FolderRule{
		rule(project, "notes", "work"),
		rule(filepath.Join(project, "sub"), "Notes", "client"),
		rule(filepath.Join(project, "sub", "deep"), "other", "nobody"),
		rule(filepath.Join(root, "gone"), "notes", "ghost"),
	}}
	notes := config.Server{Name: "notes", Account: "private"}
	for _, c := range []struct {
		name, folder string
		server       config.Server
		want         config.Choice
	}{
		{"the rule's folder", project, notes, config.Choice{Account: "work", Source: config.ByFolder, Folder: project}},
		{"the nearest of two", deep, notes, config.Choice{Account: "client", Source: config.ByFolder, Folder: filepath.Join(project, "sub")}},
		{"through a link", filepath.Join(link, "sub"), notes, config.Choice{Account: "client", Source: config.ByFolder, Folder: filepath.Join(project, "sub")}},
		{"above every rule", root, notes, config.Choice{Account: "private", Source: config.ByServer}},
		{"a folder whose name only begins like it", project + "-2", notes, config.Choice{Account: "private", Source: config.ByServer}},
		{"a folder that is not there", filepath.Join(root, "gone", "x"), notes, config.Choice{Account: "ghost", Source: config.ByFolder, Folder: filepath.Join(root, "gone")}},
		{"no default", root, config.Server{Name: "notes"}, config.Choice{Account: "default", Source: config.BuiltIn}},
		{"no folder", "", notes, config.Choice{Account: "private", Source: config.ByServer}},
		{"an unnamed server", project, config.Server{}, config.Choice{Account: "default", Source: config.BuiltIn}},
	} {
		if diff := cmp.Diff(c.want, s.Choose(c.server, c.folder)); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
	if got, want := s.Accounts(notes), []string{"private", "work", "client", "ghost"}; !cmp.Equal(got, want) {
		t.Errorf("Accounts = %q; want %q", got, want)
	}
}

// TestUse: what is set is read again, other rules and comments stay, and taking
// it back leaves nothing.
func TestUse(t *testing.T) {
	folder, other := t.TempDir(), t.TempDir()
	p := with(t, `{
  "version": 1,
  "servers": [{"name": "notes", "url": "https://notes.example.com/mcp"}],
  "folders": [
    // where the customer's things are
    {"folder": "`+other+`", "server": "notes", "account": "customer"},
  ],
}`)
	use := func(account, folder string, want bool) *config.Settings {
		t.Helper()
		err := config.Update(t.Context(), p, func(s *config.Settings) error {
			changed, err := s.Use("Notes", account, folder)
			if changed != want {
				t.Errorf("Use(%q, %q) changed: %v", account, folder, changed)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := config.Load(p)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := use("work", "", true); s.Servers[0].Account != "work" {
		t.Errorf("%+v", s.Servers)
	}
	use("work", "", false)
	s := use("client", folder+"/", true)
	use("client", folder, false)
	if got := s.Choose(s.Servers[0], folder).Account; got != "client" {
		t.Errorf("in the folder it is %q", got)
	}
	s = use("", folder, true)
	use("", folder, false)
	if len(s.Folders) != 1 || s.Folders[0].Account != "customer" {
		t.Errorf("%+v", s.Folders)
	}
	if s = use("Default", "", true); s.Servers[0].Account != "" {
		t.Errorf("%+v", s.Servers)
	}
	raw, err := os.ReadFile(p.SettingsFile())
	if err != nil || !strings.Contains(string(raw), "// where the customer's things are") {
		t.Errorf("the comment is gone: %s, %v", raw, err)
	}
	s.Unuse(s.Servers[0], "customer")
	if len(s.Folders) != 0 {
		t.Errorf("%+v", s.Folders)
	}
	for _, c := range []struct{ name, account, folder string }{
		{"nobody", "work", ""}, {"notes", "a b", ""}, {"notes", "work", "relative"},
	} {
		if _, err := s.Use(c.name, c.account, c.folder); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// TestRemoveTakesTheRules of the server with it, and no other's.
func TestRemoveTakesTheRules(t *testing.T) {
	s := &config.Settings{
		Servers: []config.Server{{Name: "notes"}, {Name: "wiki"}},
		Folders: []config.FolderRule{{Folder: "/a", Server: "Notes", Account: "x"}, {Folder: "/a", Server: "wiki", Account: "x"}},
	}
	if err := s.Remove("notes"); err != nil {
		t.Fatal(err)
	}
	if len(s.Folders) != 1 || s.Folders[0].Server != "wiki" {
		t.Errorf("%+v", s.Folders)
	}
}

func TestDamagedAccounts(t *testing.T) {
	for name, c := range map[string]struct{ text, what string }{
		"relative folder": {"{\n\"folders\": [\n{\"folder\": \"a\", \"server\": \"notes\", \"account\": \"work\"}]}", `Line 3: the folder "a" is not an absolute path.`},
		"bad account":     {"{\n\"folders\": [\n{\"folder\": \"/a\", \"server\": \"notes\", \"account\": \"\"}]}", `Line 3: "" is not a good name for an account.`},
		"bad default":     {"{\n\"servers\": [\n{\"name\": \"a\", \"url\": \"https://a.example.com\", \"account\": \"a b\"}]}", `Line 3: "a b" is not a good name for an account.`},
	} {
		_, err := config.Load(with(t, c.text))
		if !fault.Is(err, fault.BadSettings) || !strings.Contains(strings.ToLower(fault.Public(err).What), strings.ToLower(c.what)) {
			t.Errorf("%s: %v", name, fault.Public(err))
		}
	}
}
