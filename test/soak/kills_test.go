package soak

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// lateMost bounds how long after its sender was killed a request is read by the
// provider, on a machine that holds the provider up.
const lateMost = 20 * time.Second

// kill is one SIGKILL.
type kill struct {
	at time.Time
	harness.Killed
}

// loss is a rotation whose new refresh token was in nobody's hands any more:
// the process that had asked for it was killed before it could keep it.
type loss struct {
	refresh harness.Refresh
	killed  time.Time
}

func (l loss) String() string {
	decided, over := time.UnixMilli(l.refresh.Decided), time.UnixMilli(l.refresh.Over)
	when := fmt.Sprintf("killed %d ms after the provider had renewed", l.killed.Sub(decided).Milliseconds())
	if !l.killed.Before(over) && l.refresh.Delivered {
		return when + fmt.Sprintf(", %d ms after the answer was sent", l.killed.Sub(over).Milliseconds())
	}
	return when + ", before the answer was sent"
}

// told is the losses in brackets, one after another.
func told(losses []loss) string {
	var all []string
	for _, l := range losses {
		all = append(all, l.String())
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, "; ") + ")"
}

// lostRotations finds the rotations that a kill has lost. Four things must
// come together, or it is no loss: the request came over a connection of a
// process that was killed; the process held the lock then that it has from before
// the request until the new tokens are written; nobody ever used the new refresh
// token; and the old one was used again, so the new one was not in the keychain.
func lostRotations(log []harness.Refresh, kills []kill) (losses []loss) {
	last := map[string]int{} // refresh token → the last request with it
	for _, r := range log {
		last[r.Token] = r.N
	}
	for _, r := range log {
		if _, used := last[r.Issued]; r.Outcome != "ok" || used || last[r.Token] == r.N {
			continue
		}
		for _, k := range kills {
			if slices.Contains(k.Ports, r.Port) && k.Renewing && k.at.Add(lateMost).After(time.UnixMilli(r.At)) {
				losses = append(losses, loss{r, k.at})
			}
		}
	}
	return losses
}

// unexplained is the second uses of refresh tokens that no lost rotation explains.
func unexplained(log []harness.Refresh, losses []loss) (strange []harness.Refresh) {
	for _, r := range spentTwice(log) {
		if !slices.ContainsFunc(losses, func(l loss) bool { return l.refresh.Token == r.Token }) {
			strange = append(strange, r)
		}
	}
	return strange
}

// killing kills a random client's process once a second, n times, and starts it
// again. It returns what it killed.
func (l *load) killing(n int) []kill {
	dice := rand.New(rand.NewPCG(seed, 0))
	var kills []kill
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range n {
		// Not in step with the calls or the refreshes.
		time.Sleep(time.Duration(dice.IntN(400)) * time.Millisecond)
		c := l.clients[dice.IntN(len(l.clients))]
		killed, err := c.kill()
		if err != nil {
			l.p.t.Errorf("kill: %v", err)
			return kills
		}
		kills = append(kills, kill{time.Now(), killed})
		c.start(l)
		<-tick.C
	}
	return kills
}

func TestKills(t *testing.T) {
	for _, test := range []struct {
		name, row string
		spoil     bool
	}{
		{"steady", "3 the same, a process killed every second", false},
		{"faults", "3 the same, a process killed every second, slow and failing token endpoint", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			kills, n := pick(30, 300), pick(6, 16)
			p := signedIn(t, harness.ProviderOptions{})
			if test.spoil {
				p.spoil()
			}
			l := p.launch(n)
			var killed []kill
			var killer sync.WaitGroup
			killer.Go(func() { killed = l.killing(kills) })
			l.run(time.Duration(kills+2) * time.Second)
			killer.Wait()
			l.opened()

			c := p.provider.Counts()
			losses := lostRotations(c.RefreshLog, killed)
			opened := len(p.Opened())
			if strange := unexplained(c.RefreshLog, losses); len(strange) > 0 {
				t.Errorf("refresh tokens used twice, and no kill explains it: %+v\nkills: %+v\nlog: %+v", strange, killed, c.RefreshLog)
			}
			if opened-1 > len(losses) || c.SignIns-1 > len(losses) {
				t.Errorf("browser opened %d times more, %d sign-ins more; %d rotations were lost", opened-1, c.SignIns-1, len(losses))
			}
			if len(killed) != kills {
				t.Errorf("%d kills, want %d", len(killed), kills)
			}
			failed := len(l.failures)
			l.failures = slices.DeleteFunc(l.failures, func(f failure) bool { return l.whileSigningIn(f, c.RefreshLog, losses) })
			l.wantNoFailure()
			if failed > 0 {
				l.wantWorking()
			}
			results.add(t, test.row, form(time.Duration(kills)*time.Second),
				"%d processes, %d kills: %d of %d calls answered (%d cut with their process), %d sign-outs that nothing explains, %d rotations lost between answer and write%s, %d refreshes; %s",
				n, len(killed), l.answered, l.answered+failed, l.cut, len(unexplained(c.RefreshLog, losses)), len(losses), told(losses), c.Refreshes, l.latency())
		})
	}
}

