package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// clock goes on when it is told to.
type clock struct{ past atomic.Int64 }

func (c *clock) now() time.Time        { return time.Unix(1<<30, c.past.Load()) }
func (c *clock) goOn(by time.Duration) { c.past.Add(int64(by)) }

func TestNeedWithoutATrayOpensTheBrowserOnce(t *testing.T) {
	r := start(t, nil)
	answer := r.need(control.Named("demo"))
	if answer.Action != control.NeedBrowser || answer.SignIn == nil {
		t.Fatalf("first: %+v", answer)
	}
	if again := r.need(control.Named("demo")); again.Action != control.NeedBrowser || again.SignIn.ID != answer.SignIn.ID {
		t.Errorf("meanwhile: %+v", again)
	}
	r.complete(fault.New(fault.SignInRefused, "Refused.", ""))
	r.wait(answer.SignIn.ID)
	if got := r.server("demo"); got.State != control.SignInNeeded || got.Problem == nil {
		t.Errorf("after the refusal: %+v", got)
	}
	for range 3 {
		if again := r.need(control.Named("demo")); again.Action != control.NeedAsked {
			t.Errorf("after the refusal: %+v", again)
		}
	}
	if r.browsers() != 1 {
		t.Errorf("%d browsers", r.browsers())
	}

	asked := r.startSignIn(control.Named("demo")) // somebody asks
	r.complete(fault.New(fault.SignInRefused, "Refused.", ""))
	r.wait(asked.ID)
	if again := r.need(control.Named("demo")); again.Action != control.NeedAsked || r.browsers() != 2 {
		t.Errorf("after another refusal: %+v, %d browsers", again, r.browsers())
	}

	done := r.startSignIn(control.Named("demo"))
	r.complete(nil)
	r.wait(done.ID)
	if again := r.need(control.Named("demo")); again.Action != control.NeedNone {
		t.Errorf("signed in: %+v", again)
	}
	// The token is lost: a new need.
	f := (&fake{Account: r.accounts.Manager.Account(demo, ""), all: r.accounts}).facts(credential.SignInNeeded)
	writeFacts(r.paths, f)
	if again := r.need(control.Named("demo")); again.Action != control.NeedBrowser {
		t.Errorf("the token is lost: %+v", again)
	}
	r.complete(nil)
	r.state("demo", control.SignedIn)
}

func TestARefusalOutlivesTheAgent(t *testing.T) {
	r := start(t, nil)
	answer := r.need(control.Named("demo"))
	r.complete(fault.New(fault.SignInRefused, "Refused.", ""))
	r.wait(answer.SignIn.ID)
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	next := startIn(t, r.paths, nil)
	if answer := next.need(control.Named("demo")); answer.Action != control.NeedAsked || next.browsers() != 0 {
		t.Errorf("the next agent: %+v, %d browsers", answer, next.browsers())
	}
}

func TestASignOutIsANewQuestion(t *testing.T) {
	r := start(t, nil)
	answer := r.need(control.Named("demo"))
	r.complete(fault.New(fault.SignInRefused, "Refused.", ""))
	r.wait(answer.SignIn.ID)
	if _, err := r.SignOut(t.Context(), control.Named("demo")); err != nil {
		t.Fatal(err)
	}
	if got := r.server("demo").State; got != control.SignedOut {
		t.Errorf("state %q", got)
	}
	if answer := r.need(control.Named("demo")); answer.Action != control.NeedBrowser {
		t.Errorf("after the sign-out: %+v", answer)
	}
	r.complete(nil)
	r.state("demo", control.SignedIn)
}

func TestAnAttemptThatShowedNoPageMayBeRepeated(t *testing.T) {
	var clock clock // the pause lasts
	r := start(t, func(c *Config) { c.now = clock.now })
	r.accounts.early = fault.New(fault.Unreachable, "Away.", "")
	answer := r.need(control.Named("demo"))
	r.wait(answer.SignIn.ID)
	if again := r.need(control.Named("demo")); again.Action != control.NeedAsked {
		t.Errorf("at once: %+v", again)
	}
	if r.accounts.signIns != 1 {
		t.Errorf("%d attempts", r.accounts.signIns)
	}
	if loadAsked(r.paths, nil).has("demo@default") {
		t.Error("it counts as a refusal")
	}
}

// A person began a sign-in that could not be finished because a server was away:
// that is no refusal. They are asked again, but not at every call meanwhile.
func TestASignInThatFailedForANetworkIsNoRefusal(t *testing.T) {
	var clock clock
	r := start(t, func(c *Config) { c.now = clock.now })
	for i, pause := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
		answer := r.need(control.Named("demo"))
		if answer.Action != control.NeedBrowser {
			t.Fatalf("need %d: %+v", i, answer)
		}
		r.complete(fault.New(fault.Unreachable, "Away.", ""))
		r.wait(answer.SignIn.ID)
		if loadAsked(r.paths, slog.New(slog.DiscardHandler)).has("demo@default") {
			t.Error("the next agent takes it for a refusal")
		}
		clock.goOn(pause - time.Second)
		if again := r.need(control.Named("demo")); again.Action != control.NeedAsked || r.browsers() != i+1 {
			t.Errorf("before %v are over: %+v, %d browsers", pause, again, r.browsers())
		}
		clock.goOn(time.Second)
	}
}

