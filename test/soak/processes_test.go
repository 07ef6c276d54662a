package soak

import (
	"fmt"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestProcesses: many processes share one credential and nothing fails.
func TestProcesses(t *testing.T) {
	t.Parallel()
	steady(t, "oidc-provider", "1 processes, one credential", pick(40*time.Second, 5*time.Minute), pick(6, 16))
}

// TestFaults: the same at a provider whose token endpoint is slow, fails, and
// loses requests.
func TestFaults(t *testing.T) {
	t.Parallel()
	spoiled(t, "oidc-provider", "2 the same, slow and failing token endpoint", pick(40*time.Second, 5*time.Minute), pick(6, 16))
}

// TestEngines is the two tests above at other authorization servers: fosite,
// whose access tokens die with the next refresh, and workers-oauth-provider,
// which takes the refresh token before the last one once more.
func TestEngines(t *testing.T) {
	for _, engine := range []string{"fosite", "workers"} {
		t.Run(engine, func(t *testing.T) {
			lasts, n := pick(15*time.Second, 5*time.Minute), pick(4, 16)
			t.Run("steady", func(t *testing.T) {
				t.Parallel()
				steady(t, engine, fmt.Sprintf("8 %s: processes, one credential", engine), lasts, n)
			})
			t.Run("faults", func(t *testing.T) {
				t.Parallel()
				spoiled(t, engine, fmt.Sprintf("8 %s: the same, slow and failing token endpoint", engine), lasts, n)
			})
		})
	}
}

func steady(t *testing.T, engine, row string, lasts time.Duration, n int) {
	p := signedInAt(t, engine, harness.ProviderOptions{})
	l := p.launch(n)
	l.inStep = true
	l.run(lasts)

	c := p.provider.Counts()
	l.wantNoFailure()
	l.wantOneSignIn(c)
	// A machine that stalls while a token is on its way makes it due sooner, now and
	// then; a renewal for each process would be many times as many.
	due := dueTimes(time.Since(l.begun))
	if c.Refreshes > due+due/2+1 {
		t.Errorf("%d refreshes; a token came to its time %d times", c.Refreshes, due)
	}
	results.add(t, row, form(lasts),
		"%d processes in step: %d of %d calls answered, %d reuses, %d sign-in, %d refreshes (a token was due %d times); %s",
		n, l.answered, l.total(), c.Reuses, c.SignIns, c.Refreshes, due, l.latency())
}

func spoiled(t *testing.T, engine, row string, lasts time.Duration, n int) {
	p := signedInAt(t, engine, harness.ProviderOptions{})
	p.spoil()
	l := p.launch(n)
	l.run(lasts)

	c := p.provider.Counts()
	l.wantNoFailure()
	l.wantOneSignIn(c)
	if c.Late+c.Unavailable+c.Dropped == 0 {
		t.Error("nothing went wrong at the token endpoint: the test shows nothing")
	}
	results.add(t, row, form(lasts),
		"%d processes: %d of %d calls answered, %d reuses, %d browser openings after the first, %d refreshes (%d answers 2 s late, %d times 503, %d requests cut; seed %d); %s",
		n, l.answered, l.total(), c.Reuses, len(p.Opened())-1, c.Refreshes, c.Late, c.Unavailable, c.Dropped, seed, l.latency())
}

// spoil orders the faults of the second test.
func (p place) spoil() {
	p.provider.Order(map[string]any{"do": "drop", "paths": []string{"/token"}, "percent": 5})
	p.provider.Order(map[string]any{"do": "unavailable", "paths": []string{"/token"}, "percent": 10})
	p.provider.Order(map[string]any{"do": "delay", "paths": []string{"/token"}, "percent": 30, "ms": 2000})
}

// TestAgentRenewsAhead: the agent looks after tokens that live long enough for
// it, and the processes that use them are beside it.
func TestAgentRenewsAhead(t *testing.T) {
	harness.Skip(t)
	if !harness.Long() {
		t.Skip("lasts three minutes: make soak")
	}
	t.Parallel()
	const life, lasts, n = time.Minute, 3 * time.Minute, 8
	p := signedIn(t, harness.ProviderOptions{AccessTTL: life})
	p.Start("agent", "--no-tray")
	l := p.launch(n)
	l.run(lasts)

	c := p.provider.Counts()
	l.wantNoFailure()
	l.wantOneSignIn(c)
	// The agent renews between one and two fifths of the life ahead of its end.
	if most := int(lasts/(life*3/5)) + 1; c.Refreshes < 2 || c.Refreshes > most {
		t.Errorf("%d refreshes, want 2 to %d", c.Refreshes, most)
	}
	results.add(t, "9 the agent renews ahead, tokens of 60 s", form(lasts),
		"%d processes: %d of %d calls answered, %d reuses, %d sign-in, %d refreshes; %s",
		n, l.answered, l.total(), c.Reuses, c.SignIns, c.Refreshes, l.latency())
}
