//go:build unix

package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The process is gone 100 ms after the client has closed its input, whatever
// is under way.
func TestStdioEndsAtOnce(t *testing.T) {
	for name, slowGoodbye := range map[string]bool{"calls in flight": false, "and a slow goodbye": true} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			url := openServer(t, func(_ http.ResponseWriter, r *http.Request, method string, _ json.RawMessage) {
				if method != "" || slowGoodbye {
					calls.Add(1)
					<-r.Context().Done()
				}
			})
			b := startBridge(t, url, nil)
			for i := range 20 {
				b.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"hang"}`, i))
			}
			for calls.Load() < 20 {
				time.Sleep(time.Millisecond)
			}
			begun := time.Now()
			_ = b.in.Close()
			b.end()                                               // it would wait for the server for ever
			if took := time.Since(begun); took > 10*time.Second { // 100 ms, and what a busy machine adds
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A client that closes the output first, or dies: the process does not die by
// the broken pipe, perhaps in the middle of a renewal, but says goodbye.
func TestStdioOutlivesABrokenPipe(t *testing.T) {
	deleted := make(chan struct{}, 1)
	url := openServer(t, func(w http.ResponseWriter, r *http.Request, _ string, id json.RawMessage) {
		if r.Method == http.MethodDelete {
			deleted <- struct{}{}
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{}}`, id)
	})
	t.Setenv("TEST_GOODBYE", patience.String()) // not as long as a client waits: as long as it takes
	b := startBridge(t, url, nil)
	_ = b.out.Close()
	for i := range 3 {
		b.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"a"}`, i))
		time.Sleep(50 * time.Millisecond)
	}
	_ = b.in.Close()
	b.end()
	select {
	case <-deleted:
	default:
		t.Error("the server was not told")
	}
}

// A client that never reads the log: it fills up, and every call is answered
// all the same.
func TestStdioWithALogThatNobodyReads(t *testing.T) {
	url := openServer(t, func(w http.ResponseWriter, _ *http.Request, method string, _ json.RawMessage) {
		w.WriteHeader(http.StatusBadGateway)
	})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	b := startBridge(t, url, w)
	for i := range 1500 {
		b.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q}`, i, "m/"+strings.Repeat("x", 100)))
		if l := b.line(); !strings.Contains(l, "HTTP 502") {
			t.Fatalf("call %d: %s", i, l)
		}
	}
	_ = b.in.Close()
	b.end()
}

// A client that is killed while a process that it started has inherited the
// pipes: nothing ends them, but the bridge ends with its client.
func TestEndsWithItsClient(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the kernel tells of a parent's end on Linux only; elsewhere it is looked for")
	}
	url := openServer(t, func(http.ResponseWriter, *http.Request, string, json.RawMessage) {})
	dir := t.TempDir()
	// The shell is the client: it starts the bridge and a process that keeps both
	// pipes open, and is killed.
	client := exec.Command("sh", "-c", `exec 3<&0; sleep 60 <&3 & echo $! >"$0/sleep"; drawbridge stdio --vault memory --no-agent --url "$1" <&3 & echo $! >"$0/bridge"; wait`, dir, url)
	client.Env = []string{
		"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0",
		"DRAWBRIDGE_CONFIG_DIR=" + filepath.Join(dir, "c"), "DRAWBRIDGE_STATE_DIR=" + filepath.Join(dir, "s"),
	}
	in, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	pid := func(name string) (n int) {
		t.Helper()
		for deadline := time.Now().Add(patience); n == 0; {
			if time.Now().After(deadline) {
				t.Fatalf("nobody says which process the %s is", name) // 0 would be all of ours
			}
			raw, _ := os.ReadFile(filepath.Join(dir, name))
			_, _ = fmt.Sscan(string(raw), &n)
			time.Sleep(10 * time.Millisecond)
		}
		return n
	}
	sleeper := pid("sleep")
	defer func() { _ = syscall.Kill(sleeper, syscall.SIGKILL) }()
	bridge := pid("bridge")
	alive := func() bool {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", bridge))
		return err == nil && exe != ""
	}
	started := time.Now().Add(patience)
	for { // until it is the bridge, and has begun to watch
		raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", bridge))
		fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", bridge))
		watches := false
		for _, fd := range fds {
			to, _ := os.Readlink(fd)
			watches = watches || strings.Contains(to, "pidfd")
		}
		if strings.Contains(string(raw), "stdio") && watches {
			break
		}
		if time.Now().After(started) {
			t.Fatal("the bridge does not watch its client")
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = client.Process.Kill()
	_ = client.Wait()
	deadline := time.Now().Add(patience)
	for alive() && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if alive() {
		_ = syscall.Kill(bridge, syscall.SIGKILL)
		t.Error("the bridge outlives its client")
	}
}