func TestNeedWithATrayWaitsForAClick(t *testing.T) {
	tray := &icon{seen: true, runs: make(chan control.Actions, 1)}
	r := start(t, func(c *Config) { c.Tray = tray })
	do := <-tray.runs
	for range 3 {
		if answer := r.need(control.Named("demo")); answer.Action != control.NeedTray {
			t.Errorf("answer %+v", answer)
		}
	}
	if got := r.server("demo").State; got != control.SignInNeeded {
		t.Errorf("state %q", got)
	}
	eventually(t, "the notification", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.notified) > 0 })
	do.SignIn("demo@default")
	r.complete(nil)
	r.state("demo", control.SignedIn)
	r.mu.Lock()
	if len(r.notified) != 1 || r.notified[0] != "Sign in to demo" || len(r.opened) != 1 {
		t.Errorf("notified %q, opened %q", r.notified, r.opened)
	}
	r.mu.Unlock()
	do.SignOut("demo@default")
	r.state("demo", control.SignedOut)
	do.Quit()
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

func TestATrayThatNobodySeesIsNone(t *testing.T) {
	r := start(t, func(c *Config) { c.Tray = &icon{} })
	if answer := r.need(control.Named("demo")); answer.Action != control.NeedBrowser {
		t.Errorf("answer %+v", answer)
	}
	r.complete(errors.New("enough"))
}

// slowIcon is a tray that nobody sees, and that takes a while to find that out.
type slowIcon struct {
	*icon
	meanwhile func()
}

func (i *slowIcon) Visible(context.Context) bool {
	i.meanwhile()
	return false
}

// Somebody finishes the sign-in while the agent looks for the icon: nobody is asked
// a second time.
func TestANeedThatIsSettledMeanwhileAsksNobody(t *testing.T) {
	tray := &slowIcon{&icon{}, func() {}}
	r := start(t, func(c *Config) { c.Tray = tray })
	first := r.need(control.Named("demo"))
	tray.meanwhile = func() {
		r.complete(nil)
		r.wait(first.SignIn.ID)
		r.state("demo", control.SignedIn)
	}
	if answer := r.need(control.Named("demo")); answer.Action != control.NeedNone || r.browsers() != 1 {
		t.Errorf("answer %+v, %d browsers", answer, r.browsers())
	}
}

// A look at the facts that was slow says what was true before a client was in need,
// or a person was asked: it takes nothing of that back.
func TestALateLookSettlesNothingNewer(t *testing.T) {
	for name, ask := range map[string]func(context.Context, *Agent) error{
		"a need": func(ctx context.Context, a *Agent) error {
			_, err := a.Need(ctx, control.Named("demo"))
			synctest.Wait()
			a.mu.Lock()
			defer a.mu.Unlock()
			a.asked.set("demo@default", time.Time{}) // the need alone
			return err
		},
		"a refusal": func(ctx context.Context, a *Agent) error {
			_, err := a.StartSignIn(ctx, control.SignInRequest{Target: control.Named("demo")})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, f := played(t)
				read, before := time.Now(), f.Account(demo, "").(*fake).facts(credential.SignedIn)
				look := func(read time.Time) (left int) {
					a.describe("demo@default", who{server: demo, account: "default"}, before, read)
					return len(a.needs) + len(a.failed) + len(a.asked.at)
				}
				time.Sleep(time.Millisecond)
				if err := ask(t.Context(), a); err != nil {
					t.Fatal(err)
				}
				f.finish <- fault.New(fault.SignInRefused, "No.", "")
				synctest.Wait()
				if left := look(read); left < 2 {
					t.Errorf("a late look leaves needs %+v, failed %+v, asked %v", a.needs, a.failed, a.asked.at)
				}
				if left := look(time.Now()); left != 0 {
					t.Errorf("a look leaves needs %+v, failed %+v, asked %v", a.needs, a.failed, a.asked.at)
				}
			})
		})
	}
}

func TestNeedOfAnUnnamedServer(t *testing.T) {
	r := start(t, nil)
	server := config.Server{URL: "https://unnamed.example/mcp", Scopes: []string{"a"}}
	answer := r.need(control.Unnamed(server))
	r.state(server.URL, control.SigningIn)
	got := r.server(server.URL)
	if got.Named || got.Key != credential.Key(server, config.DefaultAccount) {
		t.Errorf("server %+v", got)
	}
	r.complete(nil)
	r.wait(answer.SignIn.ID)
	r.state(server.URL, control.SignedIn)
	if _, err := r.SignOut(t.Context(), control.Keyed(got.Key)); err != nil {
		t.Fatal(err)
	}
	if got := r.server(server.URL); got.URL != "" {
		t.Errorf("signed out, it is still listed: %+v", got)
	}
}

func TestATokenThatCannotBeRenewedNeedsAPerson(t *testing.T) {
	for _, tc := range []struct {
		name  string
		facts credential.Facts
		works bool
	}{
		{"renewable and expired", credential.Facts{State: credential.SignedIn, Renewable: true, ExpiresAt: time.Now().Add(-time.Hour)}, true},
		{"not renewable, not expired", credential.Facts{State: credential.SignedIn, ExpiresAt: time.Now().Add(time.Hour)}, true},
		{"not renewable, expired", credential.Facts{State: credential.SignedIn, ExpiresAt: time.Now().Add(-time.Second)}, false},
		{"not renewable, no expiry known", credential.Facts{State: credential.SignedIn}, true},
		{"signed out", credential.Facts{State: credential.SignedOut}, false},
		{"nothing known", credential.Facts{}, false},
	} {
		if got := works(tc.facts, time.Now()); got != tc.works {
			t.Errorf("%s: works is %v", tc.name, got)
		}
	}
}
