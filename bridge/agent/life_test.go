package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
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
		case <-time.After(2 * time.Second):
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
	time.Sleep(4 * debounce)
	if got := r.server("demo"); got.State != control.SignedOut {
		t.Errorf("server %+v", got)
	}
}

func TestASecondAgentEndsAndTheFirstStays(t *testing.T) {
	tray := &icon{seen: true, runs: make(chan control.Actions, 1)}
	r := start(t, func(c *Config) { c.OnDemand, c.idle, c.Tray = true, 200*time.Millisecond, tray })
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
	time.Sleep(500 * time.Millisecond)
	if _, err := r.Snapshot(t.Context()); err != nil {
		t.Errorf("the first one ended although somebody wants it: %v", err)
	}
}

func TestAnAgentOnDemandEndsWhenNobodyNeedsIt(t *testing.T) {
	r := start(t, func(c *Config) { c.OnDemand, c.idle = true, 150*time.Millisecond })
	ctx, cancel := context.WithCancel(t.Context())
	for range r.Changes(ctx) { // a client that follows keeps it
		time.Sleep(400 * time.Millisecond)
		break
	}
	s := r.startSignIn(control.Named("demo"))
	cancel()
	time.Sleep(400 * time.Millisecond) // a sign-in under way keeps it, too
	r.complete(nil)
	r.wait(s.ID)
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(r.paths.Socket()); !os.IsNotExist(err) {
		t.Errorf("its socket: %v", err)
	}
}

func TestStopEndsASignInUnderWay(t *testing.T) {
	r := start(t, nil)
	r.startSignIn(control.Named("demo"))
	r.state("demo", control.SigningIn)
	began := time.Now()
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestNoWindowIsSaid(t *testing.T) {
	r := start(t, nil)
	if err := r.OpenWindow(t.Context()); !fault.Is(err, fault.Unsupported) {
		t.Errorf("OpenWindow = %v", err)
	}
}
