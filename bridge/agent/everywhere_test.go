package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// SignOutEverywhere plays the manager's; refuse says how it goes for some credentials.
func (f *fakes) SignOutEverywhere(ctx context.Context) ([]credential.Outcome, error) {
	if f.everywhere != nil {
		f.everywhere(ctx)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	kept, err := f.Manager.Kept()
	var outcomes []credential.Outcome
	for _, facts := range kept {
		o := credential.Outcome{Facts: facts, Err: f.refuse[facts.Key]}
		if o.Err == nil || errors.Is(o.Err, credential.ErrNotRevoked) {
			_ = f.Account(facts.Server, facts.Account).SignOut(ctx)
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, err
}

// keep makes a credential that is signed in.
func (r *rig) keep(s config.Server, account string, state credential.State) {
	writeFacts(r.paths, credential.Facts{
		Key: credential.Key(s, account), Account: account, Server: s, State: state,
		Email: "ada@example.com", Renewable: true,
	})
}

var unnamed = config.Server{URL: "https://x.example/mcp"}

// TestSignOutEverywhere: all accounts and unnamed servers are signed out, and
// what is under way is ended before the list is made.
func TestSignOutEverywhere(t *testing.T) {
	r := start(t, nil)
	r.keep(demo, "default", credential.SignedIn)
	r.keep(demo, "work", credential.SignInNeeded)
	r.keep(unnamed, "default", credential.SignedIn)
	r.wantRows("the sign-ins", row{"demo (default)", "default", true, control.SignedIn},
		row{"demo (work)", "work", false, control.SignInNeeded}, row{unnamed.URL, "default", true, control.SignedIn})
	s := r.startSignIn(control.Named("demo").As("play"))
	r.accounts.everywhere = func(context.Context) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if status, err := r.WaitSignIn(ctx, s.ID, nil); err != nil || !status.Done {
			t.Errorf("the sign-in under way: %+v, %v", status, err)
		}
	}
	outcomes, err := r.SignOutEverywhere(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]control.Outcome{}
	for _, o := range outcomes {
		got[o.Key] = o
	}
	for key, label := range map[string]string{
		"demo@default": "demo (default)", "demo@work": "demo (work)", credential.Key(unnamed, ""): unnamed.URL,
	} {
		if o := got[key]; o != (control.Outcome{Key: key, Label: label}) {
			t.Errorf("%s: %+v", key, o)
		}
	}
	if len(outcomes) != 3 {
		t.Errorf("%d outcomes: %+v", len(outcomes), outcomes)
	}
	snapshot, err := r.Snapshot(t.Context()) // follows before the answer
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range snapshot.Servers {
		if server.Kept || server.State != control.SignedOut {
			t.Errorf("afterwards: %+v", server)
		}
	}
}

// TestCancelSignIns: of one credential, or all; each has ended when it returns,
// and nobody counts as asked.
func TestCancelSignIns(t *testing.T) {
	r := start(t, nil)
	for _, account := range []string{"one", "two", "three"} {
		r.startSignIn(control.Named("demo").As(account))
	}
	cancel := func(key string, left int) {
		t.Helper()
		if err := r.CancelSignIns(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		s, err := r.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, server := range s.Servers {
			if server.State == control.SigningIn {
				n++
			}
			if server.Key == key && server.State == control.SigningIn || server.Problem != nil {
				t.Errorf("after %q: %+v", key, server)
			}
		}
		if n != left {
			t.Errorf("after %q %d sign-ins go on, want %d", key, n, left)
		}
	}
	cancel("demo@nobody", 3)
	cancel("demo@one", 2)
	cancel("", 0)
	if asked := loadAsked(r.paths, slog.New(slog.DiscardHandler)).at; len(asked) != 0 {
		t.Errorf("asked: %v", asked)
	}
}

// TestKeptRowsAreMarked: those that signing out everywhere would end, and no others.
func TestKeptRowsAreMarked(t *testing.T) {
	r := start(t, nil)
	r.need(control.Named("demo").As("asked"))
	r.keep(demo, "dead", credential.SignInNeeded)
	r.keep(demo, "live", credential.SignedIn)
	r.keep(demo, "gone", credential.SignedOut)
	want := map[string]bool{"default": false, "asked": false, "dead": true, "live": true, "gone": false}
	eventually(t, "the rows", func() bool {
		s, err := r.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, server := range s.Servers {
			seen[server.Account] = server.Kept
		}
		if _, ok := seen["gone"]; !ok {
			seen["gone"] = false
		}
		if _, ok := seen["default"]; !ok {
			seen["default"] = false
		}
		return fmt.Sprint(seen) == fmt.Sprint(want)
	})
}

// TestSignOutEverywhereThatDoesNotWhollyWork tells what is only not revoked from
// what stays, and signs out of the others.
func TestSignOutEverywhereThatDoesNotWhollyWork(t *testing.T) {
	r := start(t, nil)
	r.accounts.refuse = map[string]error{
		"demo@away": fault.Wrap(credential.ErrNotRevoked, fault.Unreachable, "Not told.", "See there."),
		"demo@shut": fault.New(fault.KeychainLocked, "Locked.", "Unlock it."),
	}
	for _, account := range []string{"away", "fine", "shut"} {
		r.keep(demo, account, credential.SignedIn)
	}
	outcomes, err := r.SignOutEverywhere(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range outcomes {
		what := ""
		if o.Problem != nil {
			what = o.Problem.What
		}
		got = append(got, fmt.Sprint(o.Key, " ", what, " ", o.Stays))
	}
	if want := "demo@away Not told. false;demo@fine  false;demo@shut Locked. true"; strings.Join(got, ";") != want {
		t.Errorf("outcomes\n%s, want\n%s", strings.Join(got, ";"), want)
	}
	s, err := r.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range s.Servers {
		if server.Kept != (server.Account == "shut") {
			t.Errorf("afterwards: %+v", server)
		}
	}
}

// TestSignOutEverywhereOutlivesItsClient: who asked may go.
func TestSignOutEverywhereOutlivesItsClient(t *testing.T) {
	r := start(t, nil)
	r.keep(demo, "default", credential.SignedIn)
	r.state("demo", control.SignedIn)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	r.accounts.everywhere = func(work context.Context) {
		cancel()
		<-gone
		select { // the agent hears of it a moment later
		case <-work.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
	if _, err := r.SignOutEverywhere(ctx); err == nil {
		t.Error("an answer although the client went")
	}
	close(gone)
	r.state("demo", control.SignedOut)
}

// TestClickOnSignOutEverywhere: what did not work is told once.
func TestClickOnSignOutEverywhere(t *testing.T) {
	tray := &icon{seen: true, runs: make(chan control.Actions, 1)}
	r := start(t, func(c *Config) { c.Tray = tray })
	r.accounts.refuse = map[string]error{
		"demo@away": fault.Wrap(credential.ErrNotRevoked, fault.Unreachable, "Not told.", "See there."),
		"demo@shut": fault.New(fault.KeychainLocked, "Locked.", "Unlock it."),
	}
	for _, account := range []string{"away", "shut"} {
		r.keep(demo, account, credential.SignedIn)
	}
	(<-tray.runs).SignOutEverywhere()
	eventually(t, "the notification", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return strings.Join(r.notified, ";") == "2 sign-outs were not complete."
	})
}
