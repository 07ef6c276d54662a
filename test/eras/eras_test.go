// Package eras_test connects clients and servers of both halves of MCP's
// history through the built drawbridge: the official TypeScript SDK 1 (MCP
// 2025-11-25) and SDK 2 (2026-07-28), the official Go SDK and mcp-go, with no
// fallback at either end.
package eras_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	buildDeadline = 15 * time.Minute
	pairDeadline  = 5 * time.Minute
)

// ends are the SDKs that a client or a server is made with. Each speaks both eras,
// and here one of them alone.
var ends = []string{"TypeScript", "go-sdk", "mcp-go"}

// What a client sees is the same whoever is at the other end. The short form takes
// client and server from one SDK, the long one from any two.
func TestFourPairs(t *testing.T) {
	if os.Getenv("DRAWBRIDGE_E2E") == "" {
		t.Skip("DRAWBRIDGE_E2E=1 runs the tests with real parts")
	}
	if _, err := os.Stat(filepath.Join(here(), "node_modules")); err != nil {
		t.Fatalf("the SDK is not installed: run `npm ci` in %s", here())
	}
	binary := drawbridge(t)
	sdk := build(t, filepath.Join(here(), "sdk"), "sdk")
	for _, from := range ends {
		for _, to := range ends {
			if from != to && os.Getenv("DRAWBRIDGE_LONG") == "" {
				continue
			}
			for _, pair := range []struct{ client, server string }{
				{"legacy", "legacy"}, {"legacy", "modern"}, {"modern", "legacy"}, {"modern", "modern"},
			} {
				if from == "TypeScript" && to == "mcp-go" && pair.server == "modern" {
					continue // it waits for the one thing that does not come
				}
				t.Run(from+" "+pair.client+" client, "+to+" "+pair.server+" server", func(t *testing.T) {
					ctx, cancel := context.WithTimeout(context.Background(), pairDeadline)
					defer cancel()
					try(ctx, t, binary, command(sdk, "client", from, pair.client), command(sdk, "server", to, pair.server), expected(to, pair.server))
				})
			}
		}
	}
}

// expected is what a client sees of a server.
func expected(sdk, era string) map[string]string {
	want := map[string]string{
		"tools": "ask,cancelled,change,count,counted,echo,sample,wait,waiting", "echo": "a\u2028b 😀", "read": "a thing",
		"ask": "hello Ada", "sample": "something", "count": "counted", "progress": "1,2,3",
		"wait": "given up", "cancelled": "1", "change": "changed",
		"notifications/tools/list_changed": "{}", "notifications/resources/updated": `{"uri":"test://thing"}`,
	}
	if sdk == "mcp-go" && era == "modern" { // over HTTP it has no way to send them
		want["notifications/resources/updated"] = "never"
	}
	return want
}

// command is the start of an end of MCP.
func command(sdk, role, with, era string) []string {
	if with == "TypeScript" {
		return []string{node(), role + "-" + era + ".mjs"}
	}
	return []string{sdk, role, with, era}
}

func try(ctx context.Context, t *testing.T, binary string, client, server []string, want map[string]string) {
	t.Helper()
	home := t.TempDir()
	stdio := []string{
		binary, "stdio", "--url", serve(ctx, t, server), "--vault", "memory", "--no-agent",
		"--config-dir", filepath.Join(home, "config"), "--state-dir", filepath.Join(home, "state"),
	}
	// The second time what the server is is known beforehand.
	for _, time := range []string{"first", "second"} {
		got := run(ctx, t, home, append(client, stdio...))
		if time == "second" {
			got["cancelled"] = "1" // it has counted the first one, too
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s run:\n%s", time, diff)
		}
	}
}

func here() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}

func node() string { return filepath.Join(here(), "..", "bin", "node") }

// drawbridge is the binary to test, built unless one is named.
func drawbridge(t *testing.T) string {
	t.Helper()
	if given := os.Getenv("DRAWBRIDGE_TEST_BINARY"); given != "" {
		return given
	}
	return build(t, filepath.Join(here(), "..", ".."), "drawbridge")
}

// build builds the command in a folder.
func build(t *testing.T, dir, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), buildDeadline)
	defer cancel()
	binary := filepath.Join(t.TempDir(), name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", binary, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build of %s: %v\n%s", name, err, out)
	}
	return binary
}

// serve starts a server, which ends with the test, and returns its URL.
func serve(ctx context.Context, t *testing.T, command []string) string {
	t.Helper()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = here()
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the server said:\n%s", &said)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server does not start: %v", err)
	}
	return strings.TrimSpace(line)
}

// run runs a client to its end and returns what it saw.
func run(ctx context.Context, t *testing.T, home string, args []string) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = here()
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("the client: %v\n%s", err, &said)
	}
	got := map[string]string{}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("the client printed %q: %v", out.String(), err)
	}
	return got
}
