package test

import (
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// undrawn is the ground that GTK gives a window before anything is drawn in it;
// where a compositor draws the screen it is never seen.
var undrawn = color.RGBA{0xf6, 0xf5, 0xf4, 0xff}

// TestDesktopWindowAtOnce: from the moment that the window can be seen it stays,
// and it never has the colours of the theme that was not chosen.
func TestDesktopWindowAtOnce(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	d := newDesk(t, time.Minute)
	d.Background("#b4c2d8")
	desktop := color.RGBA{0xb4, 0xc2, 0xd8, 0xff}
	screen := d.Screen()
	// ground is where the page has nothing but its own colour.
	ground := func() color.RGBA { return screen.Look().At(960, 740) }
	if !eventually(time.Minute, func() bool { return ground() == desktop }) {
		t.Fatalf("the desktop is %v, want %v", ground(), desktop)
	}
	program := filepath.Join(filepath.Dir(d.Binary()), "drawbridge-desktop")
	settings := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "drawbridge", "settings.json")
	if err := os.MkdirAll(filepath.Dir(settings), 0o700); err != nil {
		t.Fatal(err)
	}
	for theme, wrong := range map[string]func(brightness int) bool{
		"dark":  func(brightness int) bool { return brightness > 0x80 },
		"light": func(brightness int) bool { return brightness < 0x80 },
	} {
		if err := os.WriteFile(settings, []byte(`{"version": 1, "desktop": {"theme": "`+theme+`"}}`), 0o600); err != nil {
			t.Fatal(err)
		}
		// The agent has read it, too: the page asks that for the theme later on.
		if !eventually(time.Minute, func() bool {
			return strings.Contains(onSocket(place{Rig: d.Rig}, "/v1/snapshot"), `"theme":"`+theme+`"`)
		}) {
			t.Fatalf("%s: the agent says %s", theme, onSocket(place{Rig: d.Rig}, "/v1/snapshot"))
		}
		d.StartProgram(program)
		seen, drawn, accent := false, false, harness.Accent
		if theme == "dark" {
			accent = harness.AccentDark
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
			at := ground()
			switch {
			case at == desktop && seen:
				t.Errorf("%s: the window was seen, and was gone again", theme)
			case at == undrawn && !drawn:
			case at != desktop && wrong(brightness(at)):
				t.Errorf("%s: the window was seen in %v", theme, at)
			}
			seen = seen || at != desktop
			drawn = drawn || at != desktop && at != undrawn
			if t.Failed() || screen.Look().HasBox(accent, 60, 4) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: no button; see %s", theme, d.Look("at-once-"+theme).Path)
			}
		}
		d.CloseWindow(d.Window(title))
		if !eventually(time.Minute, func() bool { return len(d.Programs()) == 1 && ground() == desktop }) {
			t.Fatalf("%s: the window does not go: %v", theme, d.Programs())
		}
	}
	d.quit(t)
}

func brightness(c color.RGBA) int { return (int(c.R) + int(c.G) + int(c.B)) / 3 }
