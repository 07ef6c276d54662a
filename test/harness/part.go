package harness

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// The limits of what has to happen. They are long: a machine that does much else
// holds a process for seconds, and who waits for what happens loses nothing.
const (
	// startDeadline is for a part's first line, which a program that plays a client
	// or a person prints at its end.
	startDeadline = 3 * time.Minute
	endDeadline   = 30 * time.Second
	askDeadline   = time.Minute
)

// Secret is a string that must not be seen outside the keychain.
type Secret struct {
	// Kind is the OAuth name: access_token, refresh_token, code_verifier …
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// part is a program of the rig that prints one line when it is ready and ends
// when its standard input does.
type part struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	said *syncBuffer // what it wrote to stderr
	done chan struct{}
}

// startPart starts the program and reads its first line. The test ends it.
func startPart(t testing.TB, name string, env []string, argv ...string) (*part, string) {
	t.Helper()
	p := &part{name: name, cmd: exec.Command(argv[0], argv[1:]...), said: &syncBuffer{}, done: make(chan struct{})}
	p.cmd.Env = env
	p.cmd.Stderr = p.said
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	p.in = in
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	t.Cleanup(func() { p.end(t) })

	lines := make(chan string, 1)
	go func() {
		defer close(p.done)
		reader := bufio.NewReader(out)
		line, err := reader.ReadString('\n')
		if err == nil {
			lines <- line
		}
		close(lines)
		_, _ = io.Copy(io.Discard, reader)
		_ = p.cmd.Wait()
	}()
	select {
	case line, ok := <-lines:
		if !ok {
			<-p.done
			t.Fatalf("%s ended at its start (%v):\n%s", name, p.cmd.ProcessState, p.said)
		}
		return p, line
	case <-time.After(startDeadline):
		t.Fatalf("%s was not ready within %v:\n%s", name, startDeadline, p.said)
	}
	return nil, ""
}

// end closes the part's input and waits for it; one that does not end is killed.
func (p *part) end(t testing.TB) {
	_ = p.in.Close()
	select {
	case <-p.done:
		return
	case <-time.After(endDeadline):
	}
	_ = p.cmd.Process.Kill()
	<-p.done
	t.Errorf("%s did not end with its standard input", p.name)
}

// startNode starts one of the Node parts and decodes its ready line into facts.
func startNode(t testing.TB, facts any, name string, args ...string) *part {
	t.Helper()
	p, line := startPart(t, name, nil, append([]string{node(), script(name)}, args...)...)
	if err := json.Unmarshal([]byte(line), facts); err != nil {
		t.Fatalf("%s said %q: %v", name, line, err)
	}
	return p
}

// backdoor asks and orders a part over its own paths, next to its real work.
type backdoor struct {
	t    testing.TB
	base string
}

func (b backdoor) ask(method, path string, body, answer any) {
	b.t.Helper()
	if err := b.try(method, path, body, answer); err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
}

func (b backdoor) try(method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(context.Background(), askDeadline)
	defer cancel()
	target, err := url.JoinPath(b.base, path)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status + ": " + string(text))
	}
	return json.Unmarshal(text, answer)
}

// Order tells the part to break something on purpose; see node/lib/faults.mjs,
// node/provider.mjs and node/gate.mjs for the orders.
func (b backdoor) Order(order map[string]any) {
	b.t.Helper()
	b.ask(http.MethodPost, "/__control", order, &map[string]any{})
}

// Tokens is every secret string that the part has given out or was shown.
func (b backdoor) Tokens() []Secret {
	b.t.Helper()
	var secrets []Secret
	b.ask(http.MethodGet, "/__tokens", nil, &secrets)
	return secrets
}

// syncBuffer is a bytes.Buffer that a process may write while a test reads.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

var _ fmt.Stringer = (*syncBuffer)(nil)
