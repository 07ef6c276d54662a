package bench

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// The table of the desktop stands between these lines.
const (
	desktopFrom = "<!-- desktop, from here: written by make bench -->\n"
	desktopTo   = "<!-- desktop, to here -->\n"
)

// rested is how long an agent is left alone before it counts as idle.
const rested = 10 * time.Second

// TestDesktopFigures measures what a person feels of the window and the tray:
// how soon the window can be used, what the agent with its icon holds and how
// often it wakes the machine while nothing happens.
func TestDesktopFigures(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	starts, watched := 1, 10*time.Second
	if harness.Long() {
		starts, watched = 7, time.Minute
	}
	d := harness.NewDesktop(t)
	provider := d.StartProvider(harness.ProviderOptions{AccessTTL: 2 * time.Hour})
	gate := d.StartGate(provider, harness.GateOptions{})
	d.SignIn("everything", gate.URL)
	agent := d.Start("agent")
	icon := harness.FindTrayIcon(t, agent.PID())
	icon.Until("everything: ada@example.com")

	program := filepath.Join(filepath.Dir(d.Binary()), "drawbridge-desktop")
	var shown, usable []float64
	for range starts {
		begun := time.Now()
		d.StartProgram(program)
		var window harness.Window
		for window.ID == "" {
			if all := d.Windows("Drawbridge"); len(all) == 1 {
				window = all[0]
			}
			within(t, begun, "window")
		}
		shown = append(shown, seconds(begun))
		for {
			at := time.Now() // what the picture shows was there then, or a moment later
			if len(d.LookAt(window, "bench").Boxes(image.Rectangle{Max: window.At.Size()}, harness.Accent, image.Pt(60, 20))) > 0 {
				usable = append(usable, at.Sub(begun).Seconds())
				break
			}
			within(t, begun, "button in the window")
		}
		d.CloseWindow(window)
		for len(d.Programs()) > 1 {
			within(t, begun, "end of the window")
			time.Sleep(50 * time.Millisecond)
		}
	}

	time.Sleep(rested)
	switches := wakeUps(t, agent.PID())
	begun, last, awake := time.Now(), switches, 0
	for time.Since(begun) < watched {
		time.Sleep(time.Second)
		if now := wakeUps(t, agent.PID()); now != last {
			last = now
			awake++
		}
	}
	minutes := time.Since(begun).Minutes()
	resident, own := status(t, agent.PID(), "VmRSS:")*1024/1e6, status(t, agent.PID(), "RssAnon:")*1024/1e6

	var out strings.Builder
	fmt.Fprintf(&out, "Measured on %s: %s/%s, %d cores, %s. Load of the machine at the end: %s. %d starts; the agent was watched for %s.\n\n",
		time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), load(), starts, watched)
	out.WriteString("| measure | figure | must be |\n|---|---|---|\n")
	row := func(what, figure, must string, ok bool) {
		switch {
		case must != "" && ok:
			must += ": yes"
		case must != "":
			must += ": **no**"
		}
		fmt.Fprintf(&out, "| %s | %s | %s |\n", what, figure, must)
	}
	row("window: exec → to be seen, median", fmt.Sprintf("%.2f s", median(shown)), "", true)
	row("window: exec → its servers and buttons to be seen, median (as pictures of the screen tell)", fmt.Sprintf("%.2f s", median(usable)), "≤ 1 s", median(usable) <= 1)
	row("agent with its tray icon, idle: resident memory", fmt.Sprintf("%.1f MB", resident), "≤ 20 MB", resident <= 20)
	row("— of it its own; the rest is the program", fmt.Sprintf("%.1f MB", own), "", true)
	row("— seconds of a minute in which it wakes", fmt.Sprintf("%.0f", float64(awake)/minutes), "", true)
	row("— times that one of its threads wakes in a minute (voluntary context switches)", fmt.Sprintf("%.0f", float64(last-switches)/minutes), "", true)
	for _, name := range []string{"drawbridge", "drawbridge-desktop"} {
		info, err := os.Stat(filepath.Join(filepath.Dir(d.Binary()), name))
		if err != nil {
			t.Fatal(err)
		}
		row("size of the program "+name, fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), "", true)
	}
	t.Logf("\n%s", &out)
	if path := os.Getenv(envReport); path != "" {
		if err := place(path, desktopFrom, desktopTo, out.String()); err != nil {
			t.Fatal(fmt.Errorf("write the report: %w", err))
		}
	}
	icon.Click("Quit")
	if result, ended := agent.Ended(10 * time.Second); !ended || result.Status != 0 {
		t.Errorf("the agent: ended %v, %v", ended, result)
	}
}

func seconds(since time.Time) float64 { return time.Since(since).Seconds() }

// within fails the test when a start takes far too long.
func within(t *testing.T, begun time.Time, what string) {
	t.Helper()
	if time.Since(begun) > 30*time.Second {
		t.Fatalf("no %s", what)
	}
}

// wakeUps are the voluntary context switches of all threads so far.
func wakeUps(t *testing.T, pid int) int {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("process %d has no threads: %v", pid, err)
	}
	sum := 0
	for _, thread := range threads {
		sum += int(field(t, filepath.Join(thread, "status"), "voluntary_ctxt_switches:"))
	}
	return sum
}

func status(t *testing.T, pid int, name string) float64 {
	t.Helper()
	return field(t, fmt.Sprintf("/proc/%d/status", pid), name)
}

func field(t *testing.T, path, name string) float64 {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				t.Fatal(err)
			}
			return float64(n)
		}
	}
	t.Fatalf("no %s in %s", name, path)
	return 0
}
