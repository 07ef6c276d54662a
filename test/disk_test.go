//go:build linux

package test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestFullDisk: the disk with the settings and the state is full. What has to
// write says so and leaves the old files whole, and nothing temporary; what has
// not goes on, renewals of the token included, since tokens are in the keychain.
//
// The disks are two small tmpfs in the mount namespace of sessions/bare-session.sh.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if !harness.Inside(t, "bare-session.sh") {
		return
	}
	rig := harness.Here(t)
	for _, dir := range []string{rig.Config, rig.State} {
		mount(t, dir)
	}
	provider := rig.StartProvider(harness.ProviderOptions{AccessTTL: 3 * time.Second})
	gate := rig.StartGate(provider, harness.GateOptions{})
	rig.SignIn(name, gate.URL)
	settings := filepath.Join(rig.Config, "settings.json")
	facts := filepath.Join(rig.State, "accounts", name+"@default.json")

	fill(t, rig.Config)
	fill(t, rig.State)
	before := whole(t, rig.Config, rig.State)

	refused := func(path string, args ...string) {
		t.Helper()
		want := "drawbridge: " + path + " cannot be written.\n  Check that the disk has room and that the folder is yours.\n"
		if got := rig.Run(args...); got.Status != 1 || !strings.HasSuffix(got.Stderr, want) || got.Stdout != "" {
			t.Errorf("%v\nwant status 1 and\n%s", got, want)
		}
	}
	refused(settings, "add", "wiki", "https://wiki.example.com/mcp")
	// Nobody is sent to the browser for a sign-in that could not be noted.
	refused(facts, "login", name)
	if opened := rig.Opened(); len(opened) != 1 {
		t.Errorf("a browser was opened %d times, not once", len(opened))
	}

	counted := provider.Counts()
	for range 2 {
		time.Sleep(3500 * time.Millisecond) // the token ends
		if got := rig.Run("token", name); got.Status != 0 || got.Stdout == "" || got.Stderr != "" {
			t.Errorf("no token: status %d, %s", got.Status, got.Stderr)
		}
	}
	result, err := rig.RunClient(harness.Client{
		Command: []string{rig.Binary(), "stdio", name},
		Repeat:  `echo={"message":"full"}`, Every: 500 * time.Millisecond, For: 4 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	if failures := result.Failures(); len(failures) > 0 || len(result.Calls()) != 8 {
		t.Errorf("%d calls, failures %+v\n%v", len(result.Calls()), failures, result)
	}
	counts := provider.Counts()
	if counts.Refreshes-counted.Refreshes < 3 || counts.Reuses != 0 || counts.SignIns != 1 {
		t.Errorf("%d refreshes, %d reuses, %d sign-ins; want 3 at least, 0, 1", counts.Refreshes-counted.Refreshes, counts.Reuses, counts.SignIns)
	}
	same(t, before, whole(t, rig.Config, rig.State))

	// Signing out needs no room.
	rig.MustRun("logout", name)
	if got := rig.Run("status", name); got.Status != 10 {
		t.Errorf("after the sign-out: %v", got)
	}
	if counts := provider.Counts(); counts.LiveGrants != 0 {
		t.Errorf("%d grants are left at the provider", counts.LiveGrants)
	}
	refused(settings, "remove", name)
	if after := whole(t, rig.Config); after[settings] != before[settings] {
		t.Errorf("the settings were changed:\n%s", after[settings])
	}

	// With room again all is as ever.
	for _, dir := range []string{rig.Config, rig.State} {
		if err := os.Remove(filepath.Join(dir, ballast)); err != nil {
			t.Fatal(err)
		}
	}
	rig.MustRun("login", name)
	rig.MustRun("audit", "verify") // the record goes on after what did not fit
	rig.MustRun("add", "wiki", "https://wiki.example.com/mcp")
	if got := rig.MustRun("list"); !strings.Contains(got.Stdout, name) || !strings.Contains(got.Stdout, "wiki") {
		t.Errorf("%v", got)
	}
}

const ballast = "ballast"

// mount puts a small disk of its own at dir.
func mount(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=0700"); err != nil {
		t.Fatalf("mount a tmpfs at %s: %v", dir, err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// fill leaves no room on the disk at dir.
func fill(t *testing.T, dir string) {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, ballast))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for range 1 << 10 {
		if _, err := file.Write(make([]byte, 1<<10)); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("a megabyte fits on a disk of 64 KiB: the test would show nothing")
}

// whole reads all files of the folders but the ballast, locks, the agent's and the
// record, which takes what still fits. What is JSON must be whole.
func whole(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || d.Name() == ballast || filepath.Base(filepath.Dir(path)) == "audit" || strings.HasSuffix(path, ".lock") {
				return err
			}
			raw, err := os.ReadFile(path)
			files[path] = string(raw)
			if filepath.Dir(path) == filepath.Join(dir, "accounts") && !json.Valid(raw) {
				t.Errorf("%s is not whole: %s", path, raw)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func same(t *testing.T, before, after map[string]string) {
	t.Helper()
	if maps.Equal(before, after) {
		return
	}
	t.Errorf("the files were %q, and are %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	for path, text := range after {
		if before[path] != text {
			t.Errorf("%s was\n%s\nand is\n%s", path, before[path], text)
		}
	}
}
