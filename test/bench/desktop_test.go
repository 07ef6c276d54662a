package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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
		starts, watched = 15, time.Minute
	}
	d := harness.NewDesktop(t)
	provider := d.StartProvider(harness.ProviderOptions{AccessTTL: 2 * time.Hour})
	gate := d.StartGate(provider, harness.GateOptions{})
	d.SignIn("everything", gate.URL)
	agent := d.Start("agent")
	icon := harness.FindTrayIcon(t, agent.PID())
	icon.Until("everything: ada@example.com")

	w := measureWindow(t, d, starts)

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
	row("window: exec → its servers and buttons to be seen, median", fmt.Sprintf("%.2f s", median(w.usable)), "≤ 1 s", median(w.usable) <= 1)
	row("— the quickest", fmt.Sprintf("%.2f s", slices.Min(w.usable)), "", true)
	row("— its frame to be seen, median", fmt.Sprintf("%.2f s", median(w.shown)), "", true)
	row("the floor: a bare window with one button, exec → to be seen, median", fmt.Sprintf("%.2f s", median(w.bare)), "", true)
	row("— the quickest", fmt.Sprintf("%.2f s", slices.Min(w.bare)), "", true)
	row("window ÷ floor, median of pairs", fmt.Sprintf("%.2f", w.ratio()), "", true)
	row("agent with its tray icon, idle: resident memory", fmt.Sprintf("%.1f MB", resident), "≤ 20 MB", resident <= 20)
	row("— of it its own; the rest is the program", fmt.Sprintf("%.1f MB", own), "", true)
	row("— seconds of a minute in which it wakes", fmt.Sprintf("%.0f", float64(awake)/minutes), "≤ 4", float64(awake)/minutes <= 4)
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
