package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/agent"
	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/vault"
	"drawbridge/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

// testPaths are folders whose names are short enough for a socket.
func testPaths(t *testing.T) config.Paths {
	t.Helper()
	dir := t.TempDir()
	return config.Paths{Config: filepath.Join(dir, "c"), State: filepath.Join(dir, "s")}
}

// startAgent runs a real agent, with a keychain in memory, until the function
// that it returns is called.
func startAgent(t *testing.T, p config.Paths) (stop func()) {
	t.Helper()
	return startAgentWith(t, p, vault.NewMemory())
}

// startAgentWith is startAgent with a keychain that the test looks into.
func startAgentWith(t *testing.T, p config.Paths, v *vault.Vault) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	manager := credential.NewManager(credential.Config{Paths: p, Vault: v})
	ended := make(chan error, 1)
	go func() {
		ended <- agent.Run(ctx, agent.Config{
			Paths:    p,
			Accounts: agent.Credentials(manager),
			Browser:  func(context.Context, string) error { return errors.New("no browser here") },
		})
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("the agent ended with %v", err)
			}
		})
	}
	t.Cleanup(stop)
	client := control.Dial(p)
	defer client.Close()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := client.Snapshot(ctx); err == nil {
			return stop
		}
	}
	t.Fatal("the agent did not come up")
	return nil
}

// patience bounds the wait for what has to happen: it costs nothing when it does.
const patience = 30 * time.Second

// event is one that the page would hear.
type event struct {
	name    string
	payload any
}

// startApp runs an App over the agent of these folders, which it does not start.
func startApp(t *testing.T, p config.Paths) (*App, <-chan event) {
	t.Helper()
	events := make(chan event, 100)
	app := NewApp(AppConfig{
		Connect: func(ctx context.Context) (Agent, error) {
			client := control.Dial(p)
			t.Cleanup(client.Close)
			if _, err := client.Snapshot(ctx); err != nil {
				return nil, err
			}
			return client, nil
		},
		Emit: func(name string, payload any) { events <- event{name, payload} },
		Quit: func() { events <- event{"quit", nil} },
	})
	app.start(t.Context())
	t.Cleanup(app.close)
	return app, events
}

// next waits for the next event and checks its name.
func next(t *testing.T, events <-chan event, name string) any {
	t.Helper()
	return nextBut(t, events, name, "")
}

// nextBut is next, where any number of others may come before.
func nextBut(t *testing.T, events <-chan event, name, before string) any {
	t.Helper()
	for limit := time.After(patience); ; {
		select {
		case e := <-events:
			if e.name == before {
				continue
			}
			if e.name != name {
				t.Fatalf("event %q (%v), want %q", e.name, e.payload, name)
			}
			return e.payload
		case <-limit:
			t.Fatalf("no event %q", name)
			return nil
		}
	}
}

func TestAppFollowsTheAgent(t *testing.T) {
	p := testPaths(t)
	stop := startAgent(t, p)
	app, events := startApp(t, p)

	next(t, events, EventConnected)
	first := next(t, events, EventChange).(control.Change)
	if first.Snapshot == nil || len(first.Snapshot.Servers) != 0 {
		t.Fatalf("first change %+v, want an empty snapshot", first)
	}
	added, err := app.AddServer(NewServer{Name: "demo", URL: "https://demo.example.com/mcp"})
	if err != nil {
		t.Fatal(err)
	}
	if added.Key == "" || added.Name != "demo" || added.State != control.SignedOut {
		t.Errorf("AddServer = %+v, want demo, signed out, with a key", added)
	}
	change := next(t, events, EventChange).(control.Change)
	if change.Seq <= first.Seq {
		t.Errorf("sequence %d after %d", change.Seq, first.Seq)
	}

	stop()
	gone := next(t, events, EventAway).(*control.Problem)
	if gone.Code != fault.AgentAway || gone.Next == "" {
		t.Errorf("away with %+v, want agent_away and a next step", gone)
	}
	if _, err := app.Snapshot(); !fault.Is(err, fault.AgentAway) {
		t.Errorf("Snapshot without an agent: %v, want agent_away", err)
	}

	startAgent(t, p)
	app.Reconnect()
	nextBut(t, events, EventConnected, EventAway) // it may have been looked for meanwhile
	again := next(t, events, EventChange).(control.Change)
	if again.Snapshot == nil || len(again.Snapshot.Servers) != 1 {
		t.Errorf("change of the second agent %+v, want a snapshot with demo", again)
	}
}

// A window that is open when the person quits in the tray must not start
// another agent.
func TestAppQuitsWithTheAgent(t *testing.T) {
	p := testPaths(t)
	startAgent(t, p)
	_, events := startApp(t, p)
	next(t, events, EventConnected)
	next(t, events, EventChange)
	client := control.Dial(p)
	defer client.Close()
	if err := client.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	next(t, events, "quit")
	select {
	case e := <-events:
		t.Errorf("event %q after the end", e.name)
	case <-time.After(2 * reconnectAtOnce):
	}
}

func TestAppGivesRefusalsAsFaults(t *testing.T) {
	p := testPaths(t)
	startAgent(t, p)
	app, events := startApp(t, p)
	next(t, events, EventConnected)
	tests := []struct {
		name string
		do   func() error
		want fault.Code
	}{
		{"http to another machine", func() error {
			_, err := app.AddServer(NewServer{Name: "x", URL: "http://example.com/mcp"})
			return err
		}, fault.BadURL},
		{"a name with a space", func() error {
			_, err := app.AddServer(NewServer{Name: "a b", URL: "https://example.com/mcp"})
			return err
		}, fault.Usage},
		{"an account without a name", func() error { _, err := app.AddAccount("nobody", ""); return err }, fault.Usage},
		{"an account of nobody", func() error { _, err := app.AddAccount("nobody", "work"); return err }, fault.UnknownServer},
		{"an account that is not there", func() error { _, err := app.RemoveAccount("x@work"); return err }, fault.UnknownServer},
		{"a server that is not there", func() error { _, err := app.RemoveServer("nobody"); return err }, fault.UnknownServer},
		{"a token of nobody", func() error { _, err := app.Token("nobody"); return err }, fault.UnknownServer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.do(); !fault.Is(err, tt.want) {
				t.Errorf("err = %v (%s), want %s", err, fault.CodeOf(err), tt.want)
			}
		})
	}
}

func TestFormatErrorHidesTheCause(t *testing.T) {
	err := fault.Wrap(errors.New("dial tcp: secret detail"), fault.Unreachable, "It is away.", "Wait.")
	if got, want := formatError(err), `{"code":"unreachable","what":"It is away.","next":"Wait."}`; got != want {
		t.Errorf("formatError = %v, want %s", got, want)
	}
}

func TestAppDoesNothingBeforeItsStart(t *testing.T) {
	app := NewApp(AppConfig{
		Connect: func(context.Context) (Agent, error) { t.Error("connected"); return nil, errors.New("no") },
		Emit:    func(string, any) { t.Error("emitted") },
	})
	if _, err := app.Snapshot(); err == nil || !strings.Contains(err.Error(), "not ready") {
		t.Errorf("Snapshot before the start: %v", err)
	}
	app.close()
}
