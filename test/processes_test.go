package test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestFourProcesses: four clients, each with its own `drawbridge stdio`, share
// one credential with 5-second tokens at a provider that takes a second use of
// a refresh token for theft. Each calls once a second; every call is answered,
// one person signed in once, and no refresh token was used twice.
func TestFourProcesses(t *testing.T) {
	const clients = 4
	lasts := 20 * time.Second
	if harness.Long() {
		lasts = time.Minute
	}
	p := signedIn(t, 5*time.Second)
	before, begun := p.provider.Counts(), time.Now()

	results := make([]harness.ClientResult, clients)
	errs := make([]error, clients)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			results[i], errs[i] = p.RunClient(harness.Client{
				Command: p.stdio(),
				Env:     append(p.ClientEnv(), p.BrowserEnv()...),
				Repeat:  fmt.Sprintf(`echo={"message":"client %d"}`, i),
				Every:   time.Second,
				For:     lasts,
			})
		})
	}
	all.Wait()
	took := int(time.Since(begun) / time.Second) // longer than what was asked for where the machine is slow

	answered, latencies := 0, []float64{}
	for i, result := range results {
		if errs[i] != nil {
			t.Errorf("client %d: %v", i, errs[i])
		}
		for _, failure := range result.Failures() {
			t.Errorf("client %d: %+v", i, failure)
		}
		for _, call := range result.Calls() {
			if want := fmt.Sprintf("Echo: client %d", i); call.OK && call.Text != want {
				t.Errorf("client %d got %q, not its own answer", i, call.Text)
			} else if call.OK {
				answered++
			}
			latencies = append(latencies, call.MS)
		}
	}
	seconds := int(lasts / time.Second)
	if answered != clients*seconds {
		t.Errorf("%d of %d calls answered", answered, clients*seconds)
	}

	counts := p.provider.Counts()
	if counts.Reuses != 0 || counts.GrantsRevoked != 0 {
		t.Errorf("the provider saw %d refresh tokens used twice and revoked %d grants", counts.Reuses, counts.GrantsRevoked)
	}
	if opened := p.Opened(); len(opened) != 1 || counts.SignIns != 1 || counts.Registrations != 1 {
		t.Errorf("browser opened %d times, %d sign-ins, %d registrations; want one of each",
			len(opened), counts.SignIns, counts.Registrations)
	}
	if counts.WithoutResource != 0 {
		t.Errorf("%d token requests had no resource", counts.WithoutResource)
	}
	// Each 5-second token is needed once by all four together, ahead of its
	// end; more than twice as many refreshes would be one per call or process. A
	// machine that stalls lets tokens end that nobody has asked for.
	refreshes := counts.Refreshes - before.Refreshes
	if most := 2*took/5 + 1; refreshes < 2 || refreshes > most {
		t.Errorf("%d refreshes in %d s; want 2 to %d", refreshes, took, most)
	}
	if len(counts.Errors) != 0 {
		t.Errorf("the provider answered with errors: %+v", counts.Errors)
	}
	if len(latencies) > 0 {
		slices.Sort(latencies)
		t.Logf("%d of %d calls answered, %d refreshes, latency median %.0f ms, p99 %.0f ms, longest %.0f ms",
			answered, clients*seconds, refreshes,
			latencies[len(latencies)/2], latencies[len(latencies)*99/100], latencies[len(latencies)-1])
	}
}

// TestTokenRefusedOnce: the server refuses a token that looks good, as after a
// revocation there. The call is answered nevertheless, with one refresh and
// without a person.
func TestTokenRefusedOnce(t *testing.T) {
	t.Parallel()
	p := signedIn(t, lasting)
	pipe := p.StartPipe(nil, "stdio", name)
	pipe.Initialize()
	if !eventually(patience, func() bool { return p.gate.Counts().OpenStreams == 1 }) {
		t.Fatal("the server has no stream of its own: it may be what is refused")
	}
	before := p.provider.Counts()
	p.gate.Order(map[string]any{"do": "deny", "times": 1})
	answer := pipe.Call("tools/call", `{"name":"echo","arguments":{"message":"again"}}`)
	if answer.Error != nil {
		t.Errorf("the call was answered with %s", answer.Error)
	}
	counts := p.provider.Counts()
	if got := counts.Refreshes - before.Refreshes; got != 1 {
		t.Errorf("%d refreshes; want 1", got)
	}
	if got := p.gate.Counts().ByTool["echo"]; got != 1 {
		t.Errorf("the call reached the server %d times; want 1", got)
	}
	if opened := p.Opened(); len(opened) != 1 {
		t.Errorf("a browser was opened %d times, not once", len(opened))
	}
}

// TestStdioEndsWithItsInput: within 100 ms of its input's end, with status 0, and
// the server is told with one DELETE. A busy machine takes longer, and the goodbye
// has 60 ms of these: it is tried until one goes so, which none does where the end
// waits for something.
func TestStdioEndsWithItsInput(t *testing.T) {
	p := signedIn(t, lasting)
	tries, best, told := 0, time.Hour, 0
	well := eventually(patience, func() bool {
		pipe := p.StartPipe(nil, "stdio", name)
		pipe.Initialize()
		pipe.Call("tools/list", "{}") // a server that knows the client
		result := pipe.Close()
		if result.Status != 0 {
			t.Errorf("ended with %v", result)
		}
		tries++
		best, told = min(best, result.Took), p.gate.Counts().ByVerb["DELETE"]
		return best <= 100*time.Millisecond && told > 0
	})
	if !well || told > tries {
		t.Errorf("%d tries: ended %v after its input at best, and %d times the session was ended; want 100ms at most, and once each at most", tries, best, told)
	}
}
