// Windowrig is what the tests of the window run against: an agent and a demo
// server, both real, in folders that are thrown away. Only the keychain is one
// in memory, and no browser opens: the test opens the address itself.
//
// It prints one line of JSON when it is ready and ends when its stdin does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"drawbridge/bridge/agent"
	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/demo"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/vault"
)

// ready is what the caller needs to know.
type ready struct {
	// Server is the address of the demo's MCP server.
	Server string `json:"server"`
	// ConfigDir and StateDir are for DRAWBRIDGE_CONFIG_DIR and DRAWBRIDGE_STATE_DIR.
	ConfigDir string `json:"configDir"`
	StateDir  string `json:"stateDir"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "windowrig:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, err := os.MkdirTemp("", "windowrig-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	paths := config.Paths{Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state")}

	server, err := demo.Start(ctx, demo.Config{TokenLifetime: 15 * time.Second})
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()

	manager := credential.NewManager(credential.Config{Paths: paths, Vault: vault.NewMemory(), Version: "windowrig"})
	var wg sync.WaitGroup
	ended := make(chan error, 1)
	wg.Go(func() {
		ended <- agent.Run(ctx, agent.Config{
			Paths:    paths,
			Accounts: agent.Credentials(manager),
			Browser:  func(context.Context, string) error { return errors.New("the test opens it") },
			Version:  "windowrig",
		})
	})
	defer wg.Wait()
	defer cancel()

	client := control.Dial(paths)
	defer client.Close()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, err := client.Snapshot(ctx)
		if err == nil {
			break
		}
		if !fault.Is(err, fault.AgentAway) || time.Now().After(deadline) {
			return fmt.Errorf("wait for the agent: %w", err)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(ready{server.URL(), paths.Config, paths.State}); err != nil {
		return err
	}

	over := make(chan struct{})
	go func() { // ends with stdin, at the latest with the process
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(over)
	}()
	select {
	case <-over:
		return nil
	case err := <-ended:
		return fmt.Errorf("the agent ended: %w", err)
	}
}
