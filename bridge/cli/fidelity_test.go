package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// reply is what the scripted server answers to one POST.
type reply struct {
	status int // 0: 200
	kind   string
	body   string
	pieces int // the body goes out in so many flushed pieces; 0: at once
	hold   bool
}

// step is one exchange: what the client writes, what the server must get, what
// it answers, and what the client must get, all byte for byte.
type step struct {
	in     string   // as it is, line ends too
	posts  []string // bodies, in this order; each is answered before the next may come
	reply  []reply  // one for each POST; missing: 202
	push   string   // events on the standalone stream
	out    []string // lines
	end    bool     // the client closes its end after in
	beside bool     // the posts may come in any order: they are about different requests
}

// fidelity is one scenario. A new process, a new server.
type fidelity struct {
	name  string
	steps []step
}

// scripted is the server: every POST after the handshake waits for the test.
type scripted struct {
	*httptest.Server
	posts   chan scriptedPost
	streams chan http.ResponseWriter
	gone    chan struct{} // ends what waits
}

type scriptedPost struct {
	body  string
	reply chan reply
}

func newScripted(t *testing.T) *scripted {
	t.Helper()
	s := &scripted{posts: make(chan scriptedPost), streams: make(chan http.ResponseWriter, 1), gone: make(chan struct{})}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		close(s.gone)
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

const fidelityOpened = `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-03-26","capabilities":{},"serverInfo":{"name":"up","version":"1"}}}`

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		select {
		case s.streams <- w:
		case <-r.Context().Done():
			return
		}
		select { // the handler's end is the stream's
		case <-r.Context().Done():
		case <-s.gone:
		}
	case http.MethodPost:
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil:
			return
		case strings.Contains(string(body), `"notifications/initialized"`):
			w.WriteHeader(http.StatusAccepted)
			return
		case strings.Contains(string(body), `"id":0,"method":"initialize"`):
			w.Header().Set("Mcp-Session-Id", "s1")
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, fidelityOpened)
			return
		}
		p := scriptedPost{body: string(body), reply: make(chan reply, 1)}
		select {
		case s.posts <- p:
		case <-s.gone:
			return
		}
		select {
		case a := <-p.reply:
			s.write(w, a)
		case <-s.gone:
		}
	}
}

func (s *scripted) write(w http.ResponseWriter, a reply) {
	if a.kind != "" {
		w.Header().Set("Content-Type", a.kind)
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	w.WriteHeader(a.status)
	for n := max(a.pieces, 1); n > 0; n-- {
		cut := len(a.body) / n
		_, _ = io.WriteString(w, a.body[:cut])
		a.body = a.body[cut:]
		w.(http.Flusher).Flush()
	}
	if a.hold { // a server that leaves the stream open
		<-s.gone
	}
}

// fidelityBridge is `drawbridge stdio` after the handshake.
func fidelityBridge(t *testing.T, url string) (in io.WriteCloser, out chan string) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("drawbridge", "stdio", "--protocol", "legacy", "--vault", "memory", "--no-agent", "--url", url)
	cmd.Env = []string{
		"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0", "TEST_GOODBYE=" + patience.String(), // as long as it takes
		"DRAWBRIDGE_CONFIG_DIR=" + filepath.Join(dir, "c"), "DRAWBRIDGE_STATE_DIR=" + filepath.Join(dir, "s"),
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out = make(chan string, 64)
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(out)
		r := bufio.NewReader(stdout)
		for {
			line, err := r.ReadString('\n')
			if line != "" {
				out <- line
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		for range out { //nolint:revive // what nobody expected is reported below
		}
		<-read
		if err := cmd.Wait(); err != nil {
			t.Errorf("the process ended with %v", err)
		}
	})
	_, _ = io.WriteString(in, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`+"\n")
	if got := fidelityLine(t, out); got != fidelityOpened+"\n" {
		t.Fatalf("initialize gave %s", got)
	}
	_, _ = io.WriteString(in, `{"jsonrpc":"2.0","method":"notifications/initialized"}`+"\n")
	return in, out
}

func fidelityLine(t *testing.T, out chan string) string {
	t.Helper()
	select {
	case l, ok := <-out:
		if !ok {
			t.Fatal("the process closed its output")
		}
		return l
	case <-time.After(patience):
		t.Fatal("no line of the bridge in time")
	}
	return ""
}

// Every byte of a payload passes in both directions as it is: a real process, a
// real HTTP server, real pipes.
func TestFidelity(t *testing.T) {
	if len(fidelities()) < 60 {
		t.Errorf("%d scenarios", len(fidelities()))
	}
	seen := map[string]bool{}
	for _, f := range fidelities() {
		if seen[f.name] {
			t.Errorf("two scenarios are called %q", f.name)
		}
		seen[f.name] = true
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.run(t)
		})
	}
}

func (f fidelity) run(t *testing.T) {
	u := newScripted(t)
	in, out := fidelityBridge(t, u.URL)
	var stream http.ResponseWriter
	for i, s := range f.steps {
		// A big message fills the pipe before anybody has read it.
		written := make(chan error, 1)
		go func() {
			_, err := io.WriteString(in, s.in)
			if s.end {
				_ = in.Close()
			}
			written <- err
		}()
		if s.push != "" {
			if stream == nil {
				select {
				case stream = <-u.streams:
				case <-time.After(patience):
					t.Fatal("no stream")
				}
			}
			_, _ = io.WriteString(stream, s.push)
			stream.(http.Flusher).Flush()
		}
		for n, want := range s.posts {
			select {
			case p := <-u.posts:
				at := n
				if s.beside {
					at = max(slices.Index(s.posts, p.body), 0)
					want = s.posts[at]
				}
				if p.body != want {
					t.Errorf("step %d: the server got\n  %s\nwant\n  %s", i, clip(p.body), clip(want))
				}
				a := reply{status: http.StatusAccepted}
				if at < len(s.reply) {
					a = s.reply[at]
				}
				p.reply <- a
			case <-time.After(patience):
				t.Fatalf("step %d: the server did not get %s", i, clip(want))
			}
		}
		for _, want := range s.out {
			got := fidelityLine(t, out)
			if start, ok := strings.CutSuffix(want, anything); ok && strings.HasPrefix(got, start) {
				continue
			}
			if got != want+"\n" {
				t.Errorf("step %d: the client got\n  %s\nwant\n  %s", i, clip(got), clip(want))
			}
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
	// Nothing more may come, in either direction: a ping is the next.
	if f.steps[len(f.steps)-1].end {
		return
	}
	const last = `{"jsonrpc":"2.0","id":"last","method":"last"}`
	_, _ = io.WriteString(in, last+"\n")
	select {
	case p := <-u.posts:
		if p.body != last {
			t.Errorf("the server also got %s", clip(p.body))
		}
		p.reply <- jsonReply(`{"jsonrpc":"2.0","id":"last","result":{}}`)
	case <-time.After(patience):
		t.Fatal("the bridge is stuck after this")
	}
	if got := fidelityLine(t, out); got != `{"jsonrpc":"2.0","id":"last","result":{}}`+"\n" {
		t.Errorf("the client also got %s", clip(got))
	}
}

// anything ends the expectation of a line of ours that ends in words.
const anything = "…"

func clip(s string) string {
	if len(s) > 400 {
		return fmt.Sprintf("%q … %q (%d bytes)", s[:200], s[len(s)-200:], len(s))
	}
	return fmt.Sprintf("%q", s)
}

func jsonReply(body string) reply { return reply{kind: "application/json", body: body} }
func sseReply(body string) reply  { return reply{kind: "text/event-stream", body: body} }
