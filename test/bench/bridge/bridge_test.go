// Package bridge measures the local HTTP bridge: what its guard costs, what a
// request through it costs beside a reverse proxy that checks nothing, and what
// sessions and idle streams hold. `make bench` runs it and writes the table into
// docs/performance.md.
package bridge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// EnvReport names the file whose table is written.
const EnvReport = "DRAWBRIDGE_BENCH_REPORT"

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// upstream is an MCP server of 2025-11-25 that answers at once and has no stream
// of its own messages.
func upstream(w http.ResponseWriter, r *http.Request) { answer(w, r, false) }

// speaking is one that has such a stream.
func speaking(w http.ResponseWriter, r *http.Request) { answer(w, r, true) }

func answer(w http.ResponseWriter, r *http.Request, speaks bool) {
	if speaks && r.Method == http.MethodGet {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return
	}
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, _ := io.ReadAll(r.Body)
	id := member(body, `"id":`)
	if id == "" {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	result := `{"content":[{"type":"text","text":"` + strings.Repeat("x", 900) + `"}]}`
	if bytes.Contains(body, []byte(`"initialize"`)) {
		w.Header().Set("Mcp-Session-Id", "s")
		result = `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}}`
	}
	_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, id, result)
}

func member(body []byte, name string) string {
	_, rest, _ := bytes.Cut(body, []byte(name))
	return string(rest[:max(0, bytes.IndexAny(rest, ",}"))])
}

// served is a `drawbridge serve` with API keys in a process of its own.
type served struct {
	t    *testing.T
	cmd  *exec.Cmd
	base string
	key  string
}

func serve(t *testing.T, server string) *served {
	home := t.TempDir()
	env := append(os.Environ(), "HOME="+home, "DRAWBRIDGE_CONFIG_DIR="+home+"/config", "DRAWBRIDGE_STATE_DIR="+home+"/state")
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), os.Getenv(harness.EnvBinary), args...)
		cmd.Env = env
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	run("add", "bench", server, "--protocol", "legacy")
	s := &served{t: t, key: run("key", "create", "bench")}
	s.cmd = exec.Command(os.Getenv(harness.EnvBinary), "--vault", "memory", "serve", "--listen", "127.0.0.1:0", "--rate", "0")
	s.cmd.Env = env
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Signal(os.Interrupt)
		_ = s.cmd.Wait()
	})
	said := make([]byte, 4096)
	for text := ""; !strings.Contains(text, "\n  "); {
		n, err := stderr.Read(said)
		if err != nil {
			t.Fatalf("it does not serve: %s", text)
		}
		text += string(said[:n])
		_, s.base, _ = strings.Cut(text, "Serving at ")
	}
	s.base, _, _ = strings.Cut(s.base, "\n")
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	return s
}

