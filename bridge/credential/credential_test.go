package credential_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/demo"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
	"drawbridge/test/leaks"
)

func TestMain(m *testing.M) {
	leaks.Main(m)
}

// world is one user's computer with the demo's servers beside it.
type world struct {
	t      *testing.T
	demo   *demo.Demo
	vault  *vault.Vault
	paths  config.Paths
	log    bytes.Buffer
	logMu  sync.Mutex
	people sync.WaitGroup
	server config.Server
	clock  clock // of the servers and of all processes
}

func (w *world) Write(p []byte) (int, error) {
	w.logMu.Lock()
	defer w.logMu.Unlock()
	return w.log.Write(p)
}

func newWorld(t *testing.T, lifetime time.Duration) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, vault: vault.NewMemory(), paths: config.Paths{Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state")}}
	d, err := demo.Start(context.Background(), demo.Config{TokenLifetime: lifetime, Now: w.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	w.demo, w.server = d, config.Server{Name: "demo", URL: d.URL()}
	t.Cleanup(w.people.Wait)
	return w
}

// process is another process of the same user: it shares the vault and the
// folders, and nothing in memory.
func (w *world) process() *credential.Account { return w.manager().Account(w.server, "") }

func (w *world) manager() *credential.Manager { return w.managerAt(w.clock.now) }

func (w *world) managerAt(now func() time.Time) *credential.Manager {
	client := &http.Client{Transport: &http.Transport{}}
	m := credential.NewManager(credential.Config{
		Paths: w.paths, Vault: w.vault, HTTP: client, Now: now,
		Log: slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), longEnough)
		defer cancel()
		m.Close(ctx)
		client.CloseIdleConnections()
	})
	return m
}

// person opens the address and allows what is asked, as ada.
func (w *world) person(opened *int) credential.UI {
	return credential.UI{Open: func(_ context.Context, url string) error {
		*opened++
		w.people.Go(func() { // reads the last page, which comes as SignIn returns
			if _, err := demo.SignInAsPerson(context.Background(), url, "ada@example.com"); err != nil {
				w.t.Errorf("person: %v", err)
			}
		})
		return nil
	}}
}

func (w *world) signIn(a *credential.Account) {
	w.t.Helper()
	opened := 0
	ctx, cancel := context.WithTimeout(w.t.Context(), longEnough)
	defer cancel()
	if err := a.SignIn(ctx, w.person(&opened)); err != nil || opened != 1 {
		w.t.Fatalf("SignIn = %v, browser opened %d times", err, opened)
	}
}

func bearer(t *testing.T, a *credential.Account) secret.String {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longEnough)
	defer cancel()
	s, err := a.Bearer(ctx)
	if err != nil {
		t.Fatalf("Bearer: %v", err)
	}
	return s
}

func TestSignInThenBearer(t *testing.T) {
	w := newWorld(t, time.Minute)
	a := w.process()
	if s := bearer(t, a); !s.IsZero() {
		t.Error("there is a token before anybody signed in")
	}
	w.signIn(a)
	first := bearer(t, a)
	if first.IsZero() || !bearer(t, a).Equal(first) || !bearer(t, w.process()).Equal(first) {
		t.Error("the token is not the same for everybody")
	}
	f, err := a.Facts()
	if err != nil || f.State != credential.SignedIn || f.Email != "ada@example.com" || !f.Renewable || f.Issuer != w.demo.Issuer() {
		t.Errorf("Facts = %+v, %v", f, err)
	}
	r, err := a.Report(t.Context())
	if err != nil || r.Signature.Verdict != "valid" || r.Format != "jwt" {
		t.Errorf("Report = %+v, %v", r, err)
	}
	for _, c := range r.Checks {
		if !c.OK {
			t.Errorf("check %s: %s", c.Name, c.Text)
		}
	}
}

// Many callers in several processes find the token at its end: one refresh.
func TestOneRefreshForAll(t *testing.T) {
	w := newWorld(t, life)
	w.signIn(w.process())
	before := bearer(t, w.process())
	w.clock.pass(life)

	var work sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for range 4 {
		a := w.process()
		for range 8 {
			work.Go(func() {
				s := bearer(t, a)
				mu.Lock()
				defer mu.Unlock()
				seen[s.Reveal()]++
			})
		}
	}
	work.Wait()
	if len(seen) != 1 || seen[before.Reveal()] != 0 {
		t.Errorf("%d different tokens, the ended one %d times", len(seen), seen[before.Reveal()])
	}
	if c := w.demo.Counts(); c.Refreshes != 1 || c.Reuses != 0 || c.Authorizations != 1 {
		t.Errorf("the server saw %+v", c)
	}
}

