package test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// served waits until `drawbridge serve` says where it serves and returns that.
func served(t *testing.T, p *harness.Running) (base string) {
	t.Helper()
	if !eventually(patience, func() bool {
		said, _ := p.Ended(0)
		_, rest, ok := strings.Cut(said.Stderr, "Serving at ")
		base, _, _ = strings.Cut(rest, "\n")
		return ok && strings.Contains(rest, "\n")
	}) {
		said, _ := p.Ended(0)
		t.Fatalf("it does not serve: %s", said.Stderr)
	}
	return base
}

// told is what the clients over HTTP say that they got.
type told struct {
	Tools                []string
	Text, Version, Error string
	Progress             int
}

func (g told) isAll() bool {
	return g.Error == "" && len(g.Tools) >= 5 && g.Text == "Echo: over http" && g.Progress > 0
}

// client runs one of the clients over HTTP with a bearer token.
type client struct {
	name string
	run  func(t *testing.T, address, bearer string) told
}

func nodeClient(script string) client {
	return client{script, func(t *testing.T, address, bearer string) told {
		return heard(t, harness.StartScript(t, script, address, "Authorization=Bearer "+bearer))
	}}
}

// goSDK builds the client of the official Go SDK, once.
var goSDK = sync.OnceValues(func() (program string, err error) {
	program = filepath.Join(filepath.Dir(os.Getenv(harness.EnvBinary)), "gosdk")
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	cmd.Dir = "gosdk"
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build gosdk: %w\n%s", err, out)
	}
	return program, nil
})

func goClient(t *testing.T) client {
	t.Helper()
	program, err := goSDK()
	if err != nil {
		t.Fatal(err)
	}
	return client{"gosdk", func(t *testing.T, address, bearer string) told {
		return heard(t, harness.StartProgram(t, "gosdk", program, address, "Authorization=Bearer "+bearer))
	}}
}

func heard(t *testing.T, line string) (got told) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("it said %q: %v", line, err)
	}
	return got
}

// status is what a GET is answered with.
func status(t *testing.T, address, bearer string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestServe: the official clients, over both transports, reach
// server-everything through `drawbridge serve` and a sign-in at oidc-provider,
// with an API key; without one nothing is to be had.
func TestServe(t *testing.T) {
	t.Parallel()
	p := signedIn(t, lasting)
	key := strings.TrimSpace(p.MustRun("key", "create", "sdk").Stdout)
	base := served(t, p.Start("serve", "--listen", "127.0.0.1:0"))
	gosdk := goClient(t)
	for endpoint, clients := range map[string][]client{
		"/mcp": {nodeClient("http-client.mjs"), gosdk},
		"/sse": {nodeClient("http-client.mjs"), nodeClient("sdk-2024.mjs"), gosdk},
	} {
		address := base + "/" + name + endpoint
		for _, c := range clients {
			if got := c.run(t, address, key); !got.isAll() {
				t.Errorf("%s at %s: %+v", c.name, endpoint, got)
			}
			if got := c.run(t, address, "dbk_wrong"); got.Error == "" {
				t.Errorf("%s at %s with a wrong key: %+v", c.name, endpoint, got)
			}
		}
		if got := status(t, address, ""); got != http.StatusUnauthorized {
			t.Errorf("%s without a key: HTTP %d", endpoint, got)
		}
	}
	inspector := func(bearer string) harness.Result {
		return p.Inspector(nil, base+"/"+name+"/mcp", "--transport", "http", "--header", "Authorization: Bearer "+bearer,
			"--method", "tools/call", "--tool-name", "echo", "--tool-arg", "message=over http")
	}
	if got := inspector(key); got.Status != 0 || !strings.Contains(got.Stdout, "Echo: over http") {
		t.Errorf("inspector: %v", got)
	}
	if got := inspector("dbk_wrong"); got.Status == 0 || strings.Contains(got.Stdout, "Echo") {
		t.Errorf("inspector with a wrong key: %v", got)
	}
	if counts := p.provider.Counts(); counts.SignIns != 1 {
		t.Errorf("%d sign-ins, want one", counts.SignIns)
	}
	if got := p.Run("audit", "verify"); got.Status != 0 {
		t.Errorf("audit verify: %v", got)
	}
}
