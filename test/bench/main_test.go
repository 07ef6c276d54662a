// Package bench measures what a person feels of Drawbridge: how long a call
// takes through it, how soon it is there, what memory it holds, how fast it
// goes. Each figure stands beside its floor or a peer in the same run, taken in
// turns: the same call straight to the server, through a bare pipe, and through
// npm's mcp-remote. All are signed in at a real provider, everything is on
// loopback and bounded.
//
// `make bench` runs the long form, which writes docs/performance.md; `make test`
// runs a short one, which shows that the bench works.
package bench

import (
	"fmt"
	"os"
	"testing"

	"drawbridge/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// envReport names the file that the tables go into.
const envReport = "DRAWBRIDGE_BENCH_REPORT"

// TestSpeed measures everything.
func TestSpeed(t *testing.T) {
	harness.Skip(t)
	w := newWorld(t)
	r := &report{amounts: short}
	if harness.Long() {
		r.amounts = long
	}
	for _, measure := range []struct {
		name string
		do   func(*testing.T, *world, *report)
	}{
		{"start", measureStart},
		{"calls", measureCalls},
		{"at once", measureAtOnce},
		{"memory", measureMemory},
		{"big result", measureBig},
		{"fleet", measureFleet},
	} {
		if !t.Run(measure.name, func(t *testing.T) { measure.do(t, w, r) }) {
			return
		}
	}
	t.Logf("\n%s", r)
	if path := os.Getenv(envReport); path != "" {
		if err := r.write(path); err != nil {
			t.Fatal(fmt.Errorf("write the report: %w", err))
		}
	}
}

// amounts are how much of each is done.
type amounts struct {
	starts, nodeStarts          int
	calls, nodeCalls            int // in turns, of the smallest
	atOnce, nodeAtOnce, repeats int // 64 in flight
	many                        int // before memory is looked at again
	big                         int // bytes of the big result
	fleet                       int
}

var (
	short = amounts{starts: 2, nodeStarts: 1, calls: 40, nodeCalls: 5, atOnce: 256, nodeAtOnce: 64, repeats: 1, many: 1000, big: 1 << 20, fleet: 2}
	long  = amounts{starts: 15, nodeStarts: 5, calls: 3000, nodeCalls: 300, atOnce: 4000, nodeAtOnce: 500, repeats: 15, many: 100_000, big: 64 << 20, fleet: 10}
)
