package agent

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// row is what counts of a row of the snapshot here.
type row struct {
	label   string
	account string
	isFirst bool // the default
	state   control.State
}

func (r *rig) rows() []row {
	r.t.Helper()
	s, err := r.Snapshot(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	var out []row
	for _, server := range s.Servers {
		out = append(out, row{server.Label, server.Account, server.Default, server.State})
	}
	return out
}

func (r *rig) wantRows(what string, want ...row) {
	r.t.Helper()
	var got []row
	defer func() {
		if r.t.Failed() {
			r.t.Logf("rows: %+v", got)
		}
	}()
	eventually(r.t, what, func() bool { got = r.rows(); return slices.Equal(got, want) })
}

func (r *rig) settings(change func(*config.Settings) error) {
	r.t.Helper()
	if err := config.Update(r.t.Context(), r.paths, change); err != nil {
		r.t.Fatal(err)
	}
}

// TestAccountsHaveARowEach: while it is being added, signed in, signed out, and
// not any more when it is removed.
func TestAccountsHaveARowEach(t *testing.T) {
	r := start(t, nil)
	r.wantRows("one row", row{"demo", "default", true, control.SignedOut})

	s := r.startSignIn(control.Named("demo").As("work"))
	r.wantRows("a row for the one that is being added",
		row{"demo (default)", "default", true, control.SignedOut}, row{"demo (work)", "work", false, control.SigningIn})
	if joined := r.startSignIn(control.Keyed("demo@work")); joined.ID != s.ID {
		t.Errorf("its key means the sign-in %q, not %q", joined.ID, s.ID)
	}
	r.complete(nil)
	r.wait(s.ID)
	r.wantRows("it is signed in",
		row{"demo (default)", "default", true, control.SignedOut}, row{"demo (work)", "work", false, control.SignedIn})

	r.settings(func(s *config.Settings) error { _, err := s.Use("demo", "work", ""); return err })
	r.wantRows("the default comes first, and one that nobody uses goes", row{"demo (work)", "work", true, control.SignedIn})
	r.settings(func(s *config.Settings) error { _, err := s.Use("demo", "ada", t.TempDir()); return err })
	r.wantRows("a folder's account",
		row{"demo (work)", "work", true, control.SignedIn}, row{"demo (ada)", "ada", false, control.SignedOut})

	if _, err := r.SignOut(t.Context(), control.Keyed("demo@work")); err != nil {
		t.Fatal(err)
	}
	r.wantRows("signed out",
		row{"demo (work)", "work", true, control.SignedOut}, row{"demo (ada)", "ada", false, control.SignedOut})
	for _, key := range []string{"demo@work", "demo@ada"} {
		if _, err := r.RemoveAccount(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	r.wantRows("removed, with what the settings said of them", row{"demo", "default", true, control.SignedOut})
	if _, err := r.RemoveAccount(t.Context(), "demo@nobody"); !fault.Is(err, fault.UnknownServer) {
		t.Errorf("an account that is not there: %v", err)
	}
}

// TestGivenUpAccountIsNotThere; one that was refused is, with the reason.
func TestGivenUpAccountIsNotThere(t *testing.T) {
	r := start(t, nil)
	s := r.startSignIn(control.Named("demo").As("work"))
	if err := r.CancelSignIn(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	r.wait(s.ID)
	r.wantRows("nothing is left", row{"demo", "default", true, control.SignedOut})

	s = r.startSignIn(control.Named("demo").As("work"))
	r.complete(fault.New(fault.OtherAccount, "Somebody else.", ""))
	r.wait(s.ID)
	r.wantRows("it stays", row{"demo (default)", "default", true, control.SignedOut}, row{"demo (work)", "work", false, control.SignedOut})
	snapshot, err := r.Snapshot(t.Context())
	if err != nil || snapshot.Servers[1].Problem == nil || snapshot.Servers[1].Problem.Code != fault.OtherAccount {
		t.Errorf("%+v, %v", snapshot.Servers, err)
	}
	if _, err := r.RemoveAccount(t.Context(), "demo@work"); err != nil {
		t.Fatal(err)
	}
	r.wantRows("removed", row{"demo", "default", true, control.SignedOut})
}

// TestNeedOfAnAccount: each is asked for on its own, under its own name.
func TestNeedOfAnAccount(t *testing.T) {
	r := start(t, func(c *Config) { c.Tray = &icon{seen: true, runs: make(chan control.Actions, 1)} })
	for _, target := range []control.Target{
		control.Named("demo"), control.Named("demo").As("work"), control.Named("demo").As("WORK"),
		control.Unnamed(config.Server{URL: "https://x.example/mcp"}).As("play"),
	} {
		r.need(target)
	}
	r.wantRows("a row for each need",
		row{"demo (default)", "default", true, control.SignInNeeded}, row{"demo (work)", "work", false, control.SignInNeeded},
		row{"https://x.example/mcp (play)", "play", false, control.SignInNeeded})
	eventually(t, "the notifications", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.notified) == 3 })
	r.mu.Lock()
	slices.Sort(r.notified)
	if diff := cmp.Diff([]string{"Sign in to demo", "Sign in to demo@work", "Sign in to https://x.example/mcp (play)"}, r.notified); diff != "" {
		t.Error(diff)
	}
	r.mu.Unlock()
	if _, err := r.Need(t.Context(), control.Named("demo").As("../x")); !fault.Is(err, fault.Usage) {
		t.Errorf("a bad name: %v", err)
	}
}

// TestRemoveServerTakesAllAccounts.
func TestRemoveServerTakesAllAccounts(t *testing.T) {
	r := start(t, nil)
	r.settings(func(s *config.Settings) error {
		s.SetExchange("demo", &config.Exchange{Issuer: "https://login.example.com", ClientID: "bridge", Resource: "https://mcp.example/mcp"})
		return nil
	})
	if err := r.accounts.SetExchangeSecret(t.Context(), demo, secret.New("s3cret")); err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"", "work", "play"} {
		s := r.startSignIn(control.Named("demo").As(account))
		r.complete(nil)
		r.wait(s.ID)
	}
	if _, err := r.RemoveServer(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	r.wantRows("nothing is left")
	slices.Sort(r.accounts.signedOut)
	if got := strings.Join(r.accounts.signedOut, " "); got != "demo@default demo@play demo@work" {
		t.Errorf("signed out: %s", got)
	}
	if all, err := r.accounts.AllFacts(); err != nil || slices.ContainsFunc(all, func(f credential.Facts) bool { return f.State != "" }) {
		t.Errorf("left: %+v, %v", all, err)
	}
	if s, err := r.accounts.ExchangeSecret(t.Context(), demo); err != nil || !s.IsZero() {
		t.Errorf("the secret of its exchange is left: %v", err)
	}
}
