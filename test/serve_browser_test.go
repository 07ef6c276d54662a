package test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"drawbridge/test/harness"
	"drawbridge/test/ports"
)

// TestServeHostilePage: a page of somebody else in a real Chromium, at a bridge
// that has no guard. Whatever the page does, the bridge answers 403, nothing
// reaches the server, and the page can read nothing.
func TestServeHostilePage(t *testing.T) {
	t.Parallel()
	harness.Skip(t)
	var reached atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	home := t.TempDir()
	binary := os.Getenv(harness.EnvBinary)
	env := append(os.Environ(), "HOME="+home, "DRAWBRIDGE_CONFIG_DIR="+home+"/config", "DRAWBRIDGE_STATE_DIR="+home+"/state")
	add := exec.CommandContext(t.Context(), binary, "add", "plain", server.URL)
	add.Env = env
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	reached.Store(0)
	address := ports.FreeAddress(t)
	cmd := exec.Command(binary, "--vault", "memory", "serve", "--guard", "none", "--listen", address)
	cmd.Env = env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}()
	if !eventually(patience, func() bool {
		resp, err := http.Get("http://" + address + "/healthz")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil
	}) {
		t.Fatal("it does not serve")
	}
	line := harness.StartScript(t, "hostile-page.mjs", "http://"+address+"/plain/mcp")
	var got struct {
		Statuses []int
		Said     map[string]string
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("it said %q: %v", line, err)
	}
	for name, want := range map[string]string{
		"opaque POST": "Failed to fetch", "POST of JSON": "Failed to fetch", "readable GET": "Failed to fetch", "opaque GET": "Failed to fetch", "event source": "error",
		"image": "error", "form": "403", "rebound page": "403", "rebound POST": "403", "broken": "",
	} {
		if !strings.Contains(got.Said[name], want) || got.Said[name] == "" && want != "" || name == "broken" && got.Said[name] != "" {
			t.Errorf("%s: %q, want %q", name, got.Said[name], want)
		}
	}
	// An answer is counted a moment after it was given; each of the tries is one.
	count := ""
	if !eventually(patience, func() bool {
		resp, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		metrics, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		_, count, _ = strings.Cut(string(metrics), `drawbridge_requests_total{status="403"} `)
		count, _, _ = strings.Cut(count, "\n")
		n, err := strconv.Atoi(count)
		return err == nil && n >= 9
	}) {
		t.Errorf("the bridge answered %q times with 403: the page did not try", count)
	}
	for _, status := range got.Statuses {
		if status != http.StatusForbidden {
			t.Errorf("an answer of HTTP %d", status)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests reached the server", n)
	}
}
