package test

import (
	"image"
	"image/color"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// desktopPlace is where nothing but the desktop is while no window is open.
var desktopPlace = image.Pt(100, 700)

// menuBlue is the ground of the menu's entry that the mouse points at.
var menuBlue = color.RGBA{0x35, 0x84, 0xe4, 0xff}

// TestDesktopTrayByMouse: the icon in the panel is clicked and entries of its
// menu, and of a menu in that, are; so the window opens, and comes to the front
// again. So it does when it is started a second time.
func TestDesktopTrayByMouse(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	d := newDesk(t, 2*time.Hour)
	d.SignIn(name, d.gate.URL)
	d.tray.Until(name + ": ada@example.com, ")

	ground := d.Screen().Look().At(desktopPlace.X, desktopPlace.Y)
	row := d.pointAt(t, name+": ada@example.com")
	var entry []image.Rectangle
	if !eventually(time.Minute, func() bool { // its own menu opens, on the left
		entry = d.Look("tray-by-mouse").Boxes(image.Rect(0, row.Y-20, 1<<16, row.Y+20), menuBlue, image.Pt(100, 10))
		return len(entry) == 1 && d.Screen().Look().At(entry[0].Min.X-60, row.Y) != ground
	}) {
		t.Fatalf("%d entries are pointed at, or no menu opens; see %s", len(entry), d.Look("tray-by-mouse").Path)
	}
	// Sign in again is beside it, Sign out the next, and then Copy client entry.
	d.pointAtOne(t, image.Pt(entry[0].Min.X-60, row.Y), 1, 3)
	d.Look("tray-by-mouse")
	d.ClickHere(1)
	d.tray.Until(name + ": signed out")

	d.pointAt(t, "Open Drawbridge")
	d.ClickHere(1)
	window := d.Window(title)
	d.buttons(t, 2, "opened-by-mouse") // Add server, and Sign in
	front := func(how string) {
		t.Helper()
		if !eventually(time.Minute, func() bool { return d.Active() == window.ID }) {
			t.Errorf("%s: the window in front is %q, want %s", how, d.Active(), window.ID)
		}
		d.oneWindow(t, how, window)
	}
	away := func() {
		t.Helper()
		d.Minimise(window)
		if !eventually(time.Minute, func() bool { return len(d.Windows(title)) == 0 }) {
			t.Fatal("the window cannot be minimised")
		}
	}
	away()
	d.pointAt(t, "Open Drawbridge")
	d.ClickHere(1)
	front("Open Drawbridge")
	away()
	d.StartProgram(filepath.Join(filepath.Dir(d.Binary()), "drawbridge-desktop"))
	front("a second start")

	d.pointAt(t, "Quit")
	d.ClickHere(1)
	if result, ended := d.agent.Ended(time.Minute); !ended || result.Status != 0 {
		t.Errorf("after Quit: ended %v, %v", ended, result)
	}
	if !eventually(time.Minute, func() bool { return len(d.Programs()) == 0 }) {
		t.Errorf("after Quit there are still %v", d.Programs())
	}
}

// openMenu clicks the icon of a colour and waits for its menu. It returns a place
// in the menu, near its top.
func (d desk) openMenu(t *testing.T, colour color.RGBA, picture string) image.Point {
	t.Helper()
	icon := d.Look(picture).Boxes(d.Panel(), colour, image.Pt(4, 4))
	if len(icon) == 0 {
		t.Fatalf("the panel shows no icon in %v; see %s", colour, d.Look(picture).Path)
	}
	in := image.Pt(middle(icon[0]).X-60, d.Panel().Max.Y+8)
	d.covers(t, in, func() { d.Click(middle(icon[0]), 3) })
	return in
}

// covers waits until what is done has covered a place on the screen with something.
func (d desk) covers(t *testing.T, at image.Point, do func()) {
	t.Helper()
	screen := d.Screen()
	before := screen.Look().At(at.X, at.Y)
	do()
	if !eventually(time.Minute, func() bool { return screen.Look().At(at.X, at.Y) != before }) {
		t.Fatalf("nothing opens at %v; see %s", at, d.Look("nothing-opens").Path)
	}
	time.Sleep(500 * time.Millisecond) // it is drawn, too
}

// pointAt opens the menu of the icon and moves the mouse to the entry that
// begins with a text, and says where that is.
func (d desk) pointAt(t *testing.T, text string) image.Point {
	t.Helper()
	var labels []string // of the entries that can be chosen
	for _, row := range d.tray.Rows() {
		if row.Enabled {
			labels = append(labels, row.Label)
		}
	}
	i := slices.IndexFunc(labels, func(label string) bool { return strings.HasPrefix(label, text) })
	if i < 0 {
		t.Fatalf("no entry %q in\n%s", text, d.tray.Text())
	}
	return d.pointAtOne(t, d.openMenu(t, trayBlue, "by-mouse"), i, len(labels))
}

// span is where an entry of a menu is, from top to bottom.
type span struct{ top, bottom int }

// pointAtOne moves the mouse to the entry with the index, of all those of a menu
// that can be chosen. Only the colour under the mouse tells where an entry is, and
// it comes when it comes: so all are looked for, as often as it takes.
func (d desk) pointAtOne(t *testing.T, from image.Point, index, all int) image.Point {
	t.Helper()
	screen := d.Screen()
	pointed := func(at image.Point) (s span, ok bool) {
		shot := screen.Look()
		blue := func(y int) bool { // beside the mouse, and beside letters
			n := 0
			for x := at.X - 50; x < at.X-10; x++ {
				if shot.At(x, y) == menuBlue {
					n++
				}
			}
			return n > 2
		}
		for s.top = at.Y; blue(s.top - 1); s.top-- {
		}
		for s.bottom = at.Y; blue(s.bottom + 1); s.bottom++ {
		}
		return s, blue(at.Y)
	}
	var found []span
	for deadline := time.Now().Add(2 * time.Minute); len(found) < all; {
		if time.Now().After(deadline) {
			t.Fatalf("%d of the menu's %d entries are found, %v; see %s", len(found), all, found, d.Look("by-mouse-menu").Path)
		}
		for at := from; at.Y < from.Y+400 && len(found) < all; at.Y += 5 {
			d.Point(at)
			time.Sleep(50 * time.Millisecond)
			if s, ok := pointed(at); ok {
				i := slices.IndexFunc(found, func(f span) bool { return f.top <= s.bottom && s.top <= f.bottom })
				if i < 0 {
					found = append(found, s)
				} else {
					found[i] = span{min(found[i].top, s.top), max(found[i].bottom, s.bottom)}
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b span) int { return a.top - b.top })
	at := image.Pt(from.X, (found[index].top+found[index].bottom)/2)
	d.Point(at)
	if !eventually(time.Minute, func() bool { _, ok := pointed(at); return ok }) {
		t.Fatalf("the mouse at %v points at nothing; see %s", at, d.Look("by-mouse-menu").Path)
	}
	return at
}
