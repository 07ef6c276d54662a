package cli_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"drawbridge/bridge/agent"
	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/test/ports"
)

// A sign-in that the agent has under way would end well after the sign-out:
// signing out ends it, and what comes back from the browser then is refused.
func TestSigningOutEndsSignInsUnderWay(t *testing.T) {
	for _, args := range [][]string{{"logout", "notes"}, {"logout", "--all", "--yes"}} {
		t.Run(args[1], func(t *testing.T) {
			w, u := newWorld(t), newUser(t)
			u.must("add", "notes", w.URL+"/mcp", "--callback-port", ports.Free(t)) // nobody else is handed it
			client := u.agent()
			s, err := client.StartSignIn(t.Context(), control.SignInRequest{Target: control.Named("notes")})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			page := make(chan string, 1)
			ended := make(chan control.SignIn, 1)
			go func() {
				s, _ := client.WaitSignIn(ctx, s.ID, func(s control.SignIn) { page <- s.URL })
				ended <- s
			}()
			address := ""
			select {
			case address = <-page:
			case <-ctx.Done():
				t.Fatal("no sign-in page")
			}
			u.must(args...)
			if s := <-ended; s.Problem == nil || s.Problem.Code != fault.SignInRefused {
				t.Errorf("the sign-in ended with %+v", s.Problem)
			}
			if said, err := browse(address); err == nil {
				t.Errorf("the browser still got an answer: %s", said)
			}
			if facts, err := client.Snapshot(t.Context()); err != nil || facts.Servers[0].State != control.SignedOut {
				t.Errorf("afterwards: %+v, %v", facts.Servers, err)
			}
		})
	}
}

// agent runs an agent on the user's folders until the test ends.
func (u *user) agent() *control.Client {
	u.t.Helper()
	p := config.Paths{Config: filepath.Join(u.dir, "config"), State: filepath.Join(u.dir, "state")}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- agent.Run(ctx, agent.Config{
			Paths:    p,
			Accounts: agent.Credentials(credential.NewManager(credential.Config{Paths: p, Vault: u.vault, Version: "test"})),
			Browser:  func(context.Context, string) error { return errors.New("the test has none") },
		})
	}()
	client := control.Dial(p)
	u.t.Cleanup(func() {
		client.Close()
		cancel()
		if err := <-ended; err != nil {
			u.t.Errorf("agent: %v", err)
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, err := client.Snapshot(u.t.Context()); err == nil {
			return client
		} else if time.Now().After(deadline) {
			u.t.Fatal(err)
		}
	}
}
