// Package eras_test connects clients and servers of both halves of MCP's
// history through the built drawbridge: the official TypeScript SDK 1 (MCP
// 2025-11-25) and SDK 2 (2026-07-28, with no fallback at either end).
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
	buildDeadline = 5 * time.Minute
	pairDeadline  = 90 * time.Second
)

// What a client sees is the same whoever is at the other end.
func TestFourPairs(t *testing.T) {
	if os.Getenv("DRAWBRIDGE_E2E") == "" {
		t.Skip("DRAWBRIDGE_E2E=1 runs the tests with real parts")
	}
	if _, err := os.Stat(filepath.Join(here(), "node_modules")); err != nil {
		t.Fatalf("the SDK is not installed: run `npm ci` in %s", here())
	}
	binary := drawbridge(t)
	want := map[string]string{
		"tools": "ask,cancelled,change,count,echo,sample,wait", "echo": "a\u2028b 😀", "read": "a thing",
		"ask": "hello Ada", "sample": "something", "count": "counted", "progress": "1,2,3",
		"wait": "given up", "cancelled": "1", "change": "changed",
		"notifications/tools/list_changed": "{}", "notifications/resources/updated": `{"uri":"test://thing"}`,
	}
	for _, client := range []string{"legacy", "modern"} {
		for _, server := range []string{"legacy", "modern"} {
			t.Run(client+" client, "+server+" server", func(t *testing.T) {
				ctx, cancel := context.WithTimeout(context.Background(), pairDeadline)
				defer cancel()
				home := t.TempDir()
				stdio := []string{
					binary, "stdio", "--url", serve(ctx, t, server), "--vault", "memory", "--no-agent",
					"--config-dir", filepath.Join(home, "config"), "--state-dir", filepath.Join(home, "state"),
				}
				// The second time what the server is is known beforehand.
				for _, time := range []string{"first", "second"} {
					got := run(ctx, t, home, append([]string{"client-" + client + ".mjs"}, stdio...))
					if time == "second" {
						got["cancelled"] = "1" // it has counted the first one, too
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s run:\n%s", time, diff)
					}
				}
			})
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
	ctx, cancel := context.WithTimeout(context.Background(), buildDeadline)
	defer cancel()
	binary := filepath.Join(t.TempDir(), "drawbridge")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", binary, ".")
	cmd.Dir = filepath.Join(here(), "..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// serve starts a server, which ends with the test, and returns its URL.
func serve(ctx context.Context, t *testing.T, era string) string {
	t.Helper()
	cmd := exec.CommandContext(ctx, node(), "server-"+era+".mjs")
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
	cmd := exec.CommandContext(ctx, node(), args...)
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
