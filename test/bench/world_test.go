package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// world is everything that is measured, signed in.
type world struct {
	*harness.Rig
	server, base, token string
	pipe                string // the program
	client              *http.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Rig: harness.New(t)}
	dir := t.TempDir()
	build := func(name string) string {
		program := filepath.Join(dir, name)
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./"+name)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
		return program
	}
	w.pipe = build("pipe")
	provider := w.StartProvider(harness.ProviderOptions{AccessTTL: 2 * time.Hour})
	w.server = strings.TrimSpace(harness.StartProgram(t, "upstream", build("upstream"), provider.Issuer))
	address, err := url.Parse(w.server)
	if err != nil {
		t.Fatal(err)
	}
	w.base = "http://" + address.Host
	for name, protocol := range map[string]string{"bench": "legacy", modern: "modern"} {
		w.MustRun("add", name, w.server, "--protocol", protocol)
		w.MustRun("login", name)
	}
	w.token = strings.TrimSpace(w.MustRun("token", "bench").Stdout)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	w.client = &http.Client{Transport: transport}
	t.Cleanup(w.client.CloseIdleConnections)
	return w
}

// frame orders how the server frames its answers.
func (w *world) frame(t *testing.T, how string) {
	t.Helper()
	resp, err := w.client.Post(w.base+"/__order?framing="+how, "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

// counts is what has reached the server so far.
type counts struct {
	Requests    map[string]int
	Connections int
}

func (c counts) posts() int { return c.Requests["POST /mcp"] }

func (w *world) counts(t *testing.T) (c counts) {
	t.Helper()
	resp, err := w.client.Get(w.base + "/__counts")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

// caller makes one call after another and says how long each took.
type caller interface {
	call(t *testing.T, message []byte) time.Duration
}

// direct calls the server over HTTP.
type direct struct {
	w       *world
	session string
}

func (w *world) direct(t *testing.T) *direct {
	t.Helper()
	d := &direct{w: w}
	resp := d.post(t, initialize)
	d.session = resp.Header.Get("Mcp-Session-Id")
	_ = resp.Body.Close()
	resp = d.post(t, initialized)
	_ = resp.Body.Close()
	return d
}

func (d *direct) post(t *testing.T, message []byte) *http.Response {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, d.w.server, bytes.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Authorization", "Bearer "+d.w.token)
	if d.session != "" {
		req.Header.Set("Mcp-Session-Id", d.session)
	}
	resp, err := d.w.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode > 299 {
		t.Fatalf("direct: %s", resp.Status)
	}
	return resp
}

func (d *direct) call(t *testing.T, message []byte) time.Duration {
	t.Helper()
	begun := time.Now()
	resp := d.post(t, message)
	n, err := io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	took := time.Since(begun)
	if err != nil || n < int64(len(message))/2 {
		t.Fatalf("direct: %d bytes, %v", n, err)
	}
	return took
}

// bridge is a program that speaks MCP on its standard input and output.
type bridge struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	said bytes.Buffer
}

// subjects are the bridges that are compared, the floor first.
// Drawbridge is measured with the protocol that the other bridges speak; modern
// is the name of the same server, spoken to by MCP 2026-07-28.
const modern = "modern"

var subjects = []string{"pipe", "drawbridge", "mcp-remote"}

func (w *world) start(t *testing.T, name string) *bridge {
	t.Helper()
	b := &bridge{name: name}
	switch name {
	case "pipe":
		b.cmd = exec.Command(w.pipe, w.server)
		b.cmd.Env = []string{"BENCH_TOKEN=" + w.token}
	case "drawbridge", modern:
		server := "bench"
		if name == modern {
			server = modern
		}
		b.cmd = exec.Command(w.Binary(), "stdio", server)
		b.cmd.Env = w.LaunchEnv()
	case "mcp-remote":
		command, env := w.McpRemote(w.server, "--silent")
		b.cmd = exec.Command(command[0], command[1:]...)
		b.cmd.Env = append(w.LaunchEnv(), env...)
	}
	b.cmd.Stderr = &b.said
	b.cmd.WaitDelay = 30 * time.Second
	in, err := b.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.in, b.out = in, bufio.NewReaderSize(out, 1<<20)
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// One that hangs ends, and with it what waits for it.
	t.Cleanup(func() { _, _ = b.cmd.Process.Kill(), b.cmd.Wait() })
	return b
}

var (
	initialize  = []byte(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}` + "\n")
	initialized = []byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n")
)

func echo(id, size int) []byte {
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"text":"%s"}}}`+"\n",
		id, strings.Repeat("abcdefghijklmnop", size/16))
}

// open is start with the session opened.
func (w *world) open(t *testing.T, name string) *bridge {
	t.Helper()
	b := w.start(t, name)
	b.call(t, initialize)
	b.write(t, initialized)
	b.call(t, echo(1, 16))
	return b
}

func (b *bridge) write(t *testing.T, line []byte) {
	t.Helper()
	if _, err := b.in.Write(line); err != nil {
		t.Fatalf("%s: %v\n%s", b.name, err, &b.said)
	}
}

// read reads lines until a response and returns its length and its start.
func (b *bridge) read(t *testing.T) (int, []byte) {
	t.Helper()
	for {
		var start []byte
		n := 0
		for {
			part, err := b.out.ReadSlice('\n')
			n += len(part)
			if start == nil {
				start = part[:min(len(part), 256)]
			}
			if err == nil {
				break
			}
			if err != bufio.ErrBufferFull {
				t.Fatalf("%s: %v\n%s", b.name, err, &b.said)
			}
			start = bytes.Clone(start)
		}
		if bytes.Contains(start, []byte(`"error"`)) {
			t.Fatalf("%s: %s\n%s", b.name, start, &b.said)
		}
		if !bytes.Contains(start, []byte(`"method"`)) { // a notification of the server is no answer
			return n, start
		}
	}
}

// call sends a request and waits for the answer.
func (b *bridge) call(t *testing.T, message []byte) time.Duration {
	t.Helper()
	begun := time.Now()
	b.write(t, message)
	n, _ := b.read(t)
	took := time.Since(begun)
	if n < len(message)/2 {
		t.Fatalf("%s: %d bytes", b.name, n)
	}
	return took
}

// close ends the bridge's input and says how long it took to end.
func (b *bridge) close(t *testing.T) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = b.cmd.Process.Kill() })()
	begun := time.Now()
	_ = b.in.Close()
	err := b.cmd.Wait()
	took := time.Since(begun)
	if err != nil && b.name != "mcp-remote" {
		t.Errorf("%s: %v\n%s", b.name, err, &b.said)
	}
	return took
}
