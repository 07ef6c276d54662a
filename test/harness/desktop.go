package harness

import (
	"context"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// EnvArtifacts names the folder for what the tests leave to look at; test/artifacts
// when it is empty.
const EnvArtifacts = "DRAWBRIDGE_ARTIFACTS"

const (
	screenWidth  = 1280
	screenHeight = 800
	panelHeight  = 32
	desktopLimit = time.Minute
)

// InDesktop is Inside for sessions/desktop-session.sh, with the bus where a real
// desktop has it. Outside of it, it sees to it that the window and the demo
// stand beside the drawbridge binary.
func InDesktop(t *testing.T) bool {
	t.Helper()
	Skip(t)
	if os.Getenv(envInside) == "" {
		needPrograms(t, []program{
			{"Xvfb", "xvfb"},
			{"openbox", "openbox"},
			{"xfce4-panel", "xfce4-panel"},
			{"xdotool", "xdotool"},
			{"wmctrl", "wmctrl"},
			{"import", "imagemagick"},
		})
		NeedDemo(t)
		if err := buildWindow(); err != nil {
			t.Fatal(err)
		}
	}
	return Inside(t, "desktop-session.sh", "DRAWBRIDGE_SESSION_BUS=user",
		fmt.Sprintf("DRAWBRIDGE_SESSION_SCREEN=%dx%d", screenWidth, screenHeight))
}

// Desktop is a world on a headless desktop: a screen, windows, a panel with tray
// icons.
type Desktop struct{ *Rig }

// NewDesktop makes a world out of the desktop session that the test runs in; see
// InDesktop. A person's programs know the session, what clients start does not.
func NewDesktop(t testing.TB) *Desktop {
	t.Helper()
	r := Here(t)
	for _, name := range []string{
		"DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "GDK_BACKEND", "NO_AT_BRIDGE", "LIBGL_ALWAYS_SOFTWARE",
		"XDG_SESSION_TYPE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME",
	} {
		if value, ok := os.LookupEnv(name); ok {
			r.desktop = append(r.desktop, name+"="+value)
		}
	}
	return &Desktop{r}
}

// Window is a window that can be seen.
type Window struct {
	ID    string
	PID   int
	Title string
	// At is where its content is on the screen.
	At image.Rectangle
}

// Windows are the windows with a title that can be seen now.
func (d *Desktop) Windows(title string) []Window {
	d.t.Helper()
	visible := strings.Fields(d.tool("xdotool", "search", "--onlyvisible", "--name", "^"+title+"$"))
	var found []Window
	for line := range strings.Lines(d.tool("wmctrl", "-lpG")) {
		f := strings.Fields(line) // id, desktop, pid, x, y, width, height, machine, title
		if len(f) < 9 || strings.Join(f[8:], " ") != title {
			continue
		}
		w := Window{ID: f[0], PID: number(f[2]), Title: title}
		// wmctrl's own place counts the frame twice.
		place := map[string]int{}
		for pair := range strings.Lines(d.tool("xdotool", "getwindowgeometry", "--shell", w.ID)) {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			place[name] = number(value)
		}
		w.At = image.Rect(place["X"], place["Y"], place["X"]+place["WIDTH"], place["Y"]+place["HEIGHT"])
		if slices.Contains(visible, strconv.FormatInt(hex(w.ID), 10)) {
			found = append(found, w)
		}
	}
	return found
}

// Window waits for the one window with a title, with something drawn in it.
func (d *Desktop) Window(title string) Window {
	d.t.Helper()
	for deadline := time.Now().Add(desktopLimit); ; time.Sleep(100 * time.Millisecond) {
		windows := d.Windows(title)
		if len(windows) > 1 {
			d.t.Fatalf("%d windows %q", len(windows), title)
		}
		if len(windows) == 1 {
			return windows[0]
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("no window %q; there are:\n%s", title, d.tool("wmctrl", "-lp"))
		}
	}
}

// CloseWindow closes a window as its cross does.
func (d *Desktop) CloseWindow(w Window) {
	d.t.Helper()
	d.tool("wmctrl", "-ic", w.ID)
}

// Focus gives the keyboard to a window.
func (d *Desktop) Focus(w Window) {
	d.t.Helper()
	d.tool("wmctrl", "-ia", w.ID)
}

// Minimise takes a window out of sight.
func (d *Desktop) Minimise(w Window) {
	d.t.Helper()
	d.tool("xdotool", "windowminimize", w.ID)
}

// Active is the ID of the window that has the keyboard, or "".
func (d *Desktop) Active() string {
	d.t.Helper()
	id := strings.TrimSpace(d.tool("xdotool", "getactivewindow"))
	if id == "" {
		return ""
	}
	return fmt.Sprintf("0x%08x", number(id))
}

// PlaceWindow moves and resizes a window.
func (d *Desktop) PlaceWindow(w Window, at image.Rectangle) {
	d.t.Helper()
	d.tool("wmctrl", "-ir", w.ID, "-e", fmt.Sprintf("0,%d,%d,%d,%d", at.Min.X, at.Min.Y, at.Dx(), at.Dy()))
}

// Click clicks a mouse button (1 left, 3 right) somewhere on the screen.
func (d *Desktop) Click(at image.Point, button int) {
	d.t.Helper()
	d.Point(at)
	d.ClickHere(button)
}

// ClickHere is Click where the mouse is.
func (d *Desktop) ClickHere(button int) {
	d.t.Helper()
	d.tool("xdotool", "click", strconv.Itoa(button))
}

// Point moves the mouse.
func (d *Desktop) Point(at image.Point) {
	d.t.Helper()
	d.tool("xdotool", "mousemove", strconv.Itoa(at.X), strconv.Itoa(at.Y))
}

// Press presses keys: "Return", "Escape", …
func (d *Desktop) Press(keys ...string) {
	d.t.Helper()
	d.tool("xdotool", append([]string{"key"}, keys...)...)
}

// Type types a text.
func (d *Desktop) Type(text string) {
	d.t.Helper()
	d.tool("xdotool", "type", "--delay", "20", text)
}

// Look takes a picture of the screen and keeps it as an artefact of that name.
func (d *Desktop) Look(name string) Picture {
	d.t.Helper()
	return d.shoot(name, "root")
}

// LookAt takes a picture of a window alone.
func (d *Desktop) LookAt(w Window, name string) Picture {
	d.t.Helper()
	return d.shoot(name, w.ID)
}

func (d *Desktop) shoot(name, what string) Picture {
	d.t.Helper()
	dir := os.Getenv(EnvArtifacts)
	if dir == "" {
		dir = filepath.Join(testDir(), "artifacts")
	}
	dir = filepath.Join(dir, "desktop")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		d.t.Fatal(err)
	}
	path := filepath.Join(dir, name+".png")
	d.tool("import", "-window", what, "+repage", "-strip", path)
	return readPicture(d.t, path)
}

