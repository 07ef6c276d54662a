//go:build unix

package agent

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/vault"
)

// TestMain plays the agent when Spawn started this binary as one.
func TestMain(m *testing.M) {
	if os.Getenv("DRAWBRIDGE_TEST_AGENT") != "" && len(os.Args) > 1 && os.Args[1] == "agent" {
		agentMain()
		return
	}
	goleak.VerifyTestMain(m)
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
