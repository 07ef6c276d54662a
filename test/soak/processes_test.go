package soak

import (
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestProcesses: many processes share one credential and nothing fails.
func TestProcesses(t *testing.T) {
	t.Parallel()
	lasts, n := pick(40*time.Second, 5*time.Minute), pick(6, 16)
	p := signedIn(t, harness.ProviderOptions{})
	l := p.launch(n)
	l.run(lasts)

	c := p.provider.Counts()
	l.wantNoFailure()
	l.wantOneSignIn(c)
	due := dueTimes(time.Since(l.begun))
	if c.Refreshes > due+1 {
		t.Errorf("%d refreshes; a token came to its time %d times", c.Refreshes, due)
	}
	results.add(t, "1 processes, one credential", form(lasts),
		"%d processes: %d of %d calls answered, %d reuses, %d sign-in, %d refreshes (a token was due %d times); %s",
		n, l.answered, l.total(), c.Reuses, c.SignIns, c.Refreshes, due, l.latency())
}

// spoil orders the faults of the second row.
func (p place) spoil() {
	p.provider.Order(map[string]any{"do": "drop", "paths": []string{"/token"}, "percent": 5})
	p.provider.Order(map[string]any{"do": "unavailable", "paths": []string{"/token"}, "percent": 10})
	p.provider.Order(map[string]any{"do": "delay", "paths": []string{"/token"}, "percent": 30, "ms": 2000})
}

// TestFaults: the same at a provider whose token endpoint is slow, fails, and
// loses requests.
func TestFaults(t *testing.T) {
	t.Parallel()
	lasts, n := pick(40*time.Second, 5*time.Minute), pick(6, 16)
	p := signedIn(t, harness.ProviderOptions{})
	p.spoil()
	l := p.launch(n)
	l.run(lasts)

	c := p.provider.Counts()
	l.wantNoFailure()
	l.wantOneSignIn(c)
	if c.Late == 0 {
		t.Error("no answer was late: the test shows nothing")
	}
	results.add(t, "2 the same, slow and failing token endpoint", form(lasts),
		"%d processes: %d of %d calls answered, %d reuses, %d browser openings after the first, %d refreshes (%d answers 2 s late, %d times 503, %d requests cut; seed %d); %s",
		n, l.answered, l.total(), c.Reuses, len(p.Opened())-1, c.Refreshes, c.Late, c.Unavailable, c.Dropped, seed, l.latency())
}
