package agent

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/vault"
	"drawbridge/test/pipes"
)

func TestOtherProcessesWritesAreSeen(t *testing.T) {
	r := start(t, nil)
	account := &fake{Account: r.accounts.Manager.Account(demo, ""), all: r.accounts}
	changes := make(chan control.Change, 16)
	go func() {
		defer close(changes)
		for change, err := range r.Changes(t.Context()) {
			if err != nil {
				return
			}
			changes <- change
		}
	}()
	if first := <-changes; first.Snapshot == nil {
		t.Fatalf("first: %+v", first)
	}
	next := func(what string) control.Change {
		t.Helper()
		select {
		case c := <-changes:
			return c
		case <-time.After(patience):
			t.Fatalf("not seen: %s", what)
			return control.Change{}
		}
	}
	writeFacts(r.paths, account.facts(credential.SignedIn))
	if c := next("facts"); c.Server == nil || c.Server.State != control.SignedIn {
		t.Errorf("facts: %+v", c)
	}
	f := account.facts(credential.SignedIn)
	f.Problem = &credential.Problem{Code: fault.Unreachable, What: "Away."}
	writeFacts(r.paths, f)
	if c := next("a problem"); c.Server == nil || c.Server.State != control.Trouble || c.Server.Problem.What != "Away." {
		t.Errorf("a problem: %+v", c)
	}
	if err := config.Update(t.Context(), r.paths, func(s *config.Settings) error {
		return s.Add(config.Server{Name: "two", URL: "https://two.example/mcp"})
	}); err != nil {
		t.Fatal(err)
	}
	if c := next("a new server"); c.Server == nil || c.Server.Name != "two" {
		t.Errorf("a new server: %+v", c)
	}
	if err := config.Update(t.Context(), r.paths, func(s *config.Settings) error { return s.Remove("two") }); err != nil {
		t.Fatal(err)
	}
	if c := next("a server less"); c.Removed != "two@default" {
		t.Errorf("a server less: %+v", c)
	}
}

func TestDamagedSettingsAreSaidAndTheLastGoodOnesCount(t *testing.T) {
	r := start(t, nil)
	if err := os.WriteFile(r.paths.SettingsFile(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	problem := func() *control.Problem {
		s, err := r.Snapshot(t.Context())
		if err != nil || len(s.Servers) != 1 {
			t.Fatalf("snapshot %+v, %v", s, err)
		}
		return s.Problem
	}
	eventually(t, "the damage is said", func() bool { p := problem(); return p != nil && p.Code == fault.BadSettings })
	if err := r.AddServer(t.Context(), config.Server{Name: "two", URL: "https://two.example/mcp"}); !fault.Is(err, fault.BadSettings) {
		t.Errorf("AddServer = %v", err)
	}
	if err := os.Remove(r.paths.SettingsFile()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all is well again", func() bool { s, _ := r.Snapshot(t.Context()); return s.Problem == nil })
}

func TestDamagedFactsHideNothing(t *testing.T) {
	r := start(t, nil)
	if err := os.WriteFile(filepath.Join(r.paths.Accounts(), "demo@default.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.SetPreferences(t.Context(), control.PreferencesChange{Theme: to("dark")}); err != nil { // it looks
		t.Fatal(err)
	}
	if got := r.server("demo"); got.State != control.SignedOut {
		t.Errorf("server %+v", got)
	}
}

func TestASecondAgentEndsAndTheFirstStays(t *testing.T) {
	tray := &icon{seen: true, runs: make(chan control.Actions, 1)}
	r := start(t, func(c *Config) { c.OnDemand, c.Tray = true, tray })
	select {
	case <-tray.runs:
		t.Fatal("an agent that nobody asked for shows an icon")
	case <-time.After(20 * time.Millisecond):
	}
	if err := Run(t.Context(), Config{Paths: r.paths, Accounts: r.accounts, OnDemand: true}); !errors.Is(err, control.ErrRunning) {
		t.Fatalf("second, on demand: %v", err)
	}
	if err := Run(t.Context(), Config{Paths: r.paths, Accounts: r.accounts}); !errors.Is(err, control.ErrRunning) {
		t.Fatalf("second: %v", err)
	}
	<-tray.runs // a person wanted an agent: now there is an icon
}

func TestAnAgentOnDemandEndsAndLeavesNoSocket(t *testing.T) {
	p := folders(t)
	accounts := Credentials(credential.NewManager(credential.Config{Paths: p, Vault: vault.NewMemory()}))
	if err := Run(t.Context(), Config{Paths: p, Accounts: accounts, OnDemand: true, idle: 100 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.Socket()); !os.IsNotExist(err) {
		t.Errorf("its socket: %v", err)
	}
}

// An agent that was started on demand ends a while after its last use; a client
// that follows and a sign-in under way keep it, and one that somebody wants stays.
func TestWhenAnAgentOnDemandEnds(t *testing.T) {
	for name, wanted := range map[string]bool{"nobody wants it": false, "somebody wants it": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := withoutSocket(t, Config{Paths: config.Paths{State: t.TempDir()}, OnDemand: true})
				a.service = control.NewService(a, a.log)
				clients := pipes.New()
				a.tasks.Go(func() { _ = a.service.Serve(a.life, clients) })
				a.tasks.Go(func() { a.endWhenIdle(a.life) })
				if wanted {
					a.keep()
				}
				lives := func(want bool, when string) {
					t.Helper()
					synctest.Wait()
					if (a.life.Err() == nil) != want {
						t.Errorf("%s it lives: %v", when, !want)
					}
				}

				follower, _, err := clients.Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(follower, "GET /v1/changes HTTP/1.1\r\nHost: agent.drawbridge\r\n\r\n")
				go func() { _, _ = io.Copy(io.Discard, follower) }()
				time.Sleep(3 * IdleLimit)
				lives(true, "while a client follows")
				_ = follower.Close()
				time.Sleep(IdleLimit / 2)

				a.mu.Lock()
				a.pending["k"] = &signIn{}
				a.mu.Unlock()
				time.Sleep(3 * IdleLimit)
				lives(true, "during a sign-in")
				a.mu.Lock()
				delete(a.pending, "k")
				a.lastEnd = time.Now()
				a.mu.Unlock()
				time.Sleep(IdleLimit - time.Second)
				lives(true, "soon after a sign-in")
				time.Sleep(IdleLimit)
				lives(wanted, "a while after a sign-in")
			})
		})
	}
}

func TestStopEndsASignInUnderWay(t *testing.T) {
	r := start(t, nil)
	r.startSignIn(control.Named("demo"))
	r.state("demo", control.SigningIn)
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.end(); err != nil { // it would wait for the person
		t.Fatal(err)
	}
}

func TestNoWindowIsSaid(t *testing.T) {
	r := start(t, nil)
	if err := r.OpenWindow(t.Context()); !fault.Is(err, fault.Unsupported) {
		t.Errorf("OpenWindow = %v", err)
	}
}
