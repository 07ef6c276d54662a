package desktop

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestALoginItemComesAndGoes(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	item := LoginItem{ID: "drawbridge-agent", Title: "Drawbridge", Command: []string{"/opt/draw bridge/drawbridge", "agent"}}
	is := func(want bool) {
		t.Helper()
		if got, err := item.Present(); got != want || err != nil {
			t.Errorf("Present = %v, %v; want %v", got, err, want)
		}
	}
	is(false)
	for range 2 { // a second time changes nothing
		if err := item.Add(); err != nil {
			t.Fatal(err)
		}
		is(true)
	}
	file := filepath.Join(dir, "autostart", "drawbridge-agent.desktop")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if path, err := exec.LookPath("desktop-file-validate"); err == nil {
		if out, err := exec.Command(path, file).CombinedOutput(); err != nil {
			t.Errorf("desktop-file-validate: %v\n%s\n%s", err, out, raw)
		}
	}
	for _, off := range []string{"Hidden=true", "X-GNOME-Autostart-enabled=false"} { // as the person's desktop writes it
		if err := os.WriteFile(file, append(raw, off+"\n"...), 0o600); err != nil {
			t.Fatal(err)
		}
		is(false)
	}
	if err := item.Add(); err != nil {
		t.Fatal(err)
	}
	is(true)
	for range 2 {
		if err := item.Remove(); err != nil {
			t.Fatal(err)
		}
		is(false)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "autostart", "*")); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

// What GLib makes of the Exec line is what was meant: it is what desktops read it with.
func TestTheExecLineKeepsItsArguments(t *testing.T) {
	gio, err := exec.LookPath("gio")
	if err != nil {
		t.Skip("gio is not installed")
	}
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	record := filepath.Join(dir, "args")
	program := filepath.Join(dir, `pro gram`)
	if err := os.WriteFile(program, []byte("#!/bin/sh\nprintf '%s\\n' \"$@\" >'"+record+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{`a b`, `q"q`, `b\b`, `$HOME`, "`id`", `100%`, `%u`, ``, `'`}
	item := LoginItem{ID: "x", Title: "X", Command: append([]string{program}, args...)}
	if err := item.Add(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(gio, "launch", filepath.Join(dir, "autostart", "x.desktop"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gio launch: %v: %s", err, out)
	}
	var raw []byte
	for deadline := time.Now().Add(20 * time.Second); !strings.HasSuffix(string(raw), "'\n"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the program did not run")
		}
		raw, _ = os.ReadFile(record)
	}
	if diff := cmp.Diff(args, strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestThePropertyListKeepsItsArguments(t *testing.T) {
	item := LoginItem{ID: "drawbridge-agent", Command: []string{"/Applications/A & B.app/x", "<agent>"}}
	var list struct {
		Keys    []string `xml:"dict>key"`
		Strings []string `xml:"dict>string"`
		Args    []string `xml:"dict>array>string"`
	}
	if err := xml.Unmarshal([]byte(item.propertyList()), &list); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(item.Command, list.Args); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(list.Strings) == 0 || list.Strings[0] != "dev.drawbridge.agent" {
		t.Errorf("label %q", list.Strings)
	}
}
