package agent

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

func (r *rig) startSignIn(target control.Target) control.SignIn {
	r.t.Helper()
	s, err := r.StartSignIn(r.t.Context(), control.SignInRequest{Target: target})
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) wait(id string) control.SignIn {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	s, err := r.WaitSignIn(ctx, id, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func TestSignIn(t *testing.T) {
	r := start(t, nil)
	if got := r.server("demo"); got.State != control.SignedOut || !got.Named || got.Key != "demo@default" {
		t.Fatalf("at first: %+v", got)
	}
	s := r.startSignIn(control.Named("demo"))
	shown := make(chan control.SignIn, 1)
	go func() {
		s := <-shown
		if s.URL != page || !s.BrowserOpened {
			t.Errorf("shown %+v", s)
		}
		if got := r.server("demo"); got.State != control.SigningIn || got.SignIn == nil || got.SignIn.URL != page {
			t.Errorf("meanwhile: %+v", got)
		}
		r.accounts.finish <- nil
	}()
	s, err := r.WaitSignIn(t.Context(), s.ID, func(s control.SignIn) { shown <- s })
	if err != nil || !s.Done || s.Problem != nil {
		t.Fatalf("WaitSignIn = %+v, %v", s, err)
	}
	r.state("demo", control.SignedIn)
	if got := r.server("demo"); got.Identity.Email != "ada@example.com" || got.ExpiresAt == nil || got.SignIn != nil || got.Problem != nil {
		t.Errorf("at last: %+v", got)
	}
	if late := r.wait(s.ID); !late.Done {
		t.Errorf("a late waiter gets %+v", late)
	}
	if r.browsers() != 1 {
		t.Errorf("%d browsers", r.browsers())
	}
}

func TestASecondStartJoins(t *testing.T) {
	r := start(t, nil)
	first := r.startSignIn(control.Named("demo"))
	second := r.startSignIn(control.Keyed("demo@default"))
	if first.ID != second.ID {
		t.Errorf("ids %q and %q", first.ID, second.ID)
	}
	r.complete(nil)
	r.wait(first.ID)
	if r.browsers() != 1 || r.accounts.signIns != 1 {
		t.Errorf("%d browsers, %d sign-ins", r.browsers(), r.accounts.signIns)
	}
}

func TestAskingAgainLaterOpensThePageAgain(t *testing.T) {
	var clock clock
	r := start(t, func(c *Config) { c.now = clock.now })
	s := r.startSignIn(control.Named("demo"))
	eventually(t, "the page", func() bool { s := r.server("demo").SignIn; return s != nil && s.URL == page })
	r.startSignIn(control.Named("demo")) // a double click
	clock.goOn(reopenAfter + time.Millisecond)
	if again := r.startSignIn(control.Named("demo")); again.ID != s.ID {
		t.Errorf("another sign-in began")
	}
	eventually(t, "the browser again", func() bool { return r.browsers() == 2 })
	r.complete(nil)
	r.wait(s.ID)
	if err := errors.Join(r.Stop(t.Context()), r.end()); err != nil || r.browsers() != 2 {
		t.Errorf("%d browsers, %v", r.browsers(), err)
	}
}

func TestCancelledSignIn(t *testing.T) {
	r := start(t, nil)
	s := r.startSignIn(control.Named("demo"))
	r.state("demo", control.SigningIn)
	if err := r.CancelSignIn(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if s = r.wait(s.ID); s.Problem == nil || s.Problem.Code != fault.SignInRefused {
		t.Errorf("outcome %+v", s)
	}
	r.state("demo", control.SignedOut)
	if p := r.server("demo").Problem; p == nil || p.Code != fault.SignInRefused {
		t.Errorf("the server's problem is %+v", p)
	}
}

func TestHowASignInFails(t *testing.T) {
	for _, tc := range []struct {
		err  error
		code fault.Code
	}{
		{fault.New(fault.Refused, "No.", ""), fault.Refused},
		{fmt.Errorf("sign in: %w", credential.ErrOpen), control.SignInUnneeded},
		{fmt.Errorf("wait: %w", context.DeadlineExceeded), fault.SignInTimeout},
		{errors.New("odd"), fault.Internal},
	} {
		t.Run(string(tc.code), func(t *testing.T) {
			r := start(t, nil)
			s := r.startSignIn(control.Named("demo"))
			r.complete(tc.err)
			if s = r.wait(s.ID); s.Problem == nil || s.Problem.Code != tc.code {
				t.Errorf("outcome %+v", s.Problem)
			}
		})
	}
}

func TestABrowserThatDoesNotOpenLeavesTheAddress(t *testing.T) {
	r := start(t, nil)
	r.browser = errors.New("none")
	r.startSignIn(control.Named("demo"))
	eventually(t, "the address", func() bool { s := r.server("demo").SignIn; return s != nil && s.URL == page })
	if r.server("demo").SignIn.BrowserOpened {
		t.Error("it says that a browser was opened")
	}
	r.complete(nil)
}

func TestNoBrowser(t *testing.T) {
	r := start(t, nil)
	if _, err := r.StartSignIn(t.Context(), control.SignInRequest{Target: control.Named("demo"), NoBrowser: true}); err != nil {
		t.Fatal(err)
	}
	r.complete(nil)
	r.state("demo", control.SignedIn)
	if r.browsers() != 0 {
		t.Error("a browser was opened")
	}
}

func TestSignInToAnUnknownServer(t *testing.T) {
	r := start(t, nil)
	for _, target := range []control.Target{control.Named("other"), control.Keyed("other@default"), control.Named("../x")} {
		if _, err := r.StartSignIn(t.Context(), control.SignInRequest{Target: target}); !fault.Is(err, fault.UnknownServer) {
			t.Errorf("%+v: %v", target, err)
		}
	}
	bad := config.Server{URL: "http://far.example/mcp"}
	if _, err := r.StartSignIn(t.Context(), control.SignInRequest{Target: control.Unnamed(bad)}); !fault.Is(err, fault.BadURL) {
		t.Errorf("http elsewhere: %v", err)
	}
	if _, err := r.WaitSignIn(t.Context(), "nonsense", nil); !fault.Is(err, fault.NotSignedIn) {
		t.Errorf("an unknown sign-in: %v", err)
	}
}

func TestSignOut(t *testing.T) {
	r := start(t, nil)
	r.startSignIn(control.Named("demo"))
	r.complete(nil)
	r.state("demo", control.SignedIn)
	problem, err := r.SignOut(t.Context(), control.Keyed("demo@default"))
	if err != nil || problem != nil {
		t.Fatalf("SignOut = %v, %v", problem, err)
	}
	if got := r.server("demo").State; got != control.SignedOut {
		t.Errorf("state %q", got)
	}
}

func TestSignOutThatCannotRevokeSaysSo(t *testing.T) {
	r := start(t, nil)
	r.accounts.revoke = fault.Wrap(credential.ErrNotRevoked, fault.Unreachable, "It could not be told.", "")
	problem, err := r.SignOut(t.Context(), control.Named("demo"))
	if err != nil || problem == nil || problem.What != "It could not be told." {
		t.Fatalf("SignOut = %v, %v", problem, err)
	}
	r.accounts.revoke = fault.New(fault.KeychainLocked, "It is locked.", "")
	if _, err = r.SignOut(t.Context(), control.Named("demo")); !fault.Is(err, fault.KeychainLocked) {
		t.Fatalf("SignOut with a locked keychain = %v", err)
	}
}

func TestAddAndRemove(t *testing.T) {
	r := start(t, nil)
	if err := r.AddServer(t.Context(), config.Server{Name: "two", URL: "https://two.example/mcp"}); err != nil {
		t.Fatal(err)
	}
	if r.server("two").URL == "" {
		t.Error("two is not in the snapshot")
	}
	if err := r.AddServer(t.Context(), config.Server{Name: "two", URL: "https://two.example/mcp"}); !fault.Is(err, fault.ServerExists) {
		t.Errorf("two again: %v", err)
	}
	if problem, err := r.RemoveServer(t.Context(), "two"); err != nil || problem != nil {
		t.Fatalf("RemoveServer = %v, %v", problem, err)
	}
	if len(r.accounts.signedOut) != 0 {
		t.Errorf("signed out of %q: the keychain was woken for nothing", r.accounts.signedOut)
	}
	if r.server("two").URL != "" {
		t.Error("two is still there")
	}
	settings, err := config.Load(r.paths)
	if err != nil || len(settings.Servers) != 1 {
		t.Errorf("settings %+v, %v", settings, err)
	}
}

func TestRemovingSignsOutFirst(t *testing.T) {
	for _, tc := range []struct {
		name    string
		revoke  error
		removed bool
		warned  bool
	}{
		{"revoked", nil, true, false},
		{"not revoked", fault.Wrap(credential.ErrNotRevoked, fault.Unreachable, "Away.", ""), true, true},
		{"no keychain", fault.New(fault.NoKeychain, "None.", ""), true, true},
		{"locked keychain", fault.New(fault.KeychainLocked, "Locked.", ""), false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, nil)
			r.startSignIn(control.Named("demo"))
			r.complete(nil)
			r.state("demo", control.SignedIn)
			r.accounts.revoke = tc.revoke
			problem, err := r.RemoveServer(t.Context(), "demo")
			if (err == nil) != tc.removed || (problem != nil) != tc.warned {
				t.Errorf("RemoveServer = %v, %v", problem, err)
			}
			if gone := r.server("demo").URL == ""; gone != tc.removed {
				t.Errorf("gone is %v", gone)
			}
			if fmt.Sprint(r.accounts.signedOut) != "[demo@default]" {
				t.Errorf("signed out of %q", r.accounts.signedOut)
			}
		})
	}
}

func TestRemovingEndsTheSignInUnderWay(t *testing.T) {
	r := start(t, nil)
	s := r.startSignIn(control.Named("demo"))
	r.state("demo", control.SigningIn)
	if _, err := r.RemoveServer(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	if s = r.wait(s.ID); s.Problem == nil {
		t.Error("the sign-in went on")
	}
}

func TestTokenReport(t *testing.T) {
	r := start(t, nil)
	report, err := r.Token(t.Context(), "demo@default")
	if err != nil || report.Subject != "demo@default" {
		t.Errorf("Token = %+v, %v", report, err)
	}
	if _, err := r.Token(t.Context(), "../../etc/passwd"); !fault.Is(err, fault.UnknownServer) {
		t.Errorf("an unknown key: %v", err)
	}
}
