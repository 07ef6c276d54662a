package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/config"
	doctor "drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/token"
	"drawbridge/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

// backend answers with what it was given and keeps what it was asked.
type backend struct {
	feed     Feed
	activity Activity

	mu      sync.Mutex
	asked   []string
	signIn  SignIn
	changed chan struct{} // closed when signIn changed
	err     error
	stop    func()
}

func (b *backend) note(format string, args ...any) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, fmt.Sprintf(format, args...))
	return b.err
}

func (b *backend) Feed() *Feed { return &b.feed }

func (b *backend) Activity() *Activity { return &b.activity }

func (b *backend) AddServer(_ context.Context, s config.Server) error {
	return b.note("add %s %s %v", s.Name, s.URL, s.Scopes)
}

func (b *backend) RemoveServer(_ context.Context, name string) (*Problem, error) {
	return &Problem{Code: fault.Unreachable, What: "It could not be revoked."}, b.note("remove %s", name)
}

func (b *backend) RemoveAccount(_ context.Context, key string) (*Problem, error) {
	return nil, b.note("forget %s", key)
}

func (b *backend) StartSignIn(_ context.Context, r SignInRequest) (SignIn, error) {
	return b.signIn, b.note("signin %s %s %v", r.Name, r.Account, r.NoBrowser)
}

