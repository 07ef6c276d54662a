package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const (
	runDeadline = 3 * time.Minute
	// pipeDelay is how long output is awaited from what a program left behind.
	pipeDelay = 30 * time.Second
)

// Command is one run of drawbridge. The zero value of each field is the
// ordinary thing.
type Command struct {
	Args  []string
	Stdin string
	// Env is added to the environment of a person's shell.
	Env []string
	// Deadline is runDeadline when 0.
	Deadline time.Duration
}

// Result is what a run left.
type Result struct {
	Args   []string
	Stdout string
	Stderr string
	Status int
	Took   time.Duration
}

func (r Result) String() string {
	return fmt.Sprintf("drawbridge %s: status %d after %v\nstdout: %s\nstderr: %s",
		strings.Join(r.Args, " "), r.Status, r.Took.Round(time.Millisecond), r.Stdout, r.Stderr)
}

// Run runs drawbridge as a person in this world would and waits for its end.
func (r *Rig) Run(args ...string) Result {
	r.t.Helper()
	return r.RunCommand(Command{Args: args})
}

// MustRun is Run for a command that has to succeed.
func (r *Rig) MustRun(args ...string) Result {
	r.t.Helper()
	result := r.Run(args...)
	if result.Status != 0 {
		r.t.Fatal(result)
	}
	return result
}

// RunCommand runs drawbridge and waits for its end.
func (r *Rig) RunCommand(c Command) Result {
	r.t.Helper()
	result, err := r.exec(c, append(r.personEnv(), c.Env...), r.binary, c.Args...)
	if err != nil {
		r.t.Fatal(err)
	}
	return result
}

// exec runs a program of this world and keeps what it said.
func (r *Rig) exec(c Command, env []string, program string, args ...string) (Result, error) {
	deadline := c.Deadline
	if deadline == 0 {
		deadline = runDeadline
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = pipeDelay
	cmd.Dir = r.Home
	cmd.Env = env
	cmd.Stdin = strings.NewReader(c.Stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begun := time.Now()
	err := cmd.Run()
	result := Result{
		Args: args, Stdout: stdout.String(), Stderr: stderr.String(),
		Status: cmd.ProcessState.ExitCode(), Took: time.Since(begun),
	}
	name := program + " " + strings.Join(args, " ")
	r.record.add(name+" stdout", result.Stdout)
	r.record.add(name+" stderr", result.Stderr)
	if ctx.Err() != nil {
		return result, fmt.Errorf("%s: not done within %v\n%v", name, deadline, result)
	}
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		return result, fmt.Errorf("%s: %w\n%v", name, err, result)
	}
	return result, nil
}

// SignIn adds the server under a name and signs in with the person at the
// browser, and fails the test when that does not succeed.
func (r *Rig) SignIn(name, url string) Result {
	r.t.Helper()
	r.MustRun("add", name, url)
	return r.MustRun("login", name)
}
