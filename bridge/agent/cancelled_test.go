package agent

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/vault"
)

// played is an agent without a socket, for a bubble, whose accounts are played.
func played(t *testing.T) (*Agent, *fakes) {
	t.Helper()
	p := folders(t)
	if err := config.Update(t.Context(), p, func(s *config.Settings) error { return s.Add(demo) }); err != nil {
		t.Fatal(err)
	}
	if err := config.MakePrivate(p.Accounts()); err != nil {
		t.Fatal(err)
	}
	f := &fakes{
		Manager: credential.NewManager(credential.Config{Paths: p, Vault: vault.NewMemory()}),
		paths:   p, finish: make(chan error),
	}
	return withoutSocket(t, Config{Paths: p, Accounts: f, Browser: func(context.Context, string) error { return nil }}), f
}

func (a *Agent) begun(t *testing.T, target control.Target) control.SignIn {
	t.Helper()
	s, err := a.StartSignIn(t.Context(), control.SignInRequest{Target: target})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return s
}

// A sign-in that is cancelled may be keeping its tokens: signing out and removing
// wait for it, or the tokens would come after.
func TestWhatCancelsASignInWaitsForIt(t *testing.T) {
	work := control.Named("demo").As("work")
	for _, tc := range []struct {
		name string
		do   func(context.Context, *Agent) (*control.Problem, error)
		want credential.State
	}{
		{"sign out", func(ctx context.Context, a *Agent) (*control.Problem, error) { return a.SignOut(ctx, work) }, credential.SignedOut},
		{"remove the account", func(ctx context.Context, a *Agent) (*control.Problem, error) {
			return a.RemoveAccount(ctx, "demo@work")
		}, ""},
		{"remove the server", func(ctx context.Context, a *Agent) (*control.Problem, error) { return a.RemoveServer(ctx, "demo") }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, f := played(t)
				f.late = make(chan struct{})
				a.begun(t, work)
				ended := make(chan error, 1)
				go func() {
					_, err := tc.do(t.Context(), a)
					ended <- err
				}()
				synctest.Wait()
				close(f.late)
				if err := <-ended; err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if facts, err := f.Account(demo, "work").Facts(); err != nil || facts.State != tc.want {
					t.Errorf("it is %q, want %q; %v", facts.State, tc.want, err)
				}
			})
		})
	}
}

// A sign-in that ends just after the facts were read is not overlooked.
func TestRemovingAServerFindsTheSignInThatJustEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, f := played(t)
		begun := a.begun(t, control.Named("demo").As("work"))
		s := a.signIns[begun.ID]
		f.meanwhile = func() {
			select {
			case f.finish <- nil:
			case <-s.ended: // it was cancelled before
			}
			<-s.ended
		}
		if _, err := a.RemoveServer(t.Context(), "demo"); err != nil {
			t.Error(err)
		}
		if facts, err := f.Account(demo, "work").Facts(); err != nil || facts.State != "" {
			t.Errorf("what is left is %q, %v", facts.State, err)
		}
	})
}

// Whoever signs in while a cancelled sign-in still ends gets one of their own, and
// the end of the old one is not taken for its end. A client that is in need
// meanwhile has nobody asked: the person has just said no.
func TestACancelledSignInIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, f := played(t)
		f.late = make(chan struct{})
		release := sync.OnceFunc(func() { close(f.late) })
		defer release()
		first := a.begun(t, control.Named("demo"))
		if err := a.CancelSignIn(t.Context(), first.ID); err != nil {
			t.Fatal(err)
		}
		a.mu.Lock()
		a.asked.set("demo@default", time.Time{}) // as if no page had been shown yet
		a.mu.Unlock()
		if answer, err := a.Need(t.Context(), control.Named("demo")); err != nil || answer.Action != control.NeedAsked {
			t.Errorf("need: %+v, %v", answer, err)
		}
		second := a.begun(t, control.Named("demo"))
		if second.ID == first.ID {
			t.Fatal("the cancelled one is joined")
		}
		if f.signIns != 1 {
			t.Error("the new one does not wait for the end of the old one")
		}
		release()
		synctest.Wait()
		if s, err := a.WaitSignIn(t.Context(), second.ID, "", 0); err != nil || s.Done || s.URL != page {
			t.Errorf("the new one: %+v, %v", s, err)
		}
		if s := a.feed.Snapshot().Servers[0]; s.SignIn == nil || s.SignIn.ID != second.ID {
			t.Errorf("in the window: %+v", s)
		}
		f.finish <- nil
		synctest.Wait()
		if s, err := a.WaitSignIn(t.Context(), second.ID, page, 0); err != nil || !s.Done || s.Problem != nil {
			t.Errorf("at its end: %+v, %v", s, err)
		}
	})
}

// A request may take longer than the service waits for it at the agent's end:
// nothing begins any more then.
func TestNothingBeginsAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, f := played(t)
		a.stop()
		a.tasks.Wait()
		a.begun(t, control.Named("demo"))
		if f.signIns != 0 {
			t.Error("a sign-in began")
		}
	})
}
