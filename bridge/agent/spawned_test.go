//go:build unix

package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/vault"
	"drawbridge/test/leaks"
)

// TestMain plays the agent when Spawn started this binary as one.
func TestMain(m *testing.M) {
	if os.Getenv("DRAWBRIDGE_TEST_AGENT") != "" && len(os.Args) > 1 && os.Args[1] == "agent" {
		agentMain()
		return
	}
	leaks.Main(m)
}

// agentMain runs an agent whose version is what it sees of itself.
func agentMain() {
	fmt.Println("said to stdout")
	fmt.Fprintln(os.Stderr, "said to stderr")
	role := "follower"
	if sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0); int(sid) == os.Getpid() {
		role = "leader"
	}
	dir, _ := os.Getwd()
	p := config.Paths{Config: os.Args[3], State: os.Args[5]}
	err := Run(context.Background(), Config{
		Paths: p, OnDemand: true, Version: strings.Join(os.Args[1:], " ") + " | " + role + " " + dir,
		Accounts: Credentials(credential.NewManager(credential.Config{Paths: p, Vault: vault.NewMemory()})),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestSpawn starts this test binary as the agent: see agentMain.
func TestSpawn(t *testing.T) {
	t.Setenv("DRAWBRIDGE_TEST_AGENT", "1")
	p := folders(t)
	client, err := control.Ensure(t.Context(), p, func(context.Context) error { return Spawn(p, os.Args[0], "--on-demand") })
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s, err := client.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	home, _ := os.UserHomeDir()
	if want := "agent --config-dir " + p.Config + " --state-dir " + p.State + " --on-demand | leader " + home; s.Version != want {
		t.Errorf("it is %q, want %q", s.Version, want)
	}
	if err := client.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(p.Logs(), "agent.log"))
	if err != nil || !strings.Contains(string(log), "said to stderr") || strings.Contains(string(log), "said to stdout") {
		t.Errorf("log %q, %v", log, err)
	}
	reaped(t)
}
