package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestDesktopWishes: the icon goes from the panel when the person wants none, and
// comes back; a click has the agent start at login, and what the desktop runs
// then is the agent.
func TestDesktopWishes(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	d := newDesk(t, time.Minute)
	d.MustRun("add", name, d.gate.URL)
	d.tray.Until(name + ": signed out")
	settings := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "drawbridge", "settings.json")
	before, err := os.ReadFile(settings)
	if err != nil {
		t.Fatal(err)
	}
	seen := func(picture string, want bool) {
		t.Helper()
		if !eventually(time.Minute, func() bool { return (d.Look(picture).Count(d.Panel(), trayBlue) > 50) == want }) {
			t.Errorf("the icon is in the panel: %v; want %v", !want, want)
		}
	}
	seen("icon", true)
	hidden := strings.Replace(string(before), "{", "{\n  \"desktop\": {\"hideTray\": true},", 1)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(settings+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(settings+".new", settings); err != nil { // all of it at once, as Drawbridge and editors do
			t.Fatal(err)
		}
	}
	write(hidden)
	d.tray.StatusIs("Passive")
	seen("icon-hidden", false)
	write(string(before))
	d.tray.StatusIs("Active")
	seen("icon-again", true)

	entry := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "autostart", "drawbridge-agent.desktop")
	d.tray.Until("[ ] Start at login")
	d.tray.Click("Start at login")
	d.tray.Until("[x] Start at login")
	text, err := os.ReadFile(entry)
	if err != nil || !strings.Contains(string(text), `"agent" "--log"`) {
		t.Fatalf("%s, %v", text, err)
	}
	d.quit(t)
	d.Launch(entry) // as the desktop does at login
	if !eventually(time.Minute, func() bool { return count(d.Programs(), "drawbridge") == 1 }) {
		t.Fatalf("programs after login: %v", d.Programs())
	}
	d.tray = harness.FindTrayIcon(t, d.Pids("drawbridge")[0])
	d.tray.Until("[x] Start at login")
	d.tray.Click("Start at login")
	d.tray.Until("[ ] Start at login")
	if _, err := os.Stat(entry); !os.IsNotExist(err) {
		t.Errorf("the entry is still there: %v", err)
	}
	d.tray.Click("Quit")
	if !eventually(time.Minute, func() bool { return len(d.Programs()) == 0 }) {
		t.Errorf("after Quit there are still %v", d.Programs())
	}
}