// Background paints the desktop behind the windows, for a picture.
func (d *Desktop) Background(colour string) {
	d.t.Helper()
	d.tool("display", "-window", "root", "xc:"+colour)
}

// Panel is where the panel shows tray icons.
func (d *Desktop) Panel() image.Rectangle {
	return image.Rect(screenWidth/2, 0, screenWidth, panelHeight)
}

// StopPanel ends the panel that the session started.
func (d *Desktop) StopPanel() {
	d.t.Helper()
	panels := d.find(func(exe string) bool { return filepath.Base(exe) == "xfce4-panel" })
	if len(panels) != 1 {
		d.t.Fatalf("%d panels run", len(panels))
	}
	pid := panels[0].PID
	endProcess(pid, func() bool { return strings.HasPrefix(commandLine(pid), "xfce4-panel") })
}

// StartPanel starts another panel; the test ends it.
func (d *Desktop) StartPanel() {
	d.t.Helper()
	cmd := exec.Command("xfce4-panel", "--disable-wm-check")
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		killer := time.AfterFunc(endDeadline, func() { _ = cmd.Process.Kill() })
		defer killer.Stop()
		_ = cmd.Wait()
	})
}

// Programs are the programs of Drawbridge, and of the web view, that run in this
// world, by file name.
func (d *Desktop) Programs() []string {
	d.t.Helper()
	var names []string
	for _, p := range d.find(d.ours) {
		words := strings.Fields(p.Command)
		if len(words) == 0 {
			continue // it is ending: its command line is gone before it is
		}
		names = append(names, filepath.Base(words[0]))
	}
	return names
}

// StartProgram starts a program as the desktop would; the test ends it.
func (d *Desktop) StartProgram(program string, args ...string) {
	d.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(d.bareEnv(), d.desktop...)
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	d.t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
}

// Pids are the processes of a program of Drawbridge's in this world.
func (d *Desktop) Pids(name string) []int {
	d.t.Helper()
	var pids []int
	for _, p := range d.find(d.ours) {
		if words := strings.Fields(p.Command); len(words) > 0 && filepath.Base(words[0]) == name {
			pids = append(pids, p.PID)
		}
	}
	return pids
}

// Launch starts a desktop entry, with arguments if it takes some, as the desktop does.
func (d *Desktop) Launch(entry string, args ...string) {
	d.t.Helper()
	d.tool("gio", append([]string{"launch", entry}, args...)...)
}

// tool runs one of the desktop's tools and returns what it printed.
func (d *Desktop) tool(name string, args ...string) string {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), desktopLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	var said syncBuffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	// A search that finds nothing, and a window that has just gone, are no faults.
	if err != nil && (ctx.Err() != nil || name == "import") {
		d.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &said)
	}
	return string(out)
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// hex reads a window's id as wmctrl writes it.
func hex(id string) int64 {
	n, _ := strconv.ParseInt(id, 0, 64)
	return n
}
