package agent

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

// demoProgram makes a program that says what drawbridge-demo -serve says, ends
// with its standard input and writes down how it was started and that it ended.
func demoProgram(t *testing.T, says string) (program, record string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a shell script stands for the demo")
	}
	dir := t.TempDir()
	program, record = filepath.Join(dir, "drawbridge-demo"), filepath.Join(dir, "record")
	script := "#!/bin/sh\necho \"$@\" >>'" + record + "'\necho '" + says + "'\ncat >/dev/null\necho ended >>'" + record + "'\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return program, record
}

func snapshotOf(t *testing.T, r *rig) control.Snapshot {
	t.Helper()
	s, err := r.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func recorded(record string) []string {
	raw, _ := os.ReadFile(record)
	return strings.Split(strings.TrimSpace(string(raw)), "\n")
}

func TestTheDemoIsAddedSignedInToAndEndsWithTheAgent(t *testing.T) {
	const address = "http://127.0.0.1:4100/mcp"
	program, record := demoProgram(t, `{"url":"`+address+`"}`)
	p := folders(t)
	r := startIn(t, p, func(c *Config) { c.Demo = program })
	if !snapshotOf(t, r).Demo {
		t.Error("the snapshot does not say that there is a demo")
	}
	first, err := r.TryDemo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.TryDemo(t.Context())
	if err != nil || again.ID != first.ID {
		t.Errorf("a second attempt: %+v, %v, want the sign-in that is under way", again, err)
	}
	settings, err := config.Load(p)
	if err != nil || len(settings.Servers) != 1 || settings.Servers[0].Name != "demo" || settings.Servers[0].URL != address {
		t.Fatalf("servers %+v, %v", settings.Servers, err)
	}
	if got := recorded(record); len(got) != 1 {
		t.Errorf("the demo was started %d times: %q", len(got), got)
	}
	if err := errors.Join(r.Stop(t.Context()), r.end()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the demo ends with the agent", func() bool { return slices.Contains(recorded(record), "ended") })

	// The next agent has it listen where the settings say that it is.
	r = startIn(t, p, func(c *Config) { c.Demo = program })
	if _, err := r.TryDemo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := recorded(record); !strings.HasSuffix(got[len(got)-1], "-addr 127.0.0.1:4100") {
		t.Errorf("started again with %q", got[len(got)-1])
	}
}

// One that said nothing usable, and took its time to end, is not the one that runs.
func TestTheEndOfAnEarlierDemoIsNotThatOfTheNext(t *testing.T) {
	program, record := demoProgram(t, "")
	first, end := record+"-first", record+"-end"
	script := "#!/bin/sh\necho started >>'" + record + "'\nif [ -e '" + first + "' ]; then\n" +
		"echo '{\"url\":\"http://127.0.0.1:4100/mcp\"}'\ncat >/dev/null\nexit\nfi\n" +
		"touch '" + first + "'\necho nonsense\nuntil [ -e '" + end + "' ]; do sleep 0.02; done\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	var log lines
	r := startIn(t, folders(t), func(c *Config) { c.Demo, c.Log = program, slog.New(slog.NewTextHandler(&log, nil)) })
	if _, err := r.TryDemo(t.Context()); !fault.Is(err, fault.Internal) {
		t.Fatalf("the first: %v", err)
	}
	if _, err := r.TryDemo(t.Context()); err != nil {
		t.Fatalf("the next: %v", err)
	}
	if err := os.WriteFile(end, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first has ended", func() bool { return log.has("the demo ended") })
	if _, err := r.TryDemo(t.Context()); err != nil || len(recorded(record)) != 2 {
		t.Errorf("once more: %v; started: %q", err, recorded(record))
	}
}

// lines is a log that may be read meanwhile.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) has(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.all.String(), what)
}

func TestTheDemoTakesNobodysPlace(t *testing.T) {
	program, _ := demoProgram(t, `{"url":"http://127.0.0.1:4100/mcp"}`)
	r := start(t, func(c *Config) { c.Demo = program }) // has a server of that name
	if _, err := r.TryDemo(t.Context()); !fault.Is(err, fault.ServerExists) {
		t.Errorf("got %v, want %s", err, fault.ServerExists)
	}
}

func TestADemoThatIsMissingOrSaysNothingUsable(t *testing.T) {
	r := startIn(t, folders(t), nil)
	if _, err := r.TryDemo(t.Context()); !fault.Is(err, fault.Unsupported) {
		t.Errorf("without one: %v, want %s", err, fault.Unsupported)
	}
	for _, says := range []string{"usage: demo", `{"url":"http://elsewhere.example/mcp"}`, `{"url":"file:///etc/passwd"}`} {
		program, record := demoProgram(t, says)
		r := startIn(t, folders(t), func(c *Config) { c.Demo = program })
		if _, err := r.TryDemo(t.Context()); !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", says, err)
		}
		if servers := snapshotOf(t, r).Servers; len(servers) != 0 {
			t.Errorf("%s: servers %+v", says, servers)
		}
		eventually(t, "it is ended", func() bool { return slices.Contains(recorded(record), "ended") })
	}
}
