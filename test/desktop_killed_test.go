package test

import (
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// steady is a client that calls without a pause until it is stopped.
type steady struct {
	pipe  *harness.Pipe
	calls atomic.Int64
	stop  func()
}

func (d desk) steadyClient(t *testing.T) *steady {
	t.Helper()
	s := &steady{pipe: d.StartPipe(nil, "stdio", name)}
	s.pipe.Initialize()
	ended := make(chan struct{})
	var calling sync.WaitGroup
	calling.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(50 * time.Millisecond):
			}
			if m := echo(s.pipe); m.Error != nil {
				t.Errorf("a call was answered with %s", m.Error)
			}
			s.calls.Add(1)
		}
	})
	s.stop = sync.OnceFunc(func() { close(ended); calling.Wait() })
	t.Cleanup(s.stop)
	return s
}

// goesOn sees that calls are still answered.
func (s *steady) goesOn(t *testing.T, after string) {
	t.Helper()
	before := s.calls.Load()
	if !eventually(time.Minute, func() bool { return s.calls.Load() >= before+3 }) {
		t.Errorf("after the end of %s the other client's calls are not answered", after)
	}
}

// agents are the agents that run.
func (d desk) agents() []int {
	var pids []int
	for _, p := range d.Processes() {
		if strings.Contains(p.Command, "drawbridge agent") {
			pids = append(pids, p.PID)
		}
	}
	return pids
}

// onlyAgents sees that these are the agents that run. What one of them is about
// to start has its name, too, for a moment.
func (d desk) onlyAgents(t *testing.T, after string, want []int) {
	t.Helper()
	if !eventually(time.Minute, func() bool { return slices.Equal(d.agents(), want) }) {
		t.Errorf("agents after the end of %s: %v, want %v", after, d.agents(), want)
	}
}

// connected waits until the agent knows n clients.
func (d desk) connected(t *testing.T, n int) {
	t.Helper()
	var said string
	if !eventually(time.Minute, func() bool {
		result := d.Run("sessions")
		said = result.Stdout + result.Stderr
		return strings.Count(result.Stdout, name+"@default") == n
	}) {
		t.Errorf("the agent knows other clients than the %d that run:\n%s", n, said)
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDesktopKilled: stdio, the agent and the window are killed in turn while a
// client calls without a pause. The two that are left stay right each time: calls
// are answered, the agent forgets the dead, the window finds an agent again and
// shows what has changed.
func TestDesktopKilled(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	d := newDesk(t, 8*time.Second) // tokens are renewed all the while
	d.MustRun("add", name, d.gate.URL)
	d.MustRun("login", name)
	d.tray.Until(name + ": ada@example.com, ")
	d.tray.Click("Open Drawbridge")
	window := d.Window(title)
	d.buttons(t, 1, "killed-before") // Add server
	client := d.steadyClient(t)
	victim := d.steadyVictim(t)
	slow := d.StartPipe(nil, "stdio", name)
	slow.Initialize()
	d.connected(t, 3)

	d.during(t, slow, func() { kill(t, victim) })
	client.goesOn(t, "stdio")
	d.connected(t, 2)
	d.onlyAgents(t, "stdio", []int{d.agent.PID()})
	d.buttons(t, 1, "killed-stdio")

	d.during(t, slow, func() { kill(t, d.agent.PID()) })
	client.goesOn(t, "the agent")
	var now []int
	if !eventually(time.Minute, func() bool {
		now = d.agents()
		return len(now) == 1 && now[0] != d.agent.PID()
	}) {
		t.Fatalf("agents after the end of one: %v; the window is to start another", now)
	}
	d.connected(t, 2)
	d.tray = harness.FindTrayIcon(t, now[0])
	d.tray.Until(name + ": ada@example.com, ")
	d.MustRun("add", "another", d.gate.URL)
	d.buttons(t, 2, "killed-agent") // Add server, and Sign in of the other
	d.oneWindow(t, "after the end of the agent", window)

	d.during(t, slow, func() { kill(t, window.PID) })
	client.goesOn(t, "the window")
	if !eventually(time.Minute, func() bool {
		return !slices.ContainsFunc(d.Programs(), func(p string) bool { return p != "drawbridge" })
	}) {
		t.Errorf("the window leaves %v", d.Programs())
	}
	d.tray.Until(name + ": ada@example.com, ")
	d.onlyAgents(t, "the window", now)
	d.tray.Click("Open Drawbridge")
	d.Window(title)
	d.buttons(t, 2, "killed-window")

	client.stop()
	if client.calls.Load() < 9 {
		t.Errorf("%d calls in all", client.calls.Load())
	}
	if counts := d.provider.Counts(); counts.SignIns != 1 {
		t.Errorf("%d sign-ins, want 1", counts.SignIns)
	}
	client.pipe.Close()
	slow.Close()
	d.tray.Click("Quit")
	if !eventually(time.Minute, func() bool { return len(d.Programs()) == 0 }) {
		t.Errorf("after Quit there are still %v", d.Programs())
	}
}

// during does something while a call of a client is in flight, whose answer is
// right nevertheless.
func (d desk) during(t *testing.T, pipe *harness.Pipe, do func()) {
	t.Helper()
	const tool = "trigger-long-running-operation"
	before := d.gate.Counts().ByTool[tool]
	answer := make(chan harness.Message, 1)
	go func() {
		answer <- pipe.Call("tools/call", `{"name":"`+tool+`","arguments":{"duration":5,"steps":2}}`)
	}()
	if !eventually(time.Minute, func() bool { return d.gate.Counts().ByTool[tool] > before }) {
		t.Fatal("the call does not come to the server")
	}
	do()
	select {
	case m := <-answer:
		t.Fatalf("the call did not wait: %s %s", m.Result, m.Error)
	default:
	}
	if m := <-answer; m.Error != nil || !strings.Contains(string(m.Result), "completed") {
		t.Errorf("the call that was in flight was answered with %s %s", m.Result, m.Error)
	}
}

// steadyVictim starts another client, in the middle of whose work it is killed,
// and returns its process.
func (d desk) steadyVictim(t *testing.T) (pid int) {
	t.Helper()
	pipe := d.StartPipe(nil, "stdio", name)
	pipe.Initialize()
	if m := echo(pipe); m.Error != nil {
		t.Fatalf("a call was answered with %s", m.Error)
	}
	pipe.Send(`{"jsonrpc":"2.0","id":"last","method":"tools/call","params":{"name":"trigger-long-running-operation","arguments":{"duration":30,"steps":3}}}`)
	return pipe.PID()
}
