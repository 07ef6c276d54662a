package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const answerDeadline = time.Minute

// Pipe is a drawbridge process with its MCP side in the test's own hands: what
// is sent and what comes back is seen as it is on the wire.
type Pipe struct {
	r      *Rig
	args   []string
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *syncBuffer
	err    *syncBuffer
	done   chan struct{}
	nextID int

	mu      sync.Mutex
	wait    map[string]chan Message
	strange []string // lines that are no JSON-RPC
	heard   []string // methods of the server's requests and notifications
	asked   []Message
}

// Message is a JSON-RPC message with its parts raw.
type Message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// NotYet reports whether it is the answer to a call for which drawbridge was not
// connected soon enough, and which was not sent. The first connection has ten
// seconds, one that is tried again, as after a sign-in that was needed, 900 ms: for
// the keychain, a renewal and the server. On a machine that does much else one of
// them takes longer now and then.
func (m Message) NotYet() bool {
	return strings.Contains(string(m.Error), "has not answered yet") && strings.Contains(string(m.Error), `"unreachable"`)
}

// StartPipe launches drawbridge as a client would, with env on top of what
// clients give. The test ends it.
func (r *Rig) StartPipe(env []string, args ...string) *Pipe {
	r.t.Helper()
	return r.StartPipeIn(r.Home, env, args...)
}

// StartPipeIn is StartPipe in a working folder, as of a project.
func (r *Rig) StartPipeIn(dir string, env []string, args ...string) *Pipe {
	r.t.Helper()
	p := &Pipe{
		r: r, args: args, cmd: exec.Command(r.binary, args...),
		out: &syncBuffer{}, err: &syncBuffer{}, done: make(chan struct{}), wait: map[string]chan Message{},
	}
	p.cmd.Dir = dir
	p.cmd.Env = append(append(r.bareEnv(), r.ClientEnv()...), env...)
	p.cmd.Stderr = p.err
	in, err := p.cmd.StdinPipe()
	if err != nil {
		r.t.Fatalf("start %v: %v", args, err)
	}
	p.in = in
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		r.t.Fatalf("start %v: %v", args, err)
	}
	if err := p.cmd.Start(); err != nil {
		r.t.Fatalf("start %v: %v", args, err)
	}
	go p.read(out)
	r.t.Cleanup(func() { p.Close() })
	return p
}

func (p *Pipe) read(out io.Reader) {
	defer close(p.done)
	reader := bufio.NewReader(io.TeeReader(out, p.out))
	for {
		line, err := reader.ReadString('\n')
		if line != "" {
			p.take(line)
		}
		if err != nil {
			break
		}
	}
	_ = p.cmd.Wait()
}

func (p *Pipe) take(line string) {
	var envelope struct {
		JSONRPC string `json:"jsonrpc"`
		Message
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := json.Unmarshal([]byte(line), &envelope); err != nil || envelope.JSONRPC != "2.0" {
		p.strange = append(p.strange, line)
		return
	}
	if envelope.Method != "" {
		p.heard = append(p.heard, envelope.Method)
		if envelope.ID != nil {
			p.asked = append(p.asked, envelope.Message)
		}
		return
	}
	if answer, ok := p.wait[string(envelope.ID)]; ok {
		delete(p.wait, string(envelope.ID))
		answer <- envelope.Message
	}
}

// PID is the id of the process.
func (p *Pipe) PID() int { return p.cmd.Process.Pid }

// Send writes one line as it is.
func (p *Pipe) Send(line string) {
	p.r.t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.r.t.Fatalf("send to drawbridge %v: %v\n%s", p.args, err, p.err)
	}
}

// Call sends a request and waits for the answer to it. While drawbridge says that
// the server has not answered yet it asks again, as a client is told to.
func (p *Pipe) Call(method, params string) Message {
	p.r.t.Helper()
	for until := time.Now().Add(answerDeadline); ; time.Sleep(200 * time.Millisecond) {
		m := p.callOnce(method, params)
		if !m.NotYet() || time.Now().After(until) {
			return m
		}
	}
}

func (p *Pipe) callOnce(method, params string) Message {
	p.r.t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), answerDeadline, fmt.Errorf("waited %v", answerDeadline))
	defer cancel()
	m, err := p.Ask(ctx, method, params)
	if err != nil {
		p.r.t.Fatalf("drawbridge %v: %v\n%s", p.args, err, p.err)
	}
	return m
}

// Initialize opens the MCP session.
func (p *Pipe) Initialize() Message {
	p.r.t.Helper()
	m := p.Call("initialize", `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"pipe","version":"0"}}`)
	p.Send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return m
}

// Asked waits for a request of the server by its method.
func (p *Pipe) Asked(method string) Message {
	p.r.t.Helper()
	for deadline := time.Now().Add(answerDeadline); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		p.mu.Lock()
		for _, m := range p.asked {
			if m.Method == method {
				p.mu.Unlock()
				return m
			}
		}
		p.mu.Unlock()
	}
	p.r.t.Fatalf("drawbridge %v: no %s within %v\n%s", p.args, method, answerDeadline, p.err)
	return Message{}
}

// Strange is what stdout carried that is no JSON-RPC message.
func (p *Pipe) Strange() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.strange...)
}

// Heard counts the server's requests and notifications of a method.
func (p *Pipe) Heard(method string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, heard := range p.heard {
		if heard == method {
			n++
		}
	}
	return n
}

// Close closes the process' input, waits for its end and says how it ended;
// Took is the time from one to the other. Closing again does nothing new.
func (p *Pipe) Close() Result {
	p.r.t.Helper()
	begun := time.Now()
	_ = p.in.Close()
	select {
	case <-p.done:
	case <-time.After(endDeadline):
		_ = p.cmd.Process.Kill()
		<-p.done
		p.r.t.Errorf("drawbridge %v did not end with its standard input", p.args)
	}
	result := Result{
		Args: p.args, Stdout: p.out.String(), Stderr: p.err.String(),
		Status: p.cmd.ProcessState.ExitCode(), Took: time.Since(begun),
	}
	name := "drawbridge " + strings.Join(p.args, " ")
	p.r.record.add(name+" stdout", result.Stdout)
	p.r.record.add(name+" stderr", result.Stderr)
	return result
}
