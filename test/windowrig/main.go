// Windowrig is what the tests of the window run against: an agent and a demo
// server, both real, in folders that are thrown away. Only the keychain is one
// in memory, and no browser opens: the test opens the address itself.
//
// It takes the path of the demo's program, prints one line of JSON when it is
// ready and ends when its stdin does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"drawbridge/bridge/agent"
	"drawbridge/bridge/clients"
	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/demo"
	"drawbridge/bridge/doctor"
	"drawbridge/bridge/doctor/report"
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
	// Home is where the MCP clients of this world keep their settings.
	Home string `json:"home"`
	// Use is where a POST with ?name= has a client use the server with the name.
	Use string `json:"use"`
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

	server, err := demo.Start(ctx, demo.Config{TokenLifetime: 40 * time.Second})
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()

	home, err := makeHome(dir)
	if err != nil {
		return err
	}
	manager := credential.NewManager(credential.Config{Paths: paths, Vault: vault.NewMemory(), Version: "windowrig"})
	var wg sync.WaitGroup
	ended := make(chan error, 1)
	wg.Go(func() {
		ended <- agent.Run(ctx, agent.Config{
			Paths:    paths,
			Accounts: agent.Credentials(manager),
			Browser:  func(context.Context, string) error { return errors.New("the test opens it") },
			Version:  "windowrig",
			Command:  filepath.Join(dir, "drawbridge"),
			Demo:     demoProgram(),
			Clients:  clients.Env{GOOS: "linux", Home: home},
			Doctor: func(ctx context.Context, server config.Server, account string, progress func(report.Line)) (report.Report, error) {
				return examine(ctx, manager, server, account, progress), nil
			},
		})
	})
	defer wg.Wait()
	defer cancel()

	client := control.Dial(paths)
	defer client.Close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		_, err := client.Snapshot(ctx)
		if err == nil {
			break
		}
		if !fault.Is(err, fault.AgentAway) || time.Now().After(deadline) {
			return fmt.Errorf("wait for the agent: %w", err)
		}
	}
	user := httptest.NewServer(use(paths, manager))
	defer user.Close()
	if err := json.NewEncoder(os.Stdout).Encode(ready{server.URL(), paths.Config, paths.State, home, user.URL}); err != nil {
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

// demoProgram is that of the first argument, or "".
func demoProgram() string {
	if len(os.Args) < 2 {
		return ""
	}
	return os.Args[1]
}

// makeHome makes a home in which Cursor has been used: with settings of its own,
// comments included.
func makeHome(dir string) (string, error) {
	folder := filepath.Join(dir, "home", ".cursor")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	const settings = "{\n  // mine\n  \"mcpServers\": {\n    \"files\": {\"command\": \"files-server\", \"env\": {\"KEY\": \"hidden\"}}\n  }\n}\n"
	return filepath.Dir(folder), os.WriteFile(filepath.Join(folder, "mcp.json"), []byte(settings), 0o600)
}

// use is a client that wants a token for the server with the name, which renews
// one that is over.
func use(paths config.Paths, m *credential.Manager) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		settings, err := config.Load(paths)
		var server config.Server
		if err == nil {
			server, err = settings.Find(r.URL.Query().Get("name"))
		}
		if err == nil {
			_, err = m.Account(server, server.DefaultName()).Bearer(r.Context())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
}

// examine is the doctor, with a trace, as `drawbridge agent` has it.
func examine(ctx context.Context, m *credential.Manager, server config.Server, account string, progress func(report.Line)) report.Report {
	trace := &doctor.Trace{}
	r := doctor.Run(ctx, doctor.Config{
		Server: server, Account: account, Credential: m.Account(server, account), Version: "windowrig", Progress: progress, Trace: trace,
	})
	var text strings.Builder
	_, _ = trace.WriteTo(&text) // a builder takes all
	r.Trace = text.String()
	return r
}
