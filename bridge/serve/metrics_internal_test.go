package serve

import (
	"fmt"
	"strings"
	"testing"

	"drawbridge/bridge/guard"
)

// Whoever can get tokens for many subjects must not fill the memory, nor write
// lines of their own into the metrics.
func TestMetricsNameCallersWithinBounds(t *testing.T) {
	c := newCounts()
	c.message(&guard.Identity{Mode: "jwt", Subject: "ada"}, true)
	c.message(&guard.Identity{Mode: "jwt", Subject: "ada"}, true)
	c.message(&guard.Identity{Mode: "jwt", Subject: "ada"}, false)
	c.message(&guard.Identity{Mode: "api-key", Subject: "x\"} 1\nforged 2\\"}, true)
	c.message(&guard.Identity{Mode: "jwt", Subject: strings.Repeat("y", 10_000)}, true)
	for i := range 10_000 {
		c.message(&guard.Identity{Mode: "jwt", Subject: fmt.Sprint("caller ", i)}, true)
	}
	var b strings.Builder
	c.print(&b, 0, 0)
	for _, want := range []string{
		`drawbridge_messages_total{mode="jwt",caller="ada",outcome="allowed"} 2`,
		`drawbridge_messages_total{mode="jwt",caller="ada",outcome="refused"} 1`,
		`drawbridge_messages_total{mode="api-key",caller="x\"} 1\nforged 2\\",outcome="allowed"} 1`,
		fmt.Sprintf(`drawbridge_messages_total{mode="",caller="others",outcome="allowed"} %d`, 10_000-callersMost+3),
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	if lines := strings.Count(b.String(), "\n"); lines > 2*callersMost+60 || strings.Contains(b.String(), "\nforged") || b.Len() > 100_000 {
		t.Errorf("%d lines, %d bytes", lines, b.Len())
	}
}
