package test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestTwoAccounts: two people at one server, each with a process of their own,
// through several renewals. The server saw each one's calls with their own token
// and no other; one client was registered; a folder's rule decides where no
// account is named; somebody else cannot take an account over; and signing one
// out leaves the other.
func TestTwoAccounts(t *testing.T) {
	t.Parallel()
	p := start(t, 5*time.Second)
	p.SignIn(name, p.gate.URL) // ada
	work := name + "@work"
	loginAs := func(who, account string) harness.Result {
		return p.RunCommand(harness.Command{Args: []string{"login", account}, Env: []string{"DRAWBRIDGE_TEST_LOGIN=" + who}})
	}
	if got := loginAs("grace", work); got.Status != 0 {
		t.Fatal(got)
	}
	opened := p.Opened()
	if len(opened) != 2 {
		t.Fatalf("a browser was opened %d times, not twice: %q", len(opened), opened)
	}
	for i, want := range []string{"", "select_account"} {
		u, err := url.Parse(opened[i])
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Fields(u.Query().Get("prompt")); want != "" && !slices.Contains(got, want) || want == "" && slices.Contains(got, "select_account") {
			t.Errorf("sign-in %d asked with prompt %q", i+1, got)
		}
	}
	// oidc-provider as it is knows no select_account: the same browser was sent
	// on with another question.
	if counts := p.provider.Counts(); counts.Registrations != 1 || counts.SignIns != 2 {
		t.Errorf("the provider counted %d registrations and %d sign-ins; want one and two", counts.Registrations, counts.SignIns)
	}

	project := filepath.Join(p.Home, "project", "sub")
	if err := os.MkdirAll(project, 0o700); err != nil {
		t.Fatal(err)
	}
	p.MustRun("use", work, "--folder", filepath.Dir(project))

	pipes := []struct {
		subject string
		pipe    *harness.Pipe
	}{
		{"ada", p.StartPipe(nil, "stdio", name)},
		{"grace", p.StartPipe(nil, "stdio", work)},
		{"grace", p.StartPipeIn(project, nil, "stdio", name)},
		{"ada", p.StartPipeIn(project, nil, "stdio", name, "--account", "default")},
	}
	call := func(i int) {
		message := fmt.Sprintf("%d of %s", i, pipes[i].subject)
		answer := pipes[i].pipe.Call("tools/call", fmt.Sprintf(`{"name":"echo","arguments":{"message":%q}}`, message))
		if answer.Error != nil || !strings.Contains(string(answer.Result), message) {
			t.Errorf("%s was answered with %s %s", message, answer.Result, answer.Error)
		}
	}
	var all sync.WaitGroup
	for i := range pipes {
		pipes[i].pipe.Initialize()
		all.Go(func() {
			for range 12 {
				call(i)
				time.Sleep(time.Second)
			}
		})
	}
	all.Wait()
	ownTokens := func(least int) {
		t.Helper()
		calls := p.gate.Counts().Calls
		for _, c := range calls {
			if _, subject, _ := strings.Cut(c.Message, " of "); c.Subject != subject {
				t.Errorf("the call %q came with the token of %s", c.Message, c.Subject)
			}
		}
		if len(calls) < least {
			t.Errorf("the gate saw %d calls; want %d", len(calls), least)
		}
	}
	ownTokens(len(pipes) * 12)
	if counts := p.provider.Counts(); counts.Reuses != 0 || counts.GrantsRevoked != 0 || counts.Refreshes < 4 {
		t.Errorf("the provider counted %d reuses, %d revoked grants, %d refreshes", counts.Reuses, counts.GrantsRevoked, counts.Refreshes)
	}

	// Somebody else at Grace's account: refused, and Grace stays.
	got := loginAs("ada", work)
	for _, want := range []string{"ada@example.com", "grace@example.com", "--account NAME", "drawbridge logout " + work} {
		if got.Status != 1 || !strings.Contains(got.Stderr, want) {
			t.Errorf("want status 1 and %q: %v", want, got)
		}
	}
	call(1)

	for i := range pipes {
		if pipes[i].subject == "grace" {
			pipes[i].pipe.Close()
		}
	}
	p.MustRun("logout", work)
	if got := p.Run("token", work); got.Status != 10 || got.Stdout != "" {
		t.Errorf("want status 10, sign-in needed, and no token: %v", got)
	}
	call(0)
	call(3)
	ownTokens(len(pipes)*12 + 3)
	if got := p.MustRun("accounts", name); !strings.Contains(got.Stdout, "ada@example.com") || strings.Contains(got.Stdout, "grace@example.com") {
		t.Errorf("%v", got)
	}
}

// TestTwoAccountsOfAnUnnamedServer: two clients that start `stdio --url`, each
// for an account of its own. The agent signs in to both, at one registered
// client, and each goes on by itself.
func TestTwoAccountsOfAnUnnamedServer(t *testing.T) {
	t.Parallel()
	p := start(t, lasting)
	pipes := []*harness.Pipe{
		p.StartPipe(p.BrowserEnv(), "stdio", "--url", p.gate.URL),
		p.StartPipe(p.BrowserEnv(), "stdio", "--url", p.gate.URL, "--account", "work"),
	}
	for _, pipe := range pipes {
		pipe.Initialize()
		_ = echo(pipe)
	}
	p.Seen(2)
	for i, pipe := range pipes {
		if !eventually(patience, func() bool { return echo(pipe).Error == nil }) {
			t.Errorf("client %d: calls still fail after the sign-in: %s", i, echo(pipe).Error)
		}
	}
	counts := p.provider.Counts()
	if opened := p.Opened(); len(opened) != 2 || counts.SignIns != 2 || counts.Registrations != 1 || counts.LiveGrants != 2 {
		t.Errorf("browser opened %d times, %d sign-ins, %d registrations, %d grants; want 2, 2, 1, 2",
			len(opened), counts.SignIns, counts.Registrations, counts.LiveGrants)
	}
	p.MustRun("agent", "stop")
}