func (b *backend) set(s SignIn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.signIn = s
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

func (b *backend) WaitSignIn(ctx context.Context, _, seen string, wait time.Duration) (SignIn, error) {
	deadline := time.After(wait)
	for {
		b.mu.Lock()
		s := b.signIn
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		if s.Done || s.URL != seen {
			return s, nil
		}
		select {
		case <-changed:
		case <-deadline:
			return s, nil
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

func (b *backend) CancelSignIn(_ context.Context, id string) error { return b.note("cancel %s", id) }

func (b *backend) Doctor(_ context.Context, t Target, progress func(doctor.Line)) (doctor.Report, error) {
	for _, id := range []string{"a", "b"} {
		progress(doctor.Line{ID: id})
	}
	return doctor.Report{Name: t.Name, Outcome: doctor.Healthy, Lines: make([]doctor.Line, 2)}, b.note("doctor %s", t.Name)
}

func (b *backend) SetPreferences(_ context.Context, c PreferencesChange) (Preferences, error) {
	return Preferences{Theme: *c.Theme, Tray: c.Tray == nil}, b.note("theme %s", *c.Theme)
}

func (b *backend) SetClientSecret(_ context.Context, name string, s secret.String) error {
	return b.note("secret %s %d %v", name, len(s.Reveal()), s)
}

func (b *backend) SetConnection(_ context.Context, name string, c ConnectionChange) (Connection, error) {
	return Connection{Proxy: "none"}, b.note("connection %s %s %v", name, *c.Proxy, c.CAFile)
}

func (b *backend) Browsers(context.Context) ([]Browser, error) {
	return []Browser{{ID: "wolf.desktop", Title: "Wolf"}}, b.note("browsers")
}

func (b *backend) Places(context.Context) (Places, error) {
	return Places{LogFolder: "/logs", Secrets: "keychain"}, b.note("places")
}

func (b *backend) TryDemo(context.Context) (SignIn, error)           { return SignIn{ID: "demo"}, b.note("demo") }
func (b *backend) OpenFolder(_ context.Context, folder Folder) error { return b.note("%s", folder) }

func (b *backend) CancelSignIns(_ context.Context, key string) error {
	return b.note("cancel all %s", key)
}

func (b *backend) SignOut(_ context.Context, t Target) (*Problem, error) {
	return nil, b.note("signout %s", t.Key)
}

func (b *backend) SignOutEverywhere(context.Context) ([]Outcome, error) {
	return []Outcome{{Key: "k", Label: "demo", Problem: &Problem{Code: fault.Unreachable, What: "Not revoked."}}, {Key: "l", Stays: true}}, b.note("signout everywhere")
}

func (b *backend) Token(_ context.Context, key string) (token.Report, error) {
	return token.Report{Format: "jwt", Subject: "ada"}, b.note("token %s", key)
}

func (b *backend) TokenDifference(_ context.Context, key string) (*token.Difference, error) {
	if key == "first" {
		return nil, nil
	}
	return &token.Difference{ScopesAdded: []string{"write"}}, b.note("difference %s", key)
}

func (b *backend) AskToken(_ context.Context, key string) (TokenAnswer, error) {
	return TokenAnswer{Active: true, WhoProblem: &Problem{Code: fault.Refused, What: "No."}}, b.note("ask %s", key)
}

func (b *backend) CopyToken(_ context.Context, key string) error { return b.note("copy %s", key) }

func (b *backend) Need(_ context.Context, t Target) (NeedAnswer, error) {
	return NeedAnswer{Action: NeedTray}, b.note("need %s", t.Server.URL)
}

func (b *backend) MCPClients(context.Context) ([]MCPClient, error) {
	return []MCPClient{{ID: "zed", Title: "Zed", Found: true, Entries: []MCPEntry{{Name: "demo-work", Server: "demo@work"}}}}, b.note("clients")
}

func (b *backend) PreviewEntry(_ context.Context, c EntryChange) (EntryPreview, error) {
	return EntryPreview{Path: "/f", Diff: "+x", Digest: "d"}, b.note("preview %s %s", c.Client, c.Server)
}

func (b *backend) ApplyEntry(_ context.Context, c EntryChange) (EntryResult, error) {
	return EntryResult{Path: "/f", Backup: "/f.backup"}, b.note("apply %s %s %v %s", c.Client, c.Server, c.Remove, c.Digest)
}

func (b *backend) OpenWindow(context.Context) error { return b.note("window") }
func (b *backend) Keep(context.Context) error       { return b.note("keep") }
func (b *backend) Stop()                            { _ = b.note("stop"); b.stop() }

func (b *backend) log() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.asked...)
}

// folders are short enough for a socket in them.
func folders(t *testing.T) config.Paths {
	t.Helper()
	dir, err := os.MkdirTemp("", "dbc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return config.Paths{Config: filepath.Join(dir, "c"), State: filepath.Join(dir, "s")}
}

// serve runs a service on the folders' socket until the test ends.
func serve(t *testing.T, p config.Paths, b *backend) (*Client, *Service) {
	t.Helper()
	l, err := Listen(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	service := NewService(b, slog.New(slog.DiscardHandler))
	service.grace = patience
	ended := make(chan error, 1)
	go func() {
		defer l.Release()
		ended <- service.Serve(ctx, l)
	}()
	client := Dial(p)
	t.Cleanup(func() {
		client.Close()
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(patience):
			t.Error("Serve did not end")
		}
	})
	return client, service
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

func TestEveryCallReachesTheBackend(t *testing.T) {
	b := &backend{signIn: SignIn{ID: "s1"}}
	c, _ := serve(t, folders(t), b)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.AddServer(ctx, config.Server{Name: "demo", URL: "https://example.com/mcp", Scopes: []string{"a"}}))
	warning, err := c.RemoveServer(ctx, "a.b-c")
	must(err)
	if warning == nil || warning.Code != fault.Unreachable {
		t.Errorf("RemoveServer's warning = %v", warning)
	}
	if warning, err := c.RemoveAccount(ctx, "demo@ada+x@example.com"); err != nil || warning != nil {
		t.Errorf("RemoveAccount = %v, %v", warning, err)
	}
	s, err := c.StartSignIn(ctx, SignInRequest{Target: Named("demo").As("work"), NoBrowser: true})
	must(err)
	if s.ID != "s1" {
		t.Errorf("sign-in = %+v", s)
	}
	must(c.CancelSignIn(ctx, "s1"))
	must(c.CancelSignIns(ctx, "demo@work"))
	var lines []string
	examined, err := c.Doctor(ctx, Named("demo"), func(l doctor.Line) { lines = append(lines, l.ID) })
	must(err)
	if fmt.Sprint(lines) != "[a b]" || examined.Name != "demo" || examined.Outcome != doctor.Healthy || len(examined.Lines) != 2 {
		t.Errorf("Doctor = %+v after %v", examined, lines)
	}
	if problem, err := c.SignOut(ctx, Keyed("k")); err != nil || problem != nil {
		t.Errorf("SignOut = %v, %v", problem, err)
	}
	outcomes, err := c.SignOutEverywhere(ctx)
	must(err)
	if len(outcomes) != 2 || outcomes[0].Label != "demo" || outcomes[0].Problem == nil || outcomes[0].Problem.What != "Not revoked." || !outcomes[1].Stays {
		t.Errorf("SignOutEverywhere = %+v", outcomes)
	}
	report, err := c.Token(ctx, "k")
	must(err)
	if report.Subject != "ada" {
		t.Errorf("report = %+v", report)
	}
	if d, err := c.TokenDifference(ctx, "first"); err != nil || d != nil {
		t.Errorf("of an only token it says %+v, %v", d, err)
	}
	difference, err := c.TokenDifference(ctx, "k")
	must(err)
	if difference == nil || len(difference.ScopesAdded) != 1 {
		t.Errorf("difference = %+v", difference)
	}
	asked, err := c.AskToken(ctx, "k")
	must(err)
	if !asked.Active || asked.Problem != nil || asked.WhoProblem == nil {
		t.Errorf("AskToken = %+v", asked)
	}
	must(c.CopyToken(ctx, "k"))
	need, err := c.Need(ctx, Unnamed(config.Server{URL: "https://example.com/x"}))
	must(err)
	if need.Action != NeedTray {
		t.Errorf("need = %+v", need)
	}
	known, err := c.MCPClients(ctx)
	must(err)
	if len(known) != 1 || known[0].Entries[0].Server != "demo@work" {
		t.Errorf("clients = %+v", known)
	}
	change := EntryChange{Client: "zed", Server: "demo@work", Remove: true}
	preview, err := c.PreviewEntry(ctx, change)
	must(err)
	change.Digest = preview.Digest
	if result, err := c.ApplyEntry(ctx, change); err != nil || preview.Diff != "+x" || result.Backup != "/f.backup" {
		t.Errorf("preview %+v, result %+v, %v", preview, result, err)
	}
	theme := "dark"
	preferences, err := c.SetPreferences(ctx, PreferencesChange{Theme: &theme})
	must(err)
	browsers, err := c.Browsers(ctx)
	must(err)
	places, err := c.Places(ctx)
	must(err)
	if preferences.Theme != "dark" || !preferences.Tray || len(browsers) != 1 || places.LogFolder != "/logs" {
		t.Errorf("preferences %+v, browsers %+v, places %+v", preferences, browsers, places)
	}
	must(c.OpenFolder(ctx, LogFolder))
	proxy := "http://proxy:1"
	connection, err := c.SetConnection(ctx, "a.b", ConnectionChange{Proxy: &proxy})
	must(err)
	if connection.Proxy != "none" {
		t.Errorf("before the change: %+v", connection)
	}
	must(c.SetClientSecret(ctx, "demo", secret.New("hidden")))
	tried, err := c.TryDemo(ctx)
	must(err)
	if tried.ID != "demo" {
		t.Errorf("the demo's sign-in is %+v", tried)
	}
	must(c.OpenWindow(ctx))
	must(c.Keep(ctx))
	must(c.Stop(ctx))
	want := []string{
		"add demo https://example.com/mcp [a]", "remove a.b-c", "forget demo@ada+x@example.com", "signin demo work true", "cancel s1", "cancel all demo@work", "doctor demo", "signout k", "signout everywhere",
		"token k", "difference k", "ask k", "copy k", "need https://example.com/x", "clients", "preview zed demo@work", "apply zed demo@work true d",
		"theme dark", "browsers", "places", "logs", "connection a.b http://proxy:1 <nil>", "secret demo 6 [redacted]", "demo", "window", "keep", "stop",
	}
	if got := b.log(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asked\n%q, want\n%q", got, want)
	}
	if _, err := c.Snapshot(ctx); !fault.Is(err, fault.AgentAway) {
		t.Errorf("after Stop, Snapshot says %v", err)
	}
}

func TestErrorsCrossTheSocketWithoutTheirCause(t *testing.T) {
	b := &backend{err: fault.Wrap(errors.New("dial tcp 10.0.0.1"), fault.Unreachable, "It does not answer.", "Wait.")}
	c, _ := serve(t, folders(t), b)
	err := c.AddServer(t.Context(), config.Server{})
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.Unreachable || f.What != "It does not answer." || f.Next != "Wait." || f.Cause != nil {
		t.Fatalf("error = %#v", err)
	}
}

func TestWaitSignInTellsTheAddressThenTheEnd(t *testing.T) {
	b := &backend{signIn: SignIn{ID: "s1"}}
	c, _ := serve(t, folders(t), b)
	shown := make(chan string, 4)
	go func() {
		b.set(SignIn{ID: "s1", URL: "https://as/authorize"})
		<-shown
		b.set(SignIn{ID: "s1", URL: "https://as/authorize", Done: true})
	}()
	var urls []string
	s, err := c.WaitSignIn(t.Context(), "s1", func(s SignIn) {
		urls = append(urls, s.URL)
		shown <- s.URL
	})
	if err != nil || !s.Done || fmt.Sprint(urls) != "[https://as/authorize]" {
		t.Fatalf("WaitSignIn = %+v, %v, shown %v", s, err, urls)
	}
}

func TestWaitSignInEndsWithItsContext(t *testing.T) {
	c, _ := serve(t, folders(t), &backend{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.WaitSignIn(ctx, "s1", nil); err == nil {
		t.Fatal("WaitSignIn returned nothing wrong after its context's end")
	}
}

func TestWaitOutlivesTheReadTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		c, service := inMemory(t, b)
		time.AfterFunc(2*service.readTimeout, func() { b.set(SignIn{Done: true}) })
		s, err := c.WaitSignIn(t.Context(), "s1", nil)
		if err != nil || !s.Done {
			t.Fatalf("WaitSignIn = %+v, %v", s, err)
		}
	})
}

func TestAbsentAgent(t *testing.T) {
	c := Dial(folders(t))
	defer c.Close()
	if _, err := c.Snapshot(t.Context()); !fault.Is(err, fault.AgentAway) {
		t.Errorf("Snapshot = %v, want agent_away", err)
	}
	for _, err := range c.Changes(t.Context()) {
		if !fault.Is(err, fault.AgentAway) {
			t.Errorf("Changes = %v, want agent_away", err)
		}
	}
}

func TestEnsureStartsAnAgentOnce(t *testing.T) {
	p := folders(t)
	starts := 0
	var starting sync.WaitGroup
	defer starting.Wait()
	start := func(context.Context) error {
		starts++
		starting.Go(func() {
			<-time.After(100 * time.Millisecond) // it takes a while to be there
			serve(t, p, &backend{})
		})
		return nil
	}
	for range 2 {
		c, err := Ensure(t.Context(), p, start)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if starts != 1 {
		t.Errorf("%d starts, want 1", starts)
	}
}

func TestEnsureSaysThatTheAgentCannotBeStarted(t *testing.T) {
	_, err := Ensure(t.Context(), folders(t), func(context.Context) error { return errors.New("no such file") })
	if !fault.Is(err, fault.AgentAway) {
		t.Fatalf("Ensure = %v", err)
	}
	p := folders(t)
	for given, want := range map[time.Duration]time.Duration{time.Second: time.Second, time.Hour: startWait} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), given)
			defer cancel()
			began := time.Now()
			_, err := Ensure(ctx, p, func(context.Context) error { return nil })
			if took := time.Since(began); !fault.Is(err, fault.AgentAway) || took != want {
				t.Errorf("Ensure = %v after %v, want %v", err, took, want)
			}
		})
	}
}

func TestQuiet(t *testing.T) {
	b := &backend{}
	c, service := serve(t, folders(t), b)
	ctx, cancel := context.WithCancel(t.Context())
	for range c.Changes(ctx) {
		if q := service.Quiet(); q != 0 {
			t.Errorf("Quiet = %v while somebody follows", q)
		}
		break
	}
	cancel()
	eventually(t, "quiet", func() bool { return service.Quiet() > 0 })
}