const (
	initialize  = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}`
	initialized = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	accept      = "application/json, text/event-stream"
)

// post sends a message and returns the session's id.
func post(client *http.Client, target, bearer, session, body string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {accept}}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	if session != "" {
		req.Header.Set("Mcp-Session-Id", session)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
		return "", fmt.Errorf("HTTP %d %s %w", resp.StatusCode, answer, err)
	}
	return resp.Header.Get("Mcp-Session-Id"), nil
}

// rss is the resident memory of the bridge, in bytes.
func (s *served) rss() int64 {
	s.t.Helper()
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(s.cmd.Process.Pid) + "/status")
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "VmRSS:")
	n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n << 10
}

// settled is the resident memory when it has stopped changing, after the bridge
// had the time to notice that it is idle.
func (s *served) settled() int64 {
	time.Sleep(6 * time.Second)
	last := s.rss()
	for range 40 {
		time.Sleep(250 * time.Millisecond)
		now := s.rss()
		if diff := now - last; -64<<10 < diff && diff < 64<<10 {
			return now
		}
		last = now
	}
	return last
}

// open opens n sessions and an idle stream for each, and returns how long the
// middle one of the openings took.
func (s *served) open(n int) time.Duration {
	s.t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	var mu sync.Mutex
	var took []time.Duration
	var work sync.WaitGroup
	address := strings.TrimPrefix(s.base, "http://")
	free := make(chan struct{}, 16)
	for range n {
		free <- struct{}{}
		work.Go(func() {
			defer func() { <-free }()
			begun := time.Now()
			session, err := post(client, s.base+"/bench/mcp", s.key, "", initialize)
			if err != nil {
				s.t.Error(err)
				return
			}
			mu.Lock()
			took = append(took, time.Since(begun))
			mu.Unlock()
			// From here on a server that has something to say of its own has a stream.
			if _, err := post(client, s.base+"/bench/mcp", s.key, session, initialized); err != nil {
				s.t.Error(err)
				return
			}
			conn, err := net.Dial("tcp", address)
			if err != nil {
				s.t.Error(err)
				return
			}
			s.t.Cleanup(func() { _ = conn.Close() })
			_, err = fmt.Fprintf(conn, "GET /bench/mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\nMcp-Session-Id: %s\r\n\r\n", s.key, session)
			head := make([]byte, 12)
			if err == nil {
				_, err = io.ReadFull(conn, head)
			}
			if err != nil || !bytes.HasSuffix(head, []byte("200")) {
				s.t.Errorf("a stream: %s %v", head, err)
			}
		})
	}
	work.Wait()
	client.CloseIdleConnections()
	slices.Sort(took)
	return took[len(took)/2]
}

// TestBridge measures all of it. Without a report to write it is a short form
// that only shows that the measurements work.
func TestBridge(t *testing.T) {
	harness.Skip(t)
	if runtime.GOOS != "linux" {
		t.Skip("memory is read from /proc")
	}
	report := os.Getenv(EnvReport)
	streams, pairs := []int{10, 100}, 200
	if report != "" {
		streams, pairs = []int{10, 100, 1000, 10000}, 5000
	}
	server := httptest.NewServer(http.HandlerFunc(upstream))
	defer server.Close()
	var rows []string
	row := func(what, figure, limit string) {
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |", what, figure, limit))
	}
	guards(t, row)
	ratio(t, server, pairs, row)
	s := serve(t, server.URL)
	s.open(1) // what the first one touches of the program is not the others' cost
	empty, opened := s.settled(), 0
	before := empty
	for _, n := range streams {
		middle := s.open(n - opened)
		now := s.settled()
		each := float64(now-empty) / float64(n) / 1024
		further := float64(now-before) / float64(n-opened) / 1024
		limit := ""
		if n == 10000 {
			limit = "≤ 40 KB: " + kept(each <= 40)
		}
		row(fmt.Sprintf("%d sessions, each with an idle stream: resident memory for one", n), fmt.Sprintf("%.1f KB", each), limit)
		if opened > 0 {
			row(fmt.Sprintf("— for each of those after the first %d", opened), fmt.Sprintf("%.1f KB", further), "flat")
		}
		opened, before = n, now
		row("— opening one of the last, the middle one of 16 at a time", fmt.Sprintf("%.2f ms", middle.Seconds()*1000), "flat")
	}
	talkative := httptest.NewServer(http.HandlerFunc(speaking))
	t.Cleanup(talkative.Close)
	t.Cleanup(talkative.CloseClientConnections)
	s = serve(t, talkative.URL)
	s.open(1)
	empty, opened = s.settled(), streams[min(2, len(streams)-1)]
	s.open(opened)
	row(fmt.Sprintf("%d sessions at a server that has a stream of its own for each: resident memory for one", opened),
		fmt.Sprintf("%.1f KB", float64(s.settled()-empty)/float64(opened)/1024), "")
	for _, r := range rows {
		t.Log(r)
	}
	if report != "" && !t.Failed() {
		write(t, report, rows)
	}
}

func kept(ok bool) string {
	if ok {
		return "yes"
	}
	return "**no**"
}

// ratio sends the same call straight, through a reverse proxy that checks
// nothing, and through the bridge, taking turns.
func ratio(t *testing.T, server *httptest.Server, pairs int, row func(what, figure, limit string)) {
	program := filepath.Join(t.TempDir(), "proxy")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./proxy").CombinedOutput(); err != nil {
		t.Fatalf("build proxy: %v\n%s", err, out)
	}
	proxied := strings.TrimSpace(harness.StartProgram(t, "proxy", program, server.URL))
	s := serve(t, server.URL)
	client := &http.Client{}
	session, err := post(client, s.base+"/bench/mcp", s.key, "", initialize)
	if err != nil {
		t.Fatal(err)
	}
	ways := []struct{ url, key, session string }{{server.URL, "", ""}, {proxied, "", ""}, {s.base + "/bench/mcp", s.key, session}}
	took := make([][]float64, len(ways))
	var over []float64
	for i := range pairs + 50 {
		var now [3]float64
		for w, way := range ways {
			body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"x","arguments":{}}}`, i+1)
			begun := time.Now()
			if _, err := post(client, way.url, way.key, way.session, body); err != nil {
				t.Fatal(err)
			}
			now[w] = float64(time.Since(begun).Microseconds())
		}
		if i < 50 { // connections and caches are warm from here on
			continue
		}
		for w := range ways {
			took[w] = append(took[w], now[w])
		}
		over = append(over, now[2]/now[1])
	}
	row("a call of 1 KiB, straight", fmt.Sprintf("%.0f µs", median(took[0])), "")
	row("— through `httputil.ReverseProxy`, a process of its own", fmt.Sprintf("%.0f µs", median(took[1])), "")
	row("— through `drawbridge serve`, API key, record and rules on", fmt.Sprintf("%.0f µs", median(took[2])), "")
	row("— ÷ `ReverseProxy`, median of pairs", fmt.Sprintf("%.2f", median(over)), "≤ 1.3: "+kept(median(over) <= 1.3))
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

const (
	begin = "<!-- the local bridge: written by make bench -->\n"
	end   = "<!-- end of the local bridge -->\n"
)

// write puts the table between the marks of the report.
func write(t *testing.T, file string, rows []string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no table of the local bridge", file)
	}
	load, _ := os.ReadFile("/proc/loadavg")
	text := fmt.Sprintf("\nMeasured on %s: %s/%s, %d cores, %s. Load of the machine at the end: %s\n\n| measure | figure | must be |\n|---|---|---|\n%s\n\n",
		time.Now().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), strings.Fields(string(load) + " ?")[0], strings.Join(rows, "\n"))
	if err := os.WriteFile(file, []byte(before+begin+text+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
