package test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
	if !eventually(20*time.Second, func() bool { return s.calls.Load() >= before+3 }) {
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

// connected waits until the agent knows n clients.
func (d desk) connected(t *testing.T, n int) {
	t.Helper()
	var said string
	if !eventually(30*time.Second, func() bool {
		result := d.Run("sessions")
		said = result.Stdout + result.Stderr
		return strings.Count(result.Stdout, name+"@default") == n
	}) {
		t.Errorf("the agent knows other clients than the %d that run:\n%s", n, said)
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
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
	d := newDesk(t, 4*time.Second) // tokens are renewed all the while
	d.MustRun("add", name, d.gate.URL)
	d.MustRun("login", name)
	d.tray.Until(name + ": ada@example.com, ")
	d.tray.Click("Open Drawbridge")
	window := d.Window(title)
	d.buttons(t, 1, "killed-before") // Add server
	client := d.steadyClient(t)
	victim := d.steadyVictim(t)
	d.connected(t, 2)

	kill(t, victim)
	client.goesOn(t, "stdio")
	d.connected(t, 1)
	if agents := d.agents(); !slices.Equal(agents, []int{d.agent.PID()}) {
		t.Errorf("agents after the end of stdio: %v, want %d", agents, d.agent.PID())
	}
	d.buttons(t, 1, "killed-stdio")

	kill(t, d.agent.PID())
	client.goesOn(t, "the agent")
	var now []int
	if !eventually(20*time.Second, func() bool {
		now = d.agents()
		return len(now) == 1 && now[0] != d.agent.PID()
	}) {
		t.Fatalf("agents after the end of one: %v; the window is to start another", now)
	}
	d.connected(t, 1)
	d.tray = harness.FindTrayIcon(t, now[0])
	d.tray.Until(name + ": ada@example.com, ")
	d.MustRun("add", "another", d.gate.URL)
	d.buttons(t, 2, "killed-agent") // Add server, and Sign in of the other
	if again := d.Windows(title); len(again) != 1 || again[0].ID != window.ID {
		t.Errorf("windows after the end of the agent: %+v, want %+v", again, window)
	}

	kill(t, window.PID)
	client.goesOn(t, "the window")
	if !eventually(20*time.Second, func() bool {
		return !slices.ContainsFunc(d.Programs(), func(p string) bool { return p != "drawbridge" })
	}) {
		t.Errorf("the window leaves %v", d.Programs())
	}
	d.tray.Until(name + ": ada@example.com, ")
	if agents := d.agents(); !slices.Equal(agents, now) {
		t.Errorf("agents after the end of the window: %v, want %v", agents, now)
	}
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
	d.tray.Click("Quit")
	if !eventually(10*time.Second, func() bool { return len(d.Programs()) == 0 }) {
		t.Errorf("after Quit there are still %v", d.Programs())
	}
}

// steadyVictim starts another client, in the middle of whose work it is killed,
// and returns its process.
func (d desk) steadyVictim(t *testing.T) (pid int) {
	t.Helper()
	before := d.Pids("drawbridge")
	pipe := d.StartPipe(nil, "stdio", name)
	pipe.Initialize()
	if m := echo(pipe); m.Error != nil {
		t.Fatalf("a call was answered with %s", m.Error)
	}
	pipe.Send(`{"jsonrpc":"2.0","id":"last","method":"tools/call","params":{"name":"trigger-long-running-operation","arguments":{"duration":30,"steps":3}}}`)
	for _, pid := range d.Pids("drawbridge") {
		if !slices.Contains(before, pid) {
			return pid
		}
	}
	t.Fatal("the client has no process")
	return 0
}
