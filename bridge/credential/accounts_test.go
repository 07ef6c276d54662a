package credential_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/demo"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/token"
)

const (
	ada   = "ada@example.com"
	grace = "grace@example.com"
)

// asks is what the authorization request of a sign-in said.
type asks struct{ prompt, hint, client string }

// signInAs signs in to an account as a person, and says what the server was asked.
func (w *world) signInAs(a *credential.Account, email string) (asks, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), longEnough)
	defer cancel()
	var asked asks
	err := a.SignIn(ctx, credential.UI{Open: func(_ context.Context, address string) error {
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		asked = asks{u.Query().Get("prompt"), u.Query().Get("login_hint"), u.Query().Get("client_id")}
		w.people.Go(func() {
			if _, err := demo.SignInAsPerson(context.Background(), address, email); err != nil {
				w.t.Errorf("person: %v", err)
			}
		})
		return nil
	}})
	return asked, err
}

func (w *world) account(name string) *credential.Account {
	return w.manager().Account(w.server, name)
}

func subjectOf(t *testing.T, a *credential.Account) string {
	t.Helper()
	d, err := token.DecodeUnverified(bearer(t, a))
	if err != nil {
		t.Fatal(err)
	}
	return d.Text("email")
}

// TestAccountsAreKeptApart: two people at one server, seen by several
// processes, through renewals and refusals. Each gets its own token only.
func TestAccountsAreKeptApart(t *testing.T) {
	w := newWorld(t, life)
	for name, email := range map[string]string{"": ada, "work": grace} {
		if _, err := w.signInAs(w.account(name), email); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
	}
	var work sync.WaitGroup
	for range 3 { // processes with both accounts in one manager, as the agent has
		m := w.manager()
		for name, email := range map[string]string{"": ada, "default": ada, "work": grace, "WORK": grace} {
			a := m.Account(w.server, name)
			work.Go(func() {
				for range 60 {
					w.clock.pass(life / 200) // all of them together: several lives
					if got := subjectOf(t, a); got != email {
						t.Errorf("%s got the token of %s", a.Name(), got)
						return
					}
				}
				if err := a.Reject(t.Context(), credential.Rejection{Token: bearer(t, a), Status: 401}); err != nil {
					t.Errorf("%s: Reject: %v", a.Name(), err)
				}
				if got := subjectOf(t, a); got != email {
					t.Errorf("%s got the token of %s after a refusal", a.Name(), got)
				}
			})
		}
	}
	work.Wait()
	c := w.demo.Counts()
	if c.Reuses != 0 || c.Registrations != 1 || c.Authorizations != 2 {
		t.Errorf("the server saw %+v; want one registration for both, two sign-ins, no reuse", c)
	}
	if err := w.account("work").SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := bearer(t, w.account("work")); !s.IsZero() {
		t.Error("the account that signed out still has a token")
	}
	if got := subjectOf(t, w.account("")); got != ada {
		t.Errorf("the other account is %q", got)
	}
}

// TestWhoIsAskedFor: the chooser comes when the browser could be signed in as
// somebody else, and the person who is known is named.
func TestWhoIsAskedFor(t *testing.T) {
	w := newWorld(t, time.Minute)
	for i, c := range []struct {
		account, email, prompt, hint string
	}{
		{"", ada, "consent", ""}, // nothing is known: as ever
		{"", ada, "consent", ada},
		{grace, grace, "consent select_account", grace}, // named like its person
		{"work", "alan@example.com", "consent select_account", ""},
		{"work", "alan@example.com", "consent select_account", "alan@example.com"},
		{"", ada, "consent select_account", ada}, // there are others by now
	} {
		got, err := w.signInAs(w.account(c.account), c.email)
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		got.client = ""
		if diff := cmp.Diff(asks{prompt: c.prompt, hint: c.hint}, got, cmp.AllowUnexported(asks{})); diff != "" {
			t.Errorf("%d, account %q:\n%s", i, c.account, diff)
		}
	}
}

