package clients

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// writes puts text into the client's file, as the client does.
func writes(t *testing.T, c Client, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(c.Path()), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.Path(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A client may write its file while ours is being written and synced: that counts.
func TestWhatAClientWritesMeanwhileStays(t *testing.T) {
	for name, text := range map[string]string{"was there": "{}", "was not": "-"} {
		t.Run(name, func(t *testing.T) {
			c := client(t, text)
			change, err := c.Plan(demo)
			if err != nil {
				t.Fatal(err)
			}
			ready, err := change.prepare()
			if err != nil {
				t.Fatal(err)
			}
			writes(t, c, `{"theirs": 1}`)
			if backup, err := ready.commit(); !fault.Is(err, fault.FileChanged) || backup != "" {
				t.Errorf("commit = %q, %v; want a changed file", backup, err)
			}
			want := map[string]string{"claude_desktop_config.json": `{"theirs": 1}`}
			if diff := cmp.Diff(want, folder(t, c)); diff != "" {
				t.Errorf("folder (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMakeBeginsAnewWhenTheFileChanges(t *testing.T) {
	c := client(t, "{}")
	planned := 0
	made, backup, err := Make(t.Context(), paths(t), func() (Change, error) {
		change, err := c.Plan(demo)
		if planned++; planned == 1 {
			writes(t, c, `{"theirs": 1}`)
		}
		return change, err
	})
	if err != nil || planned != 2 || made.Empty() {
		t.Fatalf("Make = %v after %d plans", err, planned)
	}
	if got := read(t, c); !strings.Contains(got, `"theirs": 1`) || !strings.Contains(got, "drawbridge") {
		t.Errorf("file = %s", got)
	}
	if kept, err := os.ReadFile(backup); err != nil || string(kept) != `{"theirs": 1}` {
		t.Errorf("backup holds %q (%v)", kept, err)
	}
	_, _, err = Make(t.Context(), paths(t), func() (Change, error) { return c.PlanRemoval("demo") })
	if got := folder(t, c); err != nil || len(got) != 1 || read(t, c) != `{"theirs": 1}` {
		t.Errorf("after the removal: %v, %v", err, got)
	}
}

func TestMakeGivesUpOnAFileThatIsWrittenAllTheTime(t *testing.T) {
	c := client(t, "{}")
	text := "{}"
	_, _, err := Make(t.Context(), paths(t), func() (Change, error) {
		change, err := c.Plan(demo)
		text += "\n"
		writes(t, c, text)
		return change, err
	})
	if !fault.Is(err, fault.FileChanged) || !strings.Contains(fault.Public(err).Next, "Close Claude Desktop") {
		t.Errorf("Make = %v, want a changed file and what to do", err)
	}
	if diff := cmp.Diff(map[string]string{"claude_desktop_config.json": text}, folder(t, c)); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
}

// Two processes of ours take turns: neither looks while the other writes.
func TestApplyWaitsForAnotherDrawbridge(t *testing.T) {
	c, p := client(t, "{}"), paths(t)
	change, err := c.Plan(demo)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := config.Lock(t.Context(), p, "clients.lock", "")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the other does not end
	if _, err := change.Apply(ctx, p); !fault.Is(err, fault.Storage) {
		t.Errorf("Apply = %v, want a fault of the lock", err)
	}
	if got := read(t, c); got != "{}" {
		t.Errorf("file = %q", got)
	}
}

func TestApplyRefusesAFileThatChanged(t *testing.T) {
	for name, text := range map[string]string{"was there": "{}", "was not": "-"} {
		t.Run(name, func(t *testing.T) {
			c := client(t, text)
			change, err := c.Plan(demo)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(c.Path()), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(c.Path(), []byte(`{"new": true}`), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := change.Apply(t.Context(), paths(t)); !fault.Is(err, fault.FileChanged) {
				t.Errorf("Apply = %v, want a changed file", err)
			}
			want := map[string]string{"claude_desktop_config.json": `{"new": true}`}
			if diff := cmp.Diff(want, folder(t, c)); diff != "" {
				t.Errorf("folder (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyKeepsModeAndLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and links are different there")
	}
	c := client(t, "{}")
	real := filepath.Join(t.TempDir(), "dotfiles.json")
	if err := os.Rename(c.Path(), real); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(real, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, c.Path()); err != nil {
		t.Fatal(err)
	}
	change, err := c.Plan(demo)
	backup := apply(t, change, err)
	if info, err := os.Lstat(c.Path()); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v %v", info, err)
	}
	for path, want := range map[string]fs.FileMode{real: 0o640, backup: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("mode of %s = %v (%v), want %v", path, info.Mode(), err, want)
		}
	}
}

func TestNewFileIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such modes there")
	}
	c := client(t, "-")
	change, err := c.Plan(demo)
	apply(t, change, err)
	if info, err := os.Stat(c.Path()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v (%v), want 0600", info.Mode(), err)
	}
}

func TestFailedWriteLosesNothing(t *testing.T) {
	c := client(t, "{}")
	change, err := c.Plan(demo)
	if err != nil {
		t.Fatal(err)
	}
	// A path that cannot be written to, whoever runs the test.
	change.path = filepath.Join(filepath.Dir(c.Path()), "no-such-folder", strings.Repeat("n", 300))
	change.before = snapshot{}
	if _, err := change.Apply(t.Context(), paths(t)); !fault.Is(err, fault.Storage) {
		t.Errorf("Apply = %v, want a storage fault", err)
	}
	if got := read(t, c); got != "{}" {
		t.Errorf("file = %q", got)
	}
}
