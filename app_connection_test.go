package main

import (
	"os"
	"path/filepath"
	"testing"

	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

// TestAppChangesConnections: the page says a proxy, the person a file; the last
// change can be taken back.
func TestAppChangesConnections(t *testing.T) {
	p := testPaths(t)
	startAgent(t, p)
	app, events := startApp(t, p)
	next(t, events, EventConnected)
	if _, err := app.AddServer(NewServer{Name: "hub", URL: "https://hub.example.com/mcp"}); err != nil {
		t.Fatal(err)
	}
	now := func() control.Connection {
		t.Helper()
		s, err := app.Snapshot()
		if err != nil || len(s.Servers) != 1 {
			t.Fatalf("snapshot %+v, %v", s.Servers, err)
		}
		return s.Servers[0].Connection
	}
	const proxy = "http://proxy.example.com:3128"
	if err := app.SetProxy("hub", proxy); err != nil || now().Proxy != proxy {
		t.Fatalf("now %+v, %v", now(), err)
	}
	if err := app.SetProxy("hub", "nonsense"); !fault.Is(err, fault.Usage) || now().Proxy != proxy {
		t.Errorf("nonsense: now %+v, %v", now(), err)
	}

	path := ""
	app.config.OpenFile = func(string) (string, error) { return path, nil }
	if chosen, err := app.ChooseCAFile("hub"); chosen || err != nil {
		t.Errorf("nothing chosen: %v, %v", chosen, err)
	}
	path = filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(path, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := app.ChooseCAFile("hub"); !fault.Is(err, fault.BadSettings) || now().CAFile != "" {
		t.Errorf("no certificate: now %+v, %v", now(), err)
	}

	if err := app.UndoConnection("hub"); err != nil || now() != (control.Connection{}) {
		t.Errorf("taken back: now %+v, %v", now(), err)
	}
	if err := app.UndoConnection("hub"); err != nil || now() != (control.Connection{}) {
		t.Errorf("once more: now %+v, %v", now(), err)
	}
}