func TestShortTokenIsNotRefreshedForEveryCall(t *testing.T) {
	w := newWorld(t, 5*time.Second)
	a := w.process()
	w.signIn(a)
	f, err := a.Facts()
	if err != nil {
		t.Fatal(err)
	}
	w.clock.stop(f.IssuedAt.Add(3 * time.Second)) // however long the calls take
	for range 50 {
		bearer(t, a)
	}
	if c := w.demo.Counts(); c.Refreshes != 0 {
		t.Errorf("%d refreshes of a token that lives for 5 s", c.Refreshes)
	}
}

// A server that refuses a token before its end: 64 calls find out, one refresh.
func TestRejectedTokenIsRenewedOnce(t *testing.T) {
	w := newWorld(t, time.Minute)
	a, other := w.process(), w.process()
	w.signIn(a)
	refused := bearer(t, a)
	bearer(t, other)
	var work sync.WaitGroup
	for i := range 64 {
		work.Go(func() {
			account := a
			if i%2 == 1 {
				account = other
			}
			if err := account.Reject(t.Context(), credential.Rejection{Token: refused, Status: 401}); err != nil {
				t.Errorf("Reject: %v", err)
			}
		})
	}
	work.Wait()
	if bearer(t, a).Equal(refused) || bearer(t, other).Equal(refused) {
		t.Error("the refused token is still given out")
	}
	if c := w.demo.Counts(); c.Refreshes != 1 || c.Reuses != 0 {
		t.Errorf("the server saw %+v", c)
	}
}

// A token that came from an earlier refusal is refused, too: no renewal for a
// server that refuses fresh ones, but another process' newer token is used, and
// one that has come to its end on the way is renewed.
func TestRejectedAgain(t *testing.T) {
	w := newWorld(t, life)
	a, other := w.process(), w.process()
	w.signIn(a)
	first := bearer(t, a)
	again := credential.Rejection{Token: first, Status: 401, Again: true}
	if err := a.Reject(t.Context(), again); err == nil || fault.Is(err, fault.SignInNeeded) {
		t.Errorf("of the newest token: %v", err)
	}
	if c := w.demo.Counts(); c.Refreshes != 0 {
		t.Errorf("it cost %d renewals", c.Refreshes)
	}
	if err := other.Reject(t.Context(), credential.Rejection{Token: first, Status: 401}); err != nil {
		t.Fatal(err)
	}
	if err := a.Reject(t.Context(), again); err != nil {
		t.Errorf("of one that was replaced: %v", err)
	}
	second := bearer(t, a)
	w.clock.pass(life)
	before := w.demo.Counts().Refreshes
	if err := a.Reject(t.Context(), credential.Rejection{Token: second, Status: 401, Again: true}); err != nil {
		t.Errorf("of one that has ended: %v", err)
	}
	if n := w.demo.Counts().Refreshes - before; n != 1 || second.Equal(bearer(t, a)) {
		t.Errorf("%d renewals, want 1", n)
	}
}

func TestSignOutRevokesAndForgets(t *testing.T) {
	w := newWorld(t, time.Minute)
	a, other := w.process(), w.process()
	w.signIn(a)
	bearer(t, other)
	if err := a.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := w.demo.Counts(); c.Revocations == 0 {
		t.Errorf("the server saw %+v", c)
	}
	if s := bearer(t, a); !s.IsZero() {
		t.Error("a token is left")
	}
	w.clock.pass(lookAgain)
	if s := bearer(t, other); !s.IsZero() {
		t.Error("another process still uses the token")
	}
	if f, err := a.Facts(); err != nil || f.State != credential.SignedOut || f.Email != "" {
		t.Errorf("Facts = %+v, %v", f, err)
	}
	if err := a.SignOut(t.Context()); err != nil {
		t.Errorf("signing out twice: %v", err)
	}
}

