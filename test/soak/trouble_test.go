package soak

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestSixtyFourCalls: one process has 64 calls in flight when the server begins
// to refuse its token.
func TestSixtyFourCalls(t *testing.T) {
	t.Parallel()
	const calls = 64
	p := signedIn(t, harness.ProviderOptions{AccessTTL: time.Hour})
	l := p.launch(1)
	l.call(l.clients[0])
	before := p.provider.Counts()
	// The gate holds the calls back before it looks at their token.
	p.gate.Order(map[string]any{"do": "hold", "times": calls})
	var all sync.WaitGroup
	for range calls {
		all.Go(func() { l.call(l.clients[0]) })
	}
	for deadline := time.Now().Add(patience); p.gate.Counts().Held < calls; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d calls came", p.gate.Counts().Held)
		}
	}
	p.gate.Order(map[string]any{"do": "distrust"})
	p.gate.Order(map[string]any{"do": "release"})
	all.Wait()

	c, g := p.provider.Counts(), p.gate.Counts()
	l.wantNoFailure()
	l.wantOneSignIn(c)
	refreshes := c.Refreshes - before.Refreshes
	if refused := g.Refused["denied"]; refused != calls {
		t.Errorf("%d calls were refused, not %d: the test shows something else", refused, calls)
	}
	if refreshes != 1 || c.TokenRequests["refresh_token"] != refreshes || l.answered != calls+1 || g.ByTool["echo"] != calls+1 {
		t.Errorf("%d refreshes, %d calls answered, %d ran; want 1, %d, %d", refreshes, l.answered, g.ByTool["echo"], calls+1, calls+1)
	}
	results.add(t, "4 calls in flight when the server starts to answer 401", "64 calls",
		"%d of %d refused at first, %d answered, each ran once, %d refresh", g.Refused["denied"], calls, l.answered-1, refreshes)
}

// TestRevoked: the grant is revoked at the provider.
func TestRevoked(t *testing.T) {
	t.Parallel()
	const n = 4
	p := signedIn(t, harness.ProviderOptions{})
	l := p.launch(n)
	l.run(6 * time.Second)
	l.wantNoFailure()
	p.provider.Order(map[string]any{"do": "revoke"})
	l.run(20 * time.Second)
	failed := l.wantWorking()

	c := p.provider.Counts()
	if opened := len(p.Opened()); opened != 2 || c.SignIns != 2 || c.Registrations != 1 {
		t.Errorf("browser opened %d times, %d sign-ins, %d registrations; want one more of the first two", opened, c.SignIns, c.Registrations)
	}
	dead, again := deadGrants(c.RefreshLog)
	if dead != 1 || again != 0 {
		t.Errorf("%d dead grants met, %d requests repeated for one; want 1, 0\nlog: %+v", dead, again, c.RefreshLog)
	}
	results.add(t, "5 the grant revoked at the provider", form(20*time.Second),
		"%d processes: %d browser opening, %d token request for the dead grant and %d repeated, %d calls told to sign in until then, all work afterwards",
		n, len(p.Opened())-1, dead, again, failed)
}

// deadGrants counts the refresh tokens that the provider called dead, and the
// requests with one after it had said so.
func deadGrants(log []harness.Refresh) (dead, again int) {
	said := map[string]bool{}
	for _, r := range log {
		if said[r.Token] {
			again++
		}
		if r.Outcome == "invalid_grant" && !said[r.Token] {
			said[r.Token] = true
			dead++
		}
	}
	return dead, again
}

// TestKeysReplaced: the provider gets other signing keys and the server takes
// none of the tokens that are about.
func TestKeysReplaced(t *testing.T) {
	t.Parallel()
	lasts := pick(10*time.Second, time.Minute)
	begun := time.Now()
	p := signedIn(t, harness.ProviderOptions{AccessTTL: time.Minute})
	l := p.launch(4)
	l.run(3 * time.Second)
	before := p.provider.Counts().Refreshes
	p.provider.Order(map[string]any{"do": "keys"})
	p.gate.Order(map[string]any{"do": "keys"})
	l.run(lasts)

	c, g := p.provider.Counts(), p.gate.Counts()
	l.wantNoFailure()
	l.wantOneSignIn(c)
	if g.Refused["invalid"] == 0 {
		t.Error("no token was refused: the test shows nothing")
	}
	refreshes := c.Refreshes - before
	if most := 1 + int(time.Since(begun)/(48*time.Second)); refreshes < 1 || refreshes > most {
		t.Errorf("%d refreshes, want 1 and one for each token that came to its time", refreshes)
	}
	results.add(t, "6 signing keys replaced", form(lasts),
		"4 processes, tokens of 60 s: %d of %d calls answered, %d requests refused with an old token, %d refreshes, %d browser openings after the first",
		l.answered, l.total(), g.Refused["invalid"], refreshes, len(p.Opened())-1)
}

// TestTokenEndpointAway: the token endpoint answers 503 for 10 seconds, twice
// the life of a token.
func TestTokenEndpointAway(t *testing.T) {
	t.Parallel()
	lasts := pick(20*time.Second, time.Minute)
	p := signedIn(t, harness.ProviderOptions{})
	l := p.launch(4)
	l.run(3 * time.Second)
	p.provider.Order(map[string]any{"do": "unavailable", "paths": []string{"/token"}, "seconds": 10})
	l.run(lasts)

	c := p.provider.Counts()
	l.wantNoFailure()
	l.wantOneSignIn(c)
	if c.Unavailable == 0 {
		t.Error("nothing was answered 503: the test shows nothing")
	}
	results.add(t, "6 token endpoint 503 for 10 s", form(lasts),
		"4 processes: %d of %d calls answered, %d requests answered 503, %d browser openings after the first; %s",
		l.answered, l.total(), c.Unavailable, len(p.Opened())-1, l.latency())
}

