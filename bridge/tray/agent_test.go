//go:build linux

package tray

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"drawbridge/bridge/agent"
	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/vault"
	"drawbridge/test/harness"
)

// agentMain plays `drawbridge agent` with its tray; only the vault is in memory.
func agentMain(dir string) {
	p := folders(dir)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	err := agent.Run(context.Background(), agent.Config{
		Paths: p, Tray: New(log), Log: log, Version: "test",
		Accounts: agent.Credentials(credential.NewManager(credential.Config{Paths: p, Vault: vault.NewMemory(), Log: log})),
		Browser:  func(context.Context, string) error { return errors.New("none here") },
	})
	if err != nil {
		log.Error("agent", "error", err)
		os.Exit(1)
	}
}

func folders(dir string) config.Paths {
	return config.Paths{Config: filepath.Join(dir, "c"), State: filepath.Join(dir, "s")}
}

func TestTheAgentsTray(t *testing.T) {
	session(t)
	dir, err := os.MkdirTemp("", "dbt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := play(t, "DRAWBRIDGE_TEST_AGENT="+dir)
	client := control.Dial(folders(dir))
	defer client.Close()
	d := harness.FindTrayIcon(t, c.pid)
	d.Until("No servers yet")

	// A server that is not one: it answers, but not as an MCP server.
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	server := config.Server{Name: "demo_1", URL: plain.URL + "/mcp"}
	if err := client.AddServer(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	d.Until("demo_1: signed out")

	answer, err := client.Need(t.Context(), control.Named("demo_1"))
	if err != nil || answer.Action != control.NeedTray {
		t.Errorf("Need = %+v, %v, want the tray to ask", answer, err)
	}
	d.Until("demo_1 needs you to sign in")
	d.Click("demo_1", "Sign in")
	d.Until("  (\"" + plain.URL) // why it did not work
	s, err := client.Snapshot(t.Context())
	if err != nil || s.Servers[0].Problem == nil || s.Servers[0].Problem.Code != fault.NotMCP {
		t.Errorf("snapshot %+v, %v", s, err)
	}

	d.Click("Quit")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("unix", folders(dir).Socket())
		if err != nil {
			break
		}
		_ = conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("the agent did not end")
		}
	}
}
