package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/desktop"
	"drawbridge/bridge/token"
	"drawbridge/bridge/vault"
)

// fakes are accounts whose facts are real files, read by the real manager, and
// whose sign-ins are played: a sign-in opens page and then waits for finish.
type fakes struct {
	*credential.Manager
	paths config.Paths

	mu        sync.Mutex
	finish    chan error // a received nil signs in
	signIns   int
	signedOut []string
	revoke    error // what SignOut returns
	early     error // what SignIn returns before there is a page
	// late has a cancelled sign-in wait and then have its tokens nevertheless: it
	// was just keeping them. nil: it ends at once.
	late chan struct{}
	// meanwhile is called once, by the next AllFacts after it has read; may be nil.
	meanwhile func()

	says       map[string]token.Said // by key: what its token says; none: there is none
	saidCount  int
	refuse     map[string]error      // by key: what SignOutEverywhere says
	everywhere func(context.Context) // called first by SignOutEverywhere; may be nil
}

const page = "https://as.example/authorize?state=x"

func (f *fakes) Account(s config.Server, name string) Account {
	return &fake{Account: f.Manager.Account(s, name), all: f}
}

type fake struct {
	*credential.Account
	all *fakes
}

func (a *fake) SignIn(ctx context.Context, ui credential.UI) error {
	a.all.mu.Lock()
	a.all.signIns++
	early := a.all.early
	a.all.mu.Unlock()
	if early != nil {
		return early
	}
	opened := ui.Open != nil && ui.Open(ctx, page) == nil
	ui.Show(page, opened)
	select {
	case err := <-a.all.finish:
		if err == nil {
			writeFacts(a.all.paths, a.facts(credential.SignedIn))
		}
		return err
	case <-ctx.Done():
		if a.all.late == nil {
			return ctx.Err()
		}
		<-a.all.late
		writeFacts(a.all.paths, a.facts(credential.SignedIn))
		return nil
	}
}

func (f *fakes) AllFacts() ([]credential.Facts, error) {
	all, err := f.Manager.AllFacts()
	f.mu.Lock()
	meanwhile := f.meanwhile
	f.meanwhile = nil
	f.mu.Unlock()
	if meanwhile != nil {
		meanwhile()
	}
	return all, err
}

func (a *fake) SignOut(context.Context) error {
	a.all.mu.Lock()
	defer a.all.mu.Unlock()
	a.all.signedOut = append(a.all.signedOut, a.Key())
	if a.all.revoke == nil || errors.Is(a.all.revoke, credential.ErrNotRevoked) {
		writeFacts(a.all.paths, a.facts(credential.SignedOut))
	}
	return a.all.revoke
}

func (a *fake) Forget(context.Context) error {
	return os.Remove(filepath.Join(a.all.paths.Accounts(), a.Key()+".json"))
}

func (a *fake) Report(context.Context) (token.Report, error) {
	return token.Report{Subject: a.Key()}, nil
}

func (a *fake) Said(ctx context.Context) (token.Said, error) {
	a.all.mu.Lock()
	defer a.all.mu.Unlock()
	a.all.saidCount++
	if said, ok := a.all.says[a.Key()]; ok {
		return said, nil
	}
	return a.Account.Said(ctx)
}

func (a *fake) Lend(_ context.Context, to func(string) error) error { return to("token-of-" + a.Key()) }

func (a *fake) facts(state credential.State) credential.Facts {
	f := credential.Facts{Key: a.Key(), Account: a.Account.Account(), Server: a.Server(), State: state}
	if state == credential.SignedIn {
		f.Email, f.Renewable, f.ExpiresAt = "ada@example.com", true, time.Now().Add(time.Minute).Round(time.Second)
	}
	return f
}

func writeFacts(p config.Paths, f credential.Facts) {
	raw, err := json.Marshal(f)
	if err == nil {
		err = config.WriteFile(filepath.Join(p.Accounts(), f.Key+".json"), raw)
	}
	if err != nil {
		panic(err)
	}
}

