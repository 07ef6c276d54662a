package cli_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// openServer is an MCP server that wants no sign-in. What it does with a method
// other than initialize is the test's.
func openServer(t testing.TB, do func(w http.ResponseWriter, r *http.Request, method string, id json.RawMessage)) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct {
			ID     json.RawMessage
			Method string
		}
		if r.Method == http.MethodPost {
			_ = json.NewDecoder(r.Body).Decode(&m)
		}
		switch {
		case r.Method == http.MethodGet:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case m.Method == "initialize":
			w.Header().Set("Mcp-Session-Id", "s1")
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{}}}`, m.ID)
		case m.Method != "" && m.ID == nil:
			w.WriteHeader(http.StatusAccepted)
		default:
			do(w, r, m.Method, m.ID)
		}
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// bridge is a `drawbridge stdio` process as a client sees it.
type bridge struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   io.ReadCloser
	lines *bufio.Reader
	ended chan error
}

// startBridge starts one for an open server. stderr nil is a terminal's.
func startBridge(t *testing.T, url string, stderr *os.File, options ...string) *bridge {
	t.Helper()
	dir := t.TempDir()
	b := &bridge{t: t, cmd: exec.Command("drawbridge", append([]string{"stdio", "--vault", "memory", "--no-agent", "--url", url}, options...)...), ended: make(chan error, 1)}
	b.cmd.Env = []string{
		"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0", "TEST_GOODBYE=" + os.Getenv("TEST_GOODBYE"),
		"DRAWBRIDGE_CONFIG_DIR=" + filepath.Join(dir, "c"), "DRAWBRIDGE_STATE_DIR=" + filepath.Join(dir, "s"),
	}
	if stderr != nil {
		b.cmd.Stderr = stderr
	}
	return b.start()
}

// attach starts another one like b, in the same folders.
func attach(t *testing.T, b *bridge) *bridge {
	t.Helper()
	other := &bridge{t: t, cmd: exec.Command(b.cmd.Args[0], b.cmd.Args[1:]...), ended: make(chan error, 1)}
	other.cmd.Env = b.cmd.Env
	return other.start()
}

// start starts the process and opens the session.
func (b *bridge) start() *bridge {
	t := b.t
	t.Helper()
	var err error
	if b.in, err = b.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if b.out, err = b.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		state, err := b.cmd.Process.Wait()
		if err == nil && !state.Success() {
			err = errors.New(state.String())
		}
		b.ended <- err
	}()
	t.Cleanup(func() {
		_ = b.cmd.Process.Kill()
		_, _ = b.in.Close(), b.out.Close()
	})
	b.lines = bufio.NewReader(b.out)
	b.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`)
	b.line()
	b.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return b
}

func (b *bridge) send(line string) {
	b.t.Helper()
	if _, err := io.WriteString(b.in, line+"\n"); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bridge) line() string {
	b.t.Helper()
	got := make(chan string, 1)
	go func() {
		l, _ := b.lines.ReadString('\n')
		got <- l
	}()
	select {
	case l := <-got:
		return l
	case <-time.After(patience):
		b.t.Fatal("no line of the bridge")
		return ""
	}
}

// end waits for the end of the process, which nothing has killed.
func (b *bridge) end() {
	b.t.Helper()
	select {
	case err := <-b.ended:
		if err != nil {
			b.t.Error(err)
		}
	case <-time.After(patience):
		b.t.Fatal("the process did not end")
	}
}
