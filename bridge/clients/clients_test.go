package clients

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

func TestClaudeDesktopFindsItsFile(t *testing.T) {
	const file = "claude_desktop_config.json"
	for _, tc := range []struct {
		name string
		goos string
		make []string // folders that exist, below the root; with .json at the end files
		xdg  string
		want string
	}{
		{"macOS", "darwin", nil, "", "home/Library/Application Support/Claude"},
		{"Windows, classic installer", "windows", []string{"local/Packages/Other_abc"}, "", "roaming/Claude"},
		{"Windows, Store package", "windows", []string{"roaming/Claude", "local/Packages/Claude_pzs8sxrjxfjjc"}, "", "local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude"},
		{
			"Windows, Store package that has no file of its own yet", "windows",
			[]string{"roaming/Claude/" + file, "local/Packages/Claude_pzs8sxrjxfjjc"},
			"", "roaming/Claude",
		},
		{
			"Windows, both files", "windows",
			[]string{"roaming/Claude/" + file, "local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude/" + file},
			"",
			"local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude",
		},
		{
			"Windows, a second Store package is the one that is used", "windows",
			[]string{"local/Packages/Claude_old", "local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude/" + file},
			"",
			"local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude",
		},
		{"Linux, nothing there", "linux", nil, "", "home/.config/Claude"},
		{"Linux, lower case", "linux", []string{"home/.config/claude"}, "", "home/.config/claude"},
		{"Linux, both", "linux", []string{"home/.config/claude", "home/.config/Claude"}, "", "home/.config/Claude"},
		{"Linux, XDG", "linux", nil, "elsewhere", "elsewhere/Claude"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := t.TempDir()
			for _, each := range tc.make {
				path := filepath.Join(root, filepath.FromSlash(each))
				dir := strings.TrimSuffix(path, file)
				err := os.MkdirAll(dir, 0o700)
				if err == nil && dir != path {
					err = os.WriteFile(path, []byte("{}"), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			env := testEnv(root, tc.goos)
			if tc.xdg != "" {
				env.ConfigHome = filepath.Join(root, tc.xdg)
			}
			want := filepath.Join(root, filepath.FromSlash(tc.want), file)
			if got := named(t, env, "claude-desktop").Path(); got != want {
				t.Errorf("path = %s, want %s", got, want)
			}
		})
	}
}

func testEnv(root, goos string) Env {
	return Env{
		GOOS: goos, Home: filepath.Join(root, "home"),
		AppData: filepath.Join(root, "roaming"), LocalAppData: filepath.Join(root, "local"),
	}
}

func TestFoundNeedsTheFolder(t *testing.T) {
	env := testEnv(t.TempDir(), "linux")
	c := named(t, env, "claude-desktop")
	if c.Found() {
		t.Error("found without a folder")
	}
	if err := os.MkdirAll(filepath.Dir(c.Path()), 0o700); err != nil {
		t.Fatal(err)
	}
	if c = named(t, env, "claude-desktop"); !c.Found() {
		t.Error("not found with a folder")
	}
}

func TestNewEntry(t *testing.T) {
	env := Env{GOOS: "linux", Home: "/home/ada"}
	usual := config.Paths{Config: "/home/ada/.config/drawbridge", State: "/home/ada/.local/state/drawbridge"}
	for _, tc := range []struct {
		name  string
		paths config.Paths
		args  []string
		env   map[string]string
	}{
		{"usual folders", usual, []string{"stdio", "demo"}, nil},
		{"other state", config.Paths{Config: usual.Config, State: "/srv/state"}, []string{"--state-dir", "/srv/state", "stdio", "demo"}, nil},
		{
			"both",
			config.Paths{Config: "/srv/config", State: "/srv/state"},
			[]string{"--config-dir", "/srv/config", "--state-dir", "/srv/state", "stdio", "demo"},
			nil,
		},
		{
			"a space goes into the environment",
			config.Paths{Config: "/srv/my config", State: usual.State},
			[]string{"stdio", "demo"},
			map[string]string{"DRAWBRIDGE_CONFIG_DIR": "/srv/my config"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := NewEntry(env, "demo", "/usr/bin/drawbridge", tc.paths)
			if err != nil {
				t.Fatal(err)
			}
			want := Entry{Name: "demo", Command: "/usr/bin/drawbridge", Args: tc.args, Env: tc.env}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
		})
	}
	for name, want := range map[string]string{"demo@work": "demo-work", "demo@ada+x@example.com": "demo-ada-x-example.com"} {
		got, err := NewEntry(env, name, "/usr/bin/drawbridge", usual)
		if err != nil || got.Name != want || EntryName(name) != want || got.Args[len(got.Args)-1] != name {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := NewEntry(env, "demo", "drawbridge", usual); !fault.Is(err, fault.Usage) {
		t.Errorf("relative command: %v, want usage", err)
	}
	if _, err := NewEntry(env, "demo@a b", "/usr/bin/drawbridge", usual); !fault.Is(err, fault.Usage) {
		t.Errorf("a bad account: %v", err)
	}
	if _, err := NewEntry(env, "a b", "/usr/bin/drawbridge", usual); !fault.Is(err, fault.Usage) {
		t.Errorf("bad name: %v, want usage", err)
	}
}

// The entry leaves out what config.Locate finds by itself, so both must agree.
func TestUsualPathsAreThoseOfConfig(t *testing.T) {
	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "USERPROFILE": home, "APPDATA": filepath.Join(home, "roaming"), "LOCALAPPDATA": filepath.Join(home, "local"),
		"XDG_CONFIG_HOME": "", "XDG_STATE_HOME": "", configVariable: "", stateVariable: "",
	} {
		t.Setenv(name, value)
	}
	want, err := config.Locate("", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := usualPaths(HostEnv()); got != want {
		t.Errorf("usual paths on %s = %+v, want %+v", runtime.GOOS, got, want)
	}
}

func TestOurs(t *testing.T) {
	for _, tc := range []struct {
		entry Entry
		want  bool
	}{
		{Entry{Command: "/usr/bin/drawbridge", Args: []string{"stdio", "x"}}, true},
		{Entry{Command: `C:\Program Files\Drawbridge\Drawbridge.EXE`, Args: []string{"--config-dir", `C:\c`, "stdio", "x"}}, true},
		{Entry{Command: "/usr/bin/drawbridge", Args: []string{"serve"}}, false},
		{Entry{Command: "npx", Args: []string{"drawbridge", "stdio"}}, false},
		{Entry{}, false},
	} {
		if got := tc.entry.ours(); got != tc.want {
			t.Errorf("ours(%+v) = %v", tc.entry, got)
		}
	}
}

func named(t interface {
	Helper()
	Fatal(args ...any)
}, env Env, id string,
) Client {
	t.Helper()
	c, err := Named(env, id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