// icon is a tray that is seen or not.
type icon struct {
	seen bool
	runs chan control.Actions
}

func (i *icon) Visible(context.Context) bool { return i.seen }

func (i *icon) Run(ctx context.Context, _ *control.Feed, do control.Actions) error {
	if !i.seen {
		return errors.New("no bus")
	}
	i.runs <- do
	<-ctx.Done()
	return nil
}

// rig is a running agent.
type rig struct {
	*control.Client
	t        *testing.T
	accounts *fakes
	paths    config.Paths
	ended    chan error

	mu       sync.Mutex
	opened   []string
	notified []string
	silenced int           // notifications that were taken back
	choose   chan struct{} // takes the action of one
	browser  error
}

var demo = config.Server{Name: "demo", URL: "https://mcp.example/mcp"}

func folders(t *testing.T) config.Paths {
	t.Helper()
	dir, err := os.MkdirTemp("", "dba")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return config.Paths{Config: filepath.Join(dir, "c"), State: filepath.Join(dir, "s")}
}

// start runs an agent with the server demo until the test ends. change may be nil.
func start(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	p := folders(t)
	if err := config.Update(t.Context(), p, func(s *config.Settings) error { return s.Add(demo) }); err != nil {
		t.Fatal(err)
	}
	return startIn(t, p, change)
}

func startIn(t *testing.T, p config.Paths, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, paths: p, choose: make(chan struct{}), ended: make(chan error, 1), Client: control.Dial(p)}
	r.accounts = &fakes{
		Manager: credential.NewManager(credential.Config{Paths: p, Vault: vault.NewMemory()}),
		paths:   p, finish: make(chan error),
	}
	cfg := Config{
		Paths: p, Accounts: r.accounts, Version: "test", demoEnd: patience,
		Browser: func(_ context.Context, url string) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.opened = append(r.opened, url)
			return r.browser
		},
		Notify: func(ctx context.Context, n desktop.Notification) (bool, error) {
			r.mu.Lock()
			r.notified = append(r.notified, n.Title)
			r.mu.Unlock()
			if n.Action == "" {
				return false, nil
			}
			select {
			case <-r.choose:
				return true, nil
			case <-ctx.Done():
				r.mu.Lock()
				defer r.mu.Unlock()
				r.silenced++
				return false, nil
			}
		},
	}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { r.ended <- Run(ctx, cfg) }()
	t.Cleanup(func() {
		r.Close()
		cancel()
		if err := r.end(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	eventually(t, "the agent answers", func() bool { _, err := r.Snapshot(t.Context()); return err == nil })
	return r
}

// end waits for the agent's end; it may be called again.
func (r *rig) end() error {
	select {
	case err := <-r.ended:
		r.ended <- err
		return err
	case <-time.After(patience):
		return errors.New("the agent did not end")
	}
}

func (r *rig) browsers() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.opened)
}

func (r *rig) server(name string) control.Server {
	r.t.Helper()
	s, err := r.Snapshot(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	i := slices.IndexFunc(s.Servers, func(s control.Server) bool { return s.Name == name })
	if i < 0 {
		return control.Server{}
	}
	return s.Servers[i]
}

func (r *rig) need(target control.Target) control.NeedAnswer {
	r.t.Helper()
	answer, err := r.Need(r.t.Context(), target)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer
}

// complete ends the sign-in under way.
func (r *rig) complete(err error) {
	r.t.Helper()
	select {
	case r.accounts.finish <- err:
	case <-time.After(patience):
		r.t.Fatal("no sign-in waits for its end")
	}
}

func (r *rig) state(name string, want control.State) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%s is %q", name, want), func() bool { return r.server(name).State == want })
}

// patience bounds the wait for what has to happen: it costs nothing when it does.
const patience = 30 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// reaped waits until what was launched has ended and is waited for.
func reaped(t *testing.T) {
	t.Helper()
	buf := make([]byte, 1<<20)
	eventually(t, "the launched program has ended", func() bool {
		return !strings.Contains(string(buf[:runtime.Stack(buf, true)]), "agent.launch")
	})
}