func TestRejectWithoutSignInAsksForOne(t *testing.T) {
	w := newWorld(t, time.Minute)
	a := w.process()
	err := a.Reject(t.Context(), credential.Rejection{Status: 401})
	if !fault.Is(err, fault.SignInNeeded) || !strings.Contains(fault.Public(err).Next, "drawbridge login demo") {
		t.Errorf("Reject = %v", err)
	}
	// From now on it is known without asking the server ...
	if _, err := w.process().Bearer(t.Context()); !fault.Is(err, fault.SignInNeeded) {
		t.Errorf("Bearer = %v", err)
	}
	// ... until somebody signs in, in whatever process.
	w.signIn(w.process())
	w.clock.pass(lookAgain)
	if bearer(t, a).IsZero() {
		t.Error("no token after the sign-in")
	}
}

func TestSecondSignInJoinsTheFirst(t *testing.T) {
	w := newWorld(t, time.Minute)
	var opened atomic.Int32
	release := make(chan struct{})
	slow := credential.UI{Open: func(_ context.Context, url string) error {
		opened.Add(1)
		w.people.Go(func() {
			<-release
			if _, err := demo.SignInAsPerson(context.Background(), url, "ada@example.com"); err != nil {
				t.Errorf("person: %v", err)
			}
		})
		return nil
	}}
	var work, begun sync.WaitGroup
	for range 5 {
		begun.Add(1)
		once := sync.OnceFunc(begun.Done)
		a := w.managerAt(func() time.Time {
			now := w.clock.now()
			once() // a sign-in that looks at the clock is under way
			return now
		}).Account(w.server, "")
		work.Go(func() {
			if err := a.SignIn(t.Context(), slow); err != nil {
				t.Errorf("SignIn: %v", err)
			}
		})
	}
	begun.Wait()
	close(release)
	work.Wait()
	if c := w.demo.Counts(); opened.Load() != 1 || c.Registrations != 1 || c.Authorizations != 1 {
		t.Errorf("browser opened %d times; the server saw %+v", opened.Load(), c)
	}
}

func TestAnotherAddressUnderTheSameNameGetsNoToken(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.signIn(w.process())
	w.server.URL = "https://elsewhere.example/mcp"
	a := w.process()
	if s := bearer(t, a); !s.IsZero() {
		t.Error("the token is given to another server")
	}
	if f, err := a.Facts(); err != nil || f.State != "" {
		t.Errorf("Facts = %+v, %v", f, err)
	}
}

// Nothing that was logged or written to disk holds a token.
func TestNoSecretOutsideTheVault(t *testing.T) {
	w := newWorld(t, life)
	a := w.process()
	w.signIn(a)
	var secrets []string
	for range 2 {
		secrets = append(secrets, bearer(t, a).Reveal())
		w.clock.pass(life)
	}
	raw, err := w.vault.Get(t.Context(), a.Key()+"/tokens")
	if err != nil {
		t.Fatal(err)
	}
	for field := range strings.SplitSeq(raw.Reveal(), `"`) {
		if len(field) > 30 && !strings.HasPrefix(field, "http") && !strings.HasPrefix(field, "20") {
			secrets = append(secrets, field)
		}
	}
	if len(secrets) < 4 {
		t.Fatalf("only %d secrets known: the test looks for nothing", len(secrets))
	}
	facts, err := a.Facts()
	if err != nil {
		t.Fatal(err)
	}
	look := func(where, text string) {
		for _, s := range secrets {
			if s != facts.ClientID && strings.Contains(text, s) {
				t.Errorf("%s holds a secret", where)
			}
		}
	}
	_ = a.SignOut(t.Context())
	look("the log", w.log.String())
	err = filepath.WalkDir(filepath.Dir(w.paths.State), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		look(path, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRefusedSignIn(t *testing.T) {
	w := newWorld(t, time.Minute)
	a := w.process()
	ctx, cancel := context.WithCancel(t.Context())
	err := a.SignIn(ctx, credential.UI{Open: func(context.Context, string) error {
		cancel() // the person gives up
		return nil
	}})
	if err == nil || !errors.Is(err, context.Canceled) {
		t.Errorf("SignIn = %v", err)
	}
	if s := bearer(t, a); !s.IsZero() {
		t.Error("a token appeared")
	}
}