// whileSigningIn reports whether a call failed because a person had to sign in
// again after a lost rotation.
func (l *load) whileSigningIn(f failure, log []harness.Refresh, losses []loss) bool {
	at := l.begun.Add(f.at)
	return strings.Contains(f.what, "sign_in_needed") && slices.ContainsFunc(spentTwice(log), func(r harness.Refresh) bool {
		found := time.UnixMilli(r.At) // that the refresh token is spent
		return at.After(found) && at.Before(found.Add(signInTime)) &&
			slices.ContainsFunc(losses, func(l loss) bool { return l.refresh.Token == r.Token })
	})
}

// signInTime is what the person at the browser needs, on a machine that does much
// else.
const signInTime = time.Minute

// TestLostRotationIsTold kills the one process that has a rotation under way, on
// purpose: what TestKills counts as a loss is one, and what it costs is one
// sign-in, or nothing where the provider has a grace period.
func TestLostRotationIsTold(t *testing.T) {
	for _, test := range []struct {
		name    string
		grace   time.Duration
		signIns int
	}{
		{"no grace", 0, 2},
		{"grace", 10 * time.Minute, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := signedIn(t, harness.ProviderOptions{Grace: test.grace})
			l := p.launch(3)
			p.provider.Order(map[string]any{"do": "delay", "paths": []string{"/token"}, "ms": 20_000, "times": 1})
			var calls sync.WaitGroup
			calls.Go(func() { l.run(20 * time.Second) })
			killed := l.killOwner(t)
			calls.Wait()
			l.opened()
			failures := l.failures
			l.wantWorking() // signed in again, or never out

			c := p.provider.Counts()
			losses := lostRotations(c.RefreshLog, []kill{killed})
			if len(losses) != 1 {
				t.Errorf("%d lost rotations told, want 1: %+v\nlog: %+v", len(losses), killed, c.RefreshLog)
			}
			if strange := unexplained(c.RefreshLog, losses); len(strange) != 0 {
				t.Errorf("unexplained: %+v", strange)
			}
			if without := unexplained(c.RefreshLog, nil); len(without) != 1 {
				t.Errorf("%d second uses, want the one after the loss: %+v", len(without), without)
			}
			if opened := len(p.Opened()); opened != test.signIns || c.SignIns != test.signIns {
				t.Errorf("browser opened %d times, %d sign-ins; want %d", opened, c.SignIns, test.signIns)
			}
			failed := len(failures)
			if l.failures = failures; test.grace == 0 {
				l.failures = slices.DeleteFunc(l.failures, func(f failure) bool { return l.whileSigningIn(f, c.RefreshLog, losses) })
			}
			l.wantNoFailure()
			results.add(t, "3 killed on purpose between answer and write, "+test.name, "short, 20s",
				"3 processes%s; %d browser openings after the first, %d calls failed until then, all work afterwards",
				told(losses), len(p.Opened())-1, failed)
		})
	}
}

// killOwner waits until the provider has decided on a refresh whose answer is
// held back, and kills the process that waits for it.
func (l *load) killOwner(t *testing.T) kill {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		for _, r := range l.p.provider.Counts().RefreshLog {
			if r.Decided == 0 || r.Over != 0 || r.Outcome != "ok" {
				continue
			}
			for _, c := range l.clients {
				ports, err := c.pipe.Ports()
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(ports, r.Port) {
					continue
				}
				killed, err := c.kill()
				if err != nil {
					t.Fatal(err)
				}
				now := time.Now()
				c.start(l)
				return kill{now, killed}
			}
			t.Fatalf("nobody has the connection from port %d", r.Port)
		}
	}
	t.Fatal("no refresh came")
	return kill{}
}