// TestSomebodyElseIsRefused: an account that is known to be Ada's does not
// become Grace's, and nothing of Ada's is lost.
func TestSomebodyElseIsRefused(t *testing.T) {
	w := newWorld(t, time.Minute)
	a := w.account("work")
	if _, err := w.signInAs(a, ada); err != nil {
		t.Fatal(err)
	}
	before := bearer(t, a)
	stored, err := w.vault.Get(t.Context(), a.Key()+"/tokens")
	if err != nil {
		t.Fatal(err)
	}
	facts, err := a.Facts()
	if err != nil {
		t.Fatal(err)
	}

	_, err = w.signInAs(w.account("work"), grace)
	p := fault.Public(err)
	if !fault.Is(err, fault.OtherAccount) || p.What != "demo@work is ada@example.com, but grace@example.com signed in." ||
		!strings.Contains(p.Next, "--account NAME") || !strings.Contains(p.Next, "drawbridge logout demo@work") {
		t.Errorf("SignIn = %v, %+v", err, p)
	}
	if now, err := w.vault.Get(t.Context(), a.Key()+"/tokens"); err != nil || !now.Equal(stored) {
		t.Errorf("the vault's entry was changed (%v)", err)
	}
	now, err := a.Facts()
	if diff := cmp.Diff(facts, now); err != nil || diff != "" {
		t.Errorf("the facts were changed: %s, %v", diff, err)
	}
	if !bearer(t, a).Equal(before) || !bearer(t, w.account("work")).Equal(before) || w.demo.Counts().Revocations != 0 {
		t.Error("the token was changed, or something was revoked")
	}

	// Signed out, the account is anybody's.
	if err := a.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.signInAs(a, grace); err != nil {
		t.Errorf("after the sign-out: %v", err)
	}
	if got := subjectOf(t, w.account("work")); got != grace {
		t.Errorf("the account is %q", got)
	}
}

// TestOneRegistrationForTwoAtOnce: two accounts that sign in at the same time
// for the first time. Up to two of them listen on another port than the registered
// one, so it is looked first whether the server minds.
func TestOneRegistrationForTwoAtOnce(t *testing.T) {
	w := newWorld(t, time.Minute)
	var work sync.WaitGroup
	for _, name := range []string{"one", "two", "three"} {
		a := w.account(name)
		work.Go(func() {
			if _, err := w.signInAs(a, ada); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	work.Wait()
	if c := w.demo.Counts(); c.Registrations != 1 || c.Authorizations < 3 || c.Authorizations > 3+2 {
		t.Errorf("the server saw %+v", c)
	}
}

// TestClientSecretIsTheServers: it is there for every account, and stays when
// one of them is forgotten.
func TestClientSecretIsTheServers(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.server.ClientID = "mine"
	const entry = "demo@default/client-secret"
	if err := w.account("work").SetClientSecret(t.Context(), secret.New("s3cret")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"work", ""} {
		if err := w.account(name).Forget(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, err := w.vault.Get(t.Context(), entry); err != nil || s.Reveal() != "s3cret" {
			t.Errorf("after forgetting %q: %v", name, err)
		}
	}
	if err := w.manager().SetExchangeSecret(t.Context(), w.server, secret.New("s4cret")); err != nil {
		t.Fatal(err)
	}
	if err := w.manager().ForgetServer(t.Context(), w.server); err != nil {
		t.Fatal(err)
	}
	if _, err := w.vault.Get(t.Context(), entry); err == nil {
		t.Error("the secret is still there")
	}
	if s, err := w.manager().ExchangeSecret(t.Context(), w.server); err != nil || !s.IsZero() {
		t.Errorf("the secret of the exchange is still there: %v", err)
	}
}

func TestAccountsOf(t *testing.T) {
	server := config.Server{Name: "Notes", URL: "https://notes.example.com", Account: "work"}
	at := func(key, account, address string, state credential.State) credential.Facts {
		s := server
		s.URL = address
		return credential.Facts{Key: key, Account: account, Server: s, State: state}
	}
	got := credential.AccountsOf(server, []credential.Facts{
		at("notes@zoe", "zoe", server.URL, credential.SignedOut),
		at("notes@work", "work", server.URL, credential.SignedIn),
		at("notes@default", "default", server.URL, ""),
		at("notes@moved", "moved", "https://old.example.com", credential.SignedIn),
		at("other@ada", "ada", server.URL, credential.SignedIn),
		at("notes@ada", "ada", server.URL, credential.SignInNeeded),
	}, "Zoe", "folder")
	if want := []string{"work", "Zoe", "ada", "folder"}; !cmp.Equal(got, want) {
		t.Errorf("AccountsOf = %q; want %q", got, want)
	}
}

// TestForgottenAccountLeavesNoFile, and no other account's goes with it.
func TestForgottenAccountLeavesNoFile(t *testing.T) {
	w := newWorld(t, time.Minute)
	for name, email := range map[string]string{"": ada, "work": grace} {
		if _, err := w.signInAs(w.account(name), email); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.account("work").Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(w.paths.Accounts())
	if err != nil || len(entries) != 1 || entries[0].Name() != "demo@default.json" {
		t.Errorf("%s holds %v, %v", filepath.Base(w.paths.Accounts()), entries, err)
	}
}
