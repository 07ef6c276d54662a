package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// settle is how long a bridge is left alone before its memory is read: longer
// than it takes to give back what its start needed.
const settle = 3 * time.Second

// measureMemory: idle, after many calls, and what is still open then.
func measureMemory(t *testing.T, w *world, r *report) {
	idle, own, after, ownAfter := samples{}, samples{}, samples{}, samples{}
	for _, name := range subjects {
		b := w.open(t, name)
		time.Sleep(settle)
		idle[name] = []float64{memory(t, b, "status", "VmRSS:")}
		own[name] = []float64{memory(t, b, "status", "RssAnon:")}
		open := descriptors(t, b)
		connections := w.counts(t).Connections
		n := r.many
		if name == "mcp-remote" {
			n = min(n, r.nodeAtOnce)
		}
		flood(t, b, n)
		time.Sleep(settle)
		after[name] = []float64{memory(t, b, "status", "VmRSS:")}
		ownAfter[name] = []float64{memory(t, b, "status", "RssAnon:")}
		if name == "drawbridge" {
			const inFlight = 64 // kept connections of the flood
			r.figure(fmt.Sprintf("open files after %d calls, at the start", n), fmt.Sprintf("%d, %d", descriptors(t, b), open),
				"at most the connections of the 64 more", descriptors(t, b) <= open+inFlight)
			r.figure("connections after these, at the start", fmt.Sprintf("%d, %d", w.counts(t).Connections, connections),
				"at most 64 more", w.counts(t).Connections <= connections+inFlight)
		}
		b.close(t)
	}
	r.row("resident memory, idle", "MB", idle, "≤ 14 MB", idle.median("drawbridge") <= 14)
	r.row("— of it its own; the rest is the program, which all bridges share", "MB", own, "", true)
	r.row(fmt.Sprintf("— after %d calls (mcp-remote: %d)", r.many, min(r.many, r.nodeAtOnce)), "MB", after, "≤ 20 MB", after.median("drawbridge") <= 20)
	r.row("— of it its own", "MB", ownAfter, "", true)
}

// measureBig: the peak while one large result passes.
func measureBig(t *testing.T, w *world, r *report) {
	peak := samples{}
	message := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"big","arguments":{"bytes":%d}}}`+"\n", r.big)
	var left float64
	for _, name := range subjects {
		b := w.open(t, name)
		b.call(t, message)
		peak[name] = []float64{memory(t, b, "status", "VmHWM:") * 1e6 / float64(r.big)}
		if name == "drawbridge" {
			time.Sleep(settle)
			left = memory(t, b, "status", "VmRSS:")
		}
		b.close(t)
	}
	r.row(fmt.Sprintf("peak of resident memory during a result of %d MiB ÷ the result", r.big>>20), "×", peak, "≤ 3", peak.median("drawbridge") <= 3 || r.big < 16<<20)
	r.figure("resident memory a moment after it", fmt.Sprintf("%.1f MB", left), "", true)
}

// measureFleet: many bridges at once, as clients start them.
func measureFleet(t *testing.T, w *world, r *report) {
	whole := samples{}
	for _, name := range subjects {
		var all []*bridge
		for range r.fleet {
			all = append(all, w.open(t, name))
		}
		time.Sleep(settle)
		sum := 0.0
		for _, b := range all {
			sum += memory(t, b, "smaps_rollup", "Pss:")
		}
		whole[name] = []float64{sum}
		for _, b := range all {
			b.close(t)
		}
	}
	r.row(fmt.Sprintf("memory of %d bridges (PSS)", r.fleet), "MB", whole, "≤ 50 MB", whole.median("drawbridge") <= 50)
}

// memory is a figure of /proc/PID in MB (10^6 bytes).
func memory(t *testing.T, b *bridge, file, field string) float64 {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(b.cmd.Process.Pid), file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, field); ok {
			kib, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				t.Fatal(err)
			}
			return float64(kib) * 1024 / 1e6
		}
	}
	t.Fatalf("no %s in %s", field, file)
	return 0
}

func descriptors(t *testing.T, b *bridge) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(b.cmd.Process.Pid), "fd"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// processor is the time that the bridge has kept processors busy since its start,
// in steps of 10 ms.
func (b *bridge) processor(t *testing.T) time.Duration {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(b.cmd.Process.Pid), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // after the name, which may hold spaces
	fields := strings.Fields(rest)
	const user, system, tick = 11, 12, 10 * time.Millisecond // proc(5): fields 14 and 15, in 1/100 s
	if len(fields) <= system {
		t.Fatalf("stat of %s: %q", b.name, raw)
	}
	var ticks int
	for _, at := range []int{user, system} {
		n, err := strconv.Atoi(fields[at])
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick
}
