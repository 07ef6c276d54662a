package bench

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"
)

// measureStart: spawn to initialize, to the first result, and the end.
func measureStart(t *testing.T, w *world, r *report) {
	for _, name := range subjects { // the first start is not the one that is measured
		w.open(t, name).close(t)
	}
	n := map[string]int{"mcp-remote": r.nodeStarts}
	ready, first, end := samples{}, samples{}, samples{}
	var before, toFirst []float64
	for i := range r.starts {
		for _, name := range subjects {
			if limit, ok := n[name]; ok && i >= limit {
				continue
			}
			was := w.counts(t).posts()
			begun := time.Now()
			b := w.start(t, name)
			b.call(t, initialize)
			ready.add(name, time.Since(begun))
			if name == "drawbridge" {
				before = append(before, float64(w.counts(t).posts()-was))
			}
			b.write(t, initialized)
			b.call(t, echo(1, 16))
			first.add(name, time.Since(begun))
			if name == "drawbridge" {
				toFirst = append(toFirst, float64(w.counts(t).posts()-was))
			}
			end.add(name, b.close(t))
		}
	}
	r.row("start → `initialize` answered, second start", "ms", ready, "≤ 10 ms", ready.median("drawbridge") <= 10)
	r.row("start → first `tools/call` result", "ms", first, "", true)
	r.row("standard input closed → exit", "ms", end, "≤ 20 ms", end.median("drawbridge") <= 20)
	r.figure("round trips up to the first result, signed in (POST; the stream of the server's own messages is opened beside them)", fmt.Sprint(median(toFirst)), "≤ 3", median(toFirst) <= 3)
	r.figure("— of these begun by the time that `initialize` was answered", fmt.Sprint(median(before)), "", true)
}

// measureCalls: one call after another, in turns.
func measureCalls(t *testing.T, w *world, r *report) {
	bridges := map[string]caller{"direct": w.direct(t)}
	for _, name := range append([]string{modern}, subjects...) {
		bridges[name] = w.open(t, name)
	}
	order := append([]string{"direct"}, subjects...)
	for _, kind := range []struct {
		name, frame string
		size, share int
		must        float64 // of drawbridge ÷ direct; 0: none
	}{
		{"a call, JSON", "json", 64, 1, 1.7},
		{"a call, event stream", "sse", 64, 1, 0},
		{"a call of 64 KiB", "json", 64 << 10, 6, 0},
		{"a call of 64 KiB, event stream", "sse", 64 << 10, 6, 0},
		{"a call of 1 MiB", "json", 1 << 20, 40, 0},
	} {
		w.frame(t, kind.frame)
		took := samples{}
		message := echo(7, kind.size)
		for i := range max(r.calls/kind.share, 4) {
			for _, name := range turn(order, i) {
				if name == "mcp-remote" && i >= max(r.nodeCalls/kind.share, 2) {
					continue
				}
				took.add(name, bridges[name].call(t, message))
			}
			if kind.must > 0 {
				took.add(modern, bridges[modern].call(t, message))
			}
		}
		r.row(kind.name, "ms", took, "", true)
		if over := took.ratio("drawbridge", "direct"); kind.must > 0 {
			r.ratio("— ÷ direct", took, "direct", fmt.Sprintf("≤ %g", kind.must), over <= kind.must)
		} else {
			r.ratio("— ÷ direct", took, "direct", "", true)
		}
		if len(took[modern]) > 0 {
			r.figure("— ÷ direct, when Drawbridge translates to MCP 2026-07-28", fmt.Sprintf("%.2f", took.ratio(modern, "direct")), "", true)
		}
		r.ratio("— ÷ bare pipe", took, "pipe", "≤ 1.15", took.ratio("drawbridge", "pipe") <= 1.15)
	}
	w.frame(t, "json")
	for _, name := range append([]string{modern}, subjects...) {
		bridges[name].(*bridge).close(t)
	}
}

// turn begins each round with another one: who comes after whom matters.
func turn(order []string, i int) []string {
	i %= len(order)
	return slices.Concat(order[i:], order[:i])
}

// measureAtOnce: 64 calls in flight, the bridges in turns: what else the machine
// does then meets all of them.
func measureAtOnce(t *testing.T, w *world, r *report) {
	bridges := map[string]*bridge{}
	for _, name := range subjects {
		bridges[name] = w.open(t, name)
		flood(t, bridges[name], 256) // connections are made
	}
	rate, used, calls := samples{}, map[string]time.Duration{}, map[string]int{}
	for i := range r.repeats {
		for _, name := range turn(subjects, i) {
			n := r.atOnce
			if name == "mcp-remote" {
				n = r.nodeAtOnce
			}
			before := bridges[name].processor(t)
			rate[name] = append(rate[name], flood(t, bridges[name], n))
			used[name] += bridges[name].processor(t) - before
			calls[name] += n
		}
	}
	r.row("calls per second, 64 in flight", "/s", rate, "", true)
	over := rate.ratio("drawbridge", "pipe")
	r.figure("— ÷ bare pipe", fmt.Sprintf("%.2f", over), "≥ 0.85", over >= 0.85)
	work := samples{}
	for name, total := range used {
		work[name] = []float64{float64(total.Microseconds()) / float64(calls[name])}
	}
	r.row("— time of the processor in the bridge for a call", "µs", work, "", true)
	for _, b := range bridges {
		b.close(t)
	}
}

// flood keeps 64 calls in flight until n are answered, each once.
func flood(t *testing.T, b *bridge, n int) (perSecond float64) {
	t.Helper()
	const inFlight = 64
	free := make(chan struct{}, inFlight)
	for range inFlight {
		free <- struct{}{}
	}
	lines := make([][]byte, n)
	for i := range lines {
		lines[i] = echo(100+i, 64)
	}
	begun := time.Now()
	written := make(chan error, 1)
	go func() {
		for _, line := range lines {
			<-free
			if _, err := b.in.Write(line); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	seen := make([]bool, n)
	for range n {
		_, line := b.read(t)
		id := idOf(t, line) - 100
		if id < 0 || id >= n || seen[id] {
			t.Fatalf("%s: answered twice, or never asked: %s", b.name, line)
		}
		seen[id] = true
		select {
		case free <- struct{}{}:
		default:
			t.Fatalf("%s: more answers than calls", b.name)
		}
	}
	took := time.Since(begun)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	return float64(n) / took.Seconds()
}

func idOf(t *testing.T, line []byte) int {
	t.Helper()
	_, after, _ := bytes.Cut(line, []byte(`"id":`))
	end := bytes.IndexAny(after, ",}")
	if end < 0 {
		t.Fatalf("no id: %s", line)
	}
	id, err := strconv.Atoi(string(after[:end]))
	if err != nil {
		t.Fatalf("no id: %s", line)
	}
	return id
}