// TestLostAnswers: the provider renews, and its answer is lost. With a grace
// period nobody notices; without one the grant is gone and a person is asked,
// once for each loss.
func TestLostAnswers(t *testing.T) {
	for _, test := range []struct {
		name  string
		grace time.Duration
	}{
		{"with a grace period of 30 s", 30 * time.Second},
		{"without grace", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			lasts := pick(20*time.Second, 2*time.Minute)
			// 5 % of the 30 refreshes in two minutes would be one or two; it is
			// every sixth answer, and in the short form one of five.
			how := pick(map[string]any{"times": 1, "every": 2}, map[string]any{"every": 6})
			how["do"], how["paths"] = "lose", []string{"/token"}
			p := signedIn(t, harness.ProviderOptions{Grace: test.grace})
			l := p.launch(4)
			p.provider.Order(how)
			l.run(lasts)
			p.provider.Order(map[string]any{"do": "clear"})

			c := p.provider.Counts()
			opened := len(p.Opened()) - 1
			if c.Lost == 0 {
				t.Error("no answer was lost: the test shows nothing")
			}
			failed := len(l.failures)
			if test.grace > 0 {
				l.wantNoFailure()
				if opened != 0 || c.SignIns != 1 || c.GrantsRevoked != 0 || c.Graced != c.Lost {
					t.Errorf("browser opened %d times more, %d sign-ins, %d grants revoked, %d graces for %d losses", opened, c.SignIns, c.GrantsRevoked, c.Graced, c.Lost)
				}
			} else {
				l.wantWorking()
				c = p.provider.Counts()
				opened = len(p.Opened()) - 1
				if opened != c.Lost || c.SignIns != 1+c.Lost {
					t.Errorf("browser opened %d times more, %d sign-ins more; want one for each of %d losses", opened, c.SignIns-1, c.Lost)
				}
			}
			if again := len(spentTwice(c.RefreshLog)); again != c.Lost {
				t.Errorf("%d second uses of a refresh token; want the one after each of %d losses", again, c.Lost)
			}
			results.add(t, "6 refresh answers lost, "+test.name, form(lasts),
				"4 processes: %d of %d refresh answers lost, %d browser openings after the first, %d calls failed until the sign-in",
				c.Lost, c.Refreshes, opened, failed)
		})
	}
}

// TestFiveAtOnce is TestAgentSignsInForItsClients of the package above: five
// processes, signed out, the first killed while its tab is open. Here it is
// killed by SIGKILL and the person takes some time.
func TestFiveAtOnce(t *testing.T) {
	t.Parallel()
	rig := harness.New(t)
	provider := rig.StartProvider(harness.ProviderOptions{AccessTTL: time.Hour})
	p := place{rig, t, provider, rig.StartGate(provider, harness.GateOptions{})}
	p.MustRun("add", name, p.gate.URL)
	l := p.launch(5)
	for deadline := time.Now().Add(patience); len(p.Opened()) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no browser was opened")
		}
	}
	if _, err := l.clients[0].kill(); err != nil {
		t.Fatal(err)
	}
	l.clients = l.clients[1:]
	l.wantWorking()
	first := p.StartPipe(p.BrowserEnv(), "stdio", name)
	first.Initialize()
	ctx, cancel := context.WithTimeout(t.Context(), callDeadline)
	defer cancel()
	if m, err := first.Ask(ctx, "tools/list", `{}`); err != nil || m.Error != nil {
		t.Errorf("the client that was killed and came again: %v %s", err, m.Error)
	}
	c := provider.Counts()
	if opened := len(p.Opened()); opened != 1 || c.SignIns != 1 || c.Registrations != 1 {
		t.Errorf("browser opened %d times, %d sign-ins, %d registrations; want one of each", opened, c.SignIns, c.Registrations)
	}
	results.add(t, "7 five started at once, signed out, the first killed", "5 processes",
		"%d browser opening, %d registration, %d sign-in, %s", len(p.Opened()), c.Registrations, c.SignIns, fmt.Sprintf("%d connected and the fifth when it came again", len(l.clients)))
}

// TestSignInMeetsTrouble: the token endpoint fails when the code is exchanged.
// The person has done his part and is not asked for it again.
func TestSignInMeetsTrouble(t *testing.T) {
	for name, fault := range map[string]map[string]any{
		"503":                   {"do": "unavailable", "times": 2},
		"requests cut":          {"do": "drop", "times": 2},
		"answers 2 s late":      {"do": "delay", "ms": 2000, "times": 1},
		"503 with a retry time": {"do": "unavailable", "times": 1, "retryAfter": 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rig := harness.New(t)
			provider := rig.StartProvider(harness.ProviderOptions{AccessTTL: time.Hour})
			gate := rig.StartGate(provider, harness.GateOptions{})
			fault["paths"] = []string{"/token"}
			provider.Order(fault)
			rig.SignIn("everything", gate.URL)
			c := provider.Counts()
			if opened := len(rig.Opened()); opened != 1 || c.SignIns != 1 || c.Unavailable+c.Dropped+c.Late == 0 {
				t.Errorf("browser opened %d times, %d sign-ins, %d faults", opened, c.SignIns, c.Unavailable+c.Dropped+c.Late)
			}
		})
	}
}
