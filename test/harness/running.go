package harness

import (
	"os"
	"os/exec"
	"strings"
	"time"
)

// Running is a drawbridge command that runs until it is told to end.
type Running struct {
	r        *Rig
	cmd      *exec.Cmd
	out, err *syncBuffer
	done     chan struct{}
	begun    time.Time
}

// Start starts drawbridge as a person in this world would and does not wait for
// it. The test ends it.
func (r *Rig) Start(args ...string) *Running {
	r.t.Helper()
	return r.StartCommand(Command{Args: args})
}

// StartCommand is Start with more in the environment.
func (r *Rig) StartCommand(c Command) *Running {
	r.t.Helper()
	args := c.Args
	p := &Running{
		r: r, cmd: exec.Command(r.binary, args...),
		out: &syncBuffer{}, err: &syncBuffer{}, done: make(chan struct{}), begun: time.Now(),
	}
	p.cmd.Dir = r.Home
	p.cmd.Env = append(r.personEnv(), c.Env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.err
	p.cmd.WaitDelay = pipeDelay
	if err := p.cmd.Start(); err != nil {
		r.t.Fatalf("start %v: %v", args, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
	}()
	r.t.Cleanup(func() {
		_ = p.cmd.Process.Signal(os.Interrupt)
		if _, ended := p.Ended(endDeadline); !ended {
			_ = p.cmd.Process.Kill()
			<-p.done
			r.t.Errorf("drawbridge %v did not end when it was interrupted", args)
		}
		name := "drawbridge " + strings.Join(args, " ")
		r.record.add(name+" stdout", p.out.String())
		r.record.add(name+" stderr", p.err.String())
	})
	return p
}

// PID is the id of the process.
func (p *Running) PID() int { return p.cmd.Process.Pid }

// Ended waits for the end of the process and says how it ended.
func (p *Running) Ended(within time.Duration) (Result, bool) {
	result := func() Result {
		return Result{Args: p.cmd.Args[1:], Stdout: p.out.String(), Stderr: p.err.String(), Took: time.Since(p.begun)}
	}
	select {
	case <-p.done:
		r := result()
		r.Status = p.cmd.ProcessState.ExitCode()
		return r, true
	case <-time.After(within):
		return result(), false
	}
}
