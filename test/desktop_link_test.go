package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// desktopEntry is the window's entry as packages install it, for this world's window.
func (d desk) desktopEntry(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../build/linux/drawbridge.desktop")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(filepath.Dir(d.Binary()), "drawbridge-desktop")
	entry := filepath.Join(os.Getenv("XDG_DATA_HOME"), "applications", "drawbridge.desktop")
	if err := os.MkdirAll(filepath.Dir(entry), 0o700); err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^Exec=drawbridge-desktop`).ReplaceAll(text, []byte("Exec="+program))
	if err := os.WriteFile(entry, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return entry
}

// TestDesktopLink: a link drawbridge://add opens the window with what it asks
// for, and does nothing. A second one goes to the window that is there, which
// comes to the front; the server is there once the person has agreed.
func TestDesktopLink(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	d := newDesk(t, time.Minute)
	entry := d.desktopEntry(t)
	const link = "drawbridge://add?url=https%3A%2F%2Fmcp.example.com%2Fmcp&name=linked"
	unasked := func() {
		t.Helper()
		if list := d.Run("list"); strings.Contains(list.Stdout, "linked") {
			t.Errorf("the link added a server by itself:\n%s", list.Stdout)
		}
	}

	d.Launch(entry, link)
	window := d.Window(title)
	d.buttons(t, 1, "link") // Add server of the dialog; the page behind it is dimmed
	unasked()
	d.Press("Escape")
	d.buttons(t, 2, "link-refused") // the mark, and Add server
	unasked()

	d.Minimise(window)
	if !eventually(time.Minute, func() bool { return len(d.Windows(title)) == 0 }) {
		t.Error("the window cannot be minimised")
	}
	d.Launch(entry, link)
	d.oneWindow(t, "after a second link", window)
	if !eventually(time.Minute, func() bool { return d.Active() == window.ID }) {
		t.Errorf("the window in front is %s, want %s", d.Active(), window.ID)
	}
	button := d.buttons(t, 1, "link-again")[0]
	d.oneWindow(t, "with its dialog", window)
	unasked()
	d.Click(middle(button), 1)
	d.tray.Until("linked: signed out")
	if opened := d.Opened(); len(opened) != 0 {
		t.Errorf("a browser was opened: %q", opened)
	}
	d.quit(t)
}
