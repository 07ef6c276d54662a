package bench

import (
	"path/filepath"
	"testing"
	"time"

	"drawbridge/test/harness"
)

const (
	// startLimit is when a start has failed.
	startLimit = 30 * time.Second
	// lookEvery is how often the screen is looked at.
	lookEvery = 5 * time.Millisecond
)

// windowStarts are the seconds from exec to what can be seen, in the order they
// were taken: each of the window stands beside one of the floor.
type windowStarts struct{ shown, usable, bare []float64 }

// ratio is how much longer the window takes than the floor: the median of pairs.
func (w windowStarts) ratio() float64 {
	pairs := make([]float64, len(w.usable))
	for i := range pairs {
		pairs[i] = w.usable[i] / w.bare[i]
	}
	return median(pairs)
}

// measureWindow opens the window, and the bare one in turns with it.
func measureWindow(t *testing.T, d *harness.Desktop, starts int) windowStarts {
	t.Helper()
	bare := harness.BareWindow(t)
	program := filepath.Join(filepath.Dir(d.Binary()), "drawbridge-desktop")
	screen := d.Screen()
	// The first of each brings the files of the web view into the page cache.
	startWindow(t, d, screen, bare, "Bare")
	startWindow(t, d, screen, program, "Drawbridge")
	var w windowStarts
	for range starts {
		_, floor := startWindow(t, d, screen, bare, "Bare")
		shown, usable := startWindow(t, d, screen, program, "Drawbridge")
		w.bare, w.shown, w.usable = append(w.bare, floor), append(w.shown, shown), append(w.usable, usable)
	}
	return w
}

// startWindow starts a program and closes its window again. It returns the
// seconds until the screen showed anything of it, and until a button was there.
func startWindow(t *testing.T, d *harness.Desktop, screen *harness.Screen, program, title string) (shown, usable float64) {
	t.Helper()
	before := screen.Look().Middle()
	begun := time.Now()
	d.StartProgram(program)
	for usable == 0 {
		at := time.Since(begun).Seconds() // what the screen shows was there then, or a moment later
		now := screen.Look()
		if shown == 0 && now.Middle() != before {
			shown = at
		}
		if now.HasBox(harness.Accent, 60, 4) {
			usable = at
		}
		if time.Since(begun) > startLimit {
			d.Look("bench-" + title)
			t.Fatalf("no button in the window %q", title)
		}
		time.Sleep(lookEvery)
	}
	window := d.Window(title)
	d.CloseWindow(window)
	for ended := time.Now(); len(d.Windows(title)) > 0 || len(d.Programs()) > 1; time.Sleep(50 * time.Millisecond) {
		if time.Since(ended) > startLimit {
			t.Fatalf("the window %q does not end: %v", title, d.Programs())
		}
	}
	return shown, usable
}
