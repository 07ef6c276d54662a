package test

import (
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestAgentSignsInForItsClients: five clients launch `drawbridge stdio` for a
// server that nobody has signed in to, and no agent runs. One agent comes up,
// one browser opens, and the sign-in outlives the client that was first; all
// others work without being started again.
func TestAgentSignsInForItsClients(t *testing.T) {
	t.Parallel()
	p := start(t, lasting)
	var pipes []*harness.Pipe
	for range 5 {
		pipes = append(pipes, p.StartPipe(p.BrowserEnv(), "stdio", "--url", p.gate.URL))
	}
	for _, pipe := range pipes {
		if m := pipe.Initialize(); m.Error != nil {
			t.Fatalf("initialize was answered with %s", m.Error)
		}
	}
	for _, pipe := range pipes {
		if m := echo(pipe); m.Error == nil {
			t.Log("a person was quicker than the call")
		} else if text := string(m.Error); !strings.Contains(text, "sign_in_needed") {
			t.Errorf("the error does not say that a sign-in is needed: %s", text)
		}
	}
	if !eventually(patience, func() bool { return len(p.Opened()) > 0 }) {
		t.Fatal("no browser was opened")
	}
	pipes[0].Close() // its client gives up; the sign-in is the agent's

	p.Seen(1)
	for i, pipe := range pipes[1:] {
		if !eventually(patience, func() bool { return echo(pipe).Error == nil }) {
			t.Errorf("client %d: calls still fail after the sign-in: %s", i+1, echo(pipe).Error)
		}
	}
	counts := p.provider.Counts()
	if opened := p.Opened(); len(opened) != 1 || counts.SignIns != 1 || counts.Registrations != 1 || counts.Reuses != 0 {
		t.Errorf("browser opened %d times, %d sign-ins, %d registrations, %d reuses; want 1, 1, 1, 0",
			len(opened), counts.SignIns, counts.Registrations, counts.Reuses)
	}
	agents := 0
	for _, process := range p.Processes() {
		if strings.Contains(process.Command, " agent ") {
			agents++
		}
	}
	if agents != 1 {
		t.Errorf("%d agents run, want 1", agents)
	}
	p.MustRun("agent", "stop")
}

// TestAgentAsksOnlyOnce: the person closes the page. Clients that come later
// are told what to do, and no browser opens by itself again.
func TestAgentAsksOnlyOnce(t *testing.T) {
	t.Parallel()
	p := start(t, lasting)
	p.SetPerson(harness.Denies)
	first := p.StartPipe(p.BrowserEnv(), "stdio", "--url", p.gate.URL)
	first.Initialize()
	p.Seen(1)
	first.Close()
	second := p.StartPipe(p.BrowserEnv(), "stdio", "--url", p.gate.URL)
	second.Initialize()
	if m := echo(second); m.Error == nil {
		t.Errorf("a call without a sign-in was answered with %s", m.Result)
	}
	time.Sleep(2 * time.Second) // long enough for a browser that must not come
	if opened := p.Opened(); len(opened) != 1 {
		t.Errorf("browsers were opened %d times after a refusal", len(opened))
	}
	p.MustRun("agent", "stop")
}
