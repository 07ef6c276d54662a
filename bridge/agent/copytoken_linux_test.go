package agent

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// board is a clipboard that is a file, behind a program named xclip.
func board(t *testing.T) (path string) {
	t.Helper()
	bin := t.TempDir()
	path = filepath.Join(bin, "board")
	script := "#!/bin/sh\ncase \"$*\" in *-o*) exec /bin/cat '" + path + "';; esac\n/bin/cat >'" + path + ".part' && /bin/mv '" + path + ".part' '" + path + "'\n"
	if err := os.WriteFile(filepath.Join(bin, "xclip"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	t.Setenv("DISPLAY", ":0")
	t.Setenv("WAYLAND_DISPLAY", "")
	return path
}

func held(path string) string {
	raw, _ := os.ReadFile(path)
	return string(raw)
}

func TestACopiedTokenGoesByItself(t *testing.T) {
	path := board(t)
	r := start(t, func(c *Config) { c.lent = 100 * time.Millisecond })
	if err := r.CopyToken(t.Context(), "demo@default"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the clipboard is empty", func() bool { _, err := os.Stat(path); return err == nil && held(path) == "" })
}

func TestACopiedTokenGoesWithTheAgentAndNothingElseDoes(t *testing.T) {
	path := board(t)
	for _, since := range []string{"", "something else"} {
		r := start(t, nil)
		if err := r.CopyToken(t.Context(), "demo@default"); err != nil {
			t.Fatal(err)
		}
		if held(path) != "token-of-demo@default" {
			t.Fatalf("the clipboard holds %q", held(path))
		}
		if since != "" {
			if err := os.WriteFile(path, []byte(since), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
		if held(path) != since {
			t.Errorf("after the agent's end the clipboard holds %q, want %q", held(path), since)
		}
	}
}

func TestNothingCopiesAToken(t *testing.T) {
	board(t)
	t.Setenv("PATH", t.TempDir())
	r := start(t, nil)
	if err := r.CopyToken(t.Context(), "demo@default"); !fault.Is(err, fault.Unsupported) {
		t.Errorf("without a clipboard: %v", err)
	}
	if err := r.CopyToken(t.Context(), "nobody@"+config.DefaultAccount); !fault.Is(err, fault.UnknownServer) {
		t.Errorf("an unknown key: %v", err)
	}
}
