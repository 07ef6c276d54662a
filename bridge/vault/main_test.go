package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// job is what a process of a test is told to do, by way of its environment.
type job struct {
	Do       string // check, write, ask
	Paths    config.Paths
	Choice   *config.Vault
	Service  string
	Attended bool
	Within   time.Duration
	Patience time.Duration // check: with a locked keychain; 0: as ever
	// write: Names are written Rounds times each.
	Names  []string
	Rounds int
}

// longEnough is for what must happen, on the busiest machine too.
const longEnough = 2 * time.Minute

func soon(is func() bool) bool {
	for until := time.Now().Add(longEnough); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if is() {
			return true
		}
	}
	return false
}

const jobVariable = "DRAWBRIDGE_VAULT_TEST_JOB"

// report is what the process prints.
type report struct {
	Code   fault.Code
	Err    string
	Took   time.Duration
	Answer string
}

// TestMain lets the test's program play other processes of the same user.
func TestMain(m *testing.M) {
	raw := os.Getenv(jobVariable)
	if raw == "" {
		os.Exit(m.Run())
	}
	var j job
	if err := json.Unmarshal([]byte(raw), &j); err != nil {
		panic(err)
	}
	begun := time.Now()
	answer, err := j.do()
	r := report{Code: fault.CodeOf(err), Took: time.Since(begun), Answer: answer}
	if err != nil {
		r.Err = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		panic(err)
	}
}

func (j job) do() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), j.Within)
	defer cancel()
	v := Open(Config{Paths: j.Paths, Choice: j.Choice, Service: j.Service, Attended: j.Attended})
	if j.Patience != 0 {
		v.files.backend = func(config.Vault) Backend { return patientKeychain(j) }
	}
	switch j.Do {
	case "check":
		return "", v.Check(ctx)
	case "write":
		for round := range j.Rounds {
			for _, name := range j.Names {
				value := valueOf(name, round)
				if err := v.Set(ctx, name, secret.New(value)); err != nil {
					return "", fmt.Errorf("round %d: %w", round, err)
				}
				got, err := v.Get(ctx, name)
				if err != nil {
					return "", fmt.Errorf("round %d: %w", round, err)
				}
				if !strings.HasPrefix(got.Reveal(), name+" ") {
					return "", fmt.Errorf("round %d: %s holds another's value", round, name)
				}
			}
		}
		return "", nil
	case "ask":
		got, err := Terminal(ctx, "Say: ")
		if ctx.Err() != nil { // a process that goes on: what it has left behind would begin now
			time.Sleep(300 * time.Millisecond)
		}
		return got.Reveal(), err
	}
	return "", fmt.Errorf("no job %q", j.Do)
}

// valueOf is what a writer stores: it begins with the name, and its size changes
// from round to round.
func valueOf(name string, round int) string {
	return name + " " + strings.Repeat(fmt.Sprintf("%d,", round), 200*(1+round%3))
}

// process is a job in a process of its own.
type process struct {
	t   testing.TB
	cmd *exec.Cmd
	out strings.Builder
}

func begin(t testing.TB, j job) *process {
	t.Helper()
	p := prepare(t, j)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func prepare(t testing.TB, j job) *process {
	t.Helper()
	if j.Within == 0 {
		j.Within = 2 * longEnough
	}
	raw, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.CommandContext(t.Context(), os.Args[0])}
	p.cmd.Env = append(os.Environ(), jobVariable+"="+string(raw), "GORACE=atexit_sleep_ms=0")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, os.Stderr
	return p
}

func (p *process) end() report {
	p.t.Helper()
	var r report
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("process: %v: %s", err, p.out.String())
	}
	if err := json.Unmarshal([]byte(p.out.String()), &r); err != nil {
		p.t.Fatalf("process: %v: %s", err, p.out.String())
	}
	return r
}
