package tour

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	mcpclient "github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

// callLimit bounds one call of the demo's client.
const callLimit = 20 * time.Second

// childEnv is the environment of the demo's child processes: what MCP clients
// give, and what tells them of the demo's own keychain.
func childEnv() []string {
	names := []string{"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"}
	if runtime.GOOS == "windows" {
		names = append(names, "APPDATA", "LOCALAPPDATA", "USERPROFILE", "SYSTEMROOT", "TEMP")
	}
	env := []string{"DRAWBRIDGE_KEYCHAIN_SERVICE=" + keychainService}
	for _, n := range names {
		if v, ok := os.LookupEnv(n); ok {
			env = append(env, n+"="+v)
		}
	}
	return env
}

// whoami is what the demo's whoami tool says.
type whoami struct {
	Email string `json:"email"`
	JTI   string `json:"tokenId"`
}

// callAcrossRefresh connects a real client to `drawbridge stdio demo`, a real
// child process, and calls a tool before and after the token has ended.
func (t *tour) callAcrossRefresh(ctx context.Context) error {
	command, err := sibling("drawbridge")
	if err != nil {
		return err
	}
	args := []string{"--config-dir", t.paths.Config, "--state-dir", t.paths.State, "stdio", serverName, "--no-agent"}
	pipe := transport.NewStdioWithOptions(command, nil, args, transport.WithCommandFunc(
		func(ctx context.Context, command string, _ []string, args []string) (*exec.Cmd, error) {
			cmd := exec.CommandContext(ctx, command, args...)
			cmd.Env = childEnv() // nothing else, as clients do
			return cmd, nil
		}))
	client := mcpclient.NewClient(pipe)
	if err := client.Start(ctx); err != nil {
		return fmt.Errorf("start drawbridge stdio: %w", err)
	}
	defer func() { _ = client.Close() }()

	opened, err := within(ctx, func(ctx context.Context) (*mcp.InitializeResult, error) {
		return client.Initialize(ctx, mcp.InitializeRequest{Params: mcp.InitializeParams{
			ProtocolVersion: "2025-11-25",
			ClientInfo:      mcp.Implementation{Name: "drawbridge-demo", Version: t.Version},
		}})
	})
	if err != nil {
		return fmt.Errorf("initialize: %w", err)
	}
	t.say("A client started `drawbridge stdio %s` and reached %s.", serverName, opened.ServerInfo.Name)
	tools, err := within(ctx, func(ctx context.Context) (*mcp.ListToolsResult, error) {
		return client.ListTools(ctx, mcp.ListToolsRequest{})
	})
	if err != nil {
		return fmt.Errorf("tools/list: %w", err)
	}
	names := make([]string, 0, len(tools.Tools))
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
	}
	t.detail("tools: %s", strings.Join(names, ", "))

	before, err := callWhoami(ctx, client)
	if err != nil {
		return err
	}
	t.say("Called whoami: %s, with token %s", before.Email, before.JTI)
	if err := t.waitForExpiry(ctx); err != nil {
		return err
	}
	after, err := callWhoami(ctx, client)
	if err != nil {
		return err
	}
	if after.JTI == before.JTI {
		return fault.New(fault.Internal, "The token was not renewed.", "")
	}
	counts := t.server.Counts()
	t.say("Called whoami again: %s, with token %s", after.Email, after.JTI)
	t.detail("seen by the server: %d sign-in, %d refresh, %d refused; nobody was asked again", counts.Authorizations, counts.Refreshes, counts.Reuses)
	return nil
}

func within[T any](ctx context.Context, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	return do(ctx)
}

func callWhoami(ctx context.Context, client *mcpclient.Client) (whoami, error) {
	result, err := within(ctx, func(ctx context.Context) (*mcp.CallToolResult, error) {
		request := mcp.CallToolRequest{}
		request.Params.Name = "whoami"
		return client.CallTool(ctx, request)
	})
	if err != nil {
		return whoami{}, fmt.Errorf("call whoami: %w", err)
	}
	raw, err := json.Marshal(result.StructuredContent)
	if err != nil {
		return whoami{}, fmt.Errorf("read whoami: %w", err)
	}
	var w whoami
	if err := json.Unmarshal(raw, &w); err != nil || w.JTI == "" || result.IsError {
		return whoami{}, fmt.Errorf("whoami gave an unexpected answer: %v", err)
	}
	return w, nil
}

// waitForExpiry counts down until the access token has ended.
func (t *tour) waitForExpiry(ctx context.Context) error {
	facts, err := t.account.Facts()
	if err != nil {
		return err
	}
	end := facts.ExpiresAt.Add(500 * time.Millisecond)
	t.say("Waiting for the token to end, at %s ...", facts.ExpiresAt.Local().Format("15:04:05"))
	timer := time.NewTimer(time.Until(end))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// openWindow starts the window on the demo's folders when there is a display
// and a window is installed beside this program. closed is nil without one.
func (t *tour) openWindow(ctx context.Context) (stop func(), closed <-chan struct{}) {
	if t.headless {
		return func() {}, nil
	}
	window, err := sibling("drawbridge-desktop")
	if err != nil {
		return func() {}, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, window)
	cmd.Env = append(os.Environ(), "DRAWBRIDGE_CONFIG_DIR="+t.paths.Config, "DRAWBRIDGE_STATE_DIR="+t.paths.State, "DRAWBRIDGE_KEYCHAIN_SERVICE="+keychainService)
	var said bytes.Buffer // the web view has much to say that is no trouble
	cmd.Stderr = &said
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 3 * time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		t.detail("The window could not be opened: %v", err)
		return func() {}, nil
	}
	t.say("The window is open on the same demo.")
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := cmd.Wait(); err != nil && !errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil {
			fmt.Fprintf(t.Stderr, "The window has ended: %v\n%s", err, said.Bytes())
		}
	}()
	return func() {
		cancel()
		<-done
		t.stopAgent()
	}, done
}

// sibling finds another of our programs in this program's folder.
func sibling(name string) (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	path := filepath.Join(filepath.Dir(own), name)
	if _, err := os.Stat(path); err != nil {
		return "", fault.Wrap(err, fault.Internal, fmt.Sprintf("%s is missing in the folder of this program.", name), "From the sources: make build")
	}
	return path, nil
}

// stopAgent ends the agent that the window started on the demo's folders.
func (t *tour) stopAgent() {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	agent := control.Dial(t.paths)
	defer agent.Close()
	_ = agent.Stop(ctx) // none running is as good
}
