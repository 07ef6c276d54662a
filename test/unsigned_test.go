package test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestSignInFromAClient: a client launches `drawbridge stdio --url` for a server
// that nobody has signed in to. The browser opens once, and when the person has
// signed in the same process works.
func TestSignInFromAClient(t *testing.T) {
	t.Parallel()
	p := start(t, lasting)
	pipe := p.StartPipe(p.BrowserEnv(), "stdio", "--no-agent", "--url", p.gate.URL)
	if m := pipe.Initialize(); m.Error != nil {
		t.Fatalf("initialize was answered with %s", m.Error)
	}
	if first := echo(pipe); first.Error == nil {
		t.Logf("the first call waited for the person: %s", first.Result)
	} else if text := string(first.Error); !strings.Contains(strings.ToLower(text), "sign in") {
		t.Errorf("the error does not say what to do: %s", text)
	}
	p.Seen(1)
	if !eventually(patience, func() bool { return echo(pipe).Error == nil }) {
		t.Errorf("calls still fail after the sign-in: %s", echo(pipe).Error)
	}
	counts := p.provider.Counts()
	if opened := p.Opened(); len(opened) != 1 || counts.SignIns != 1 || counts.Registrations != 1 {
		t.Errorf("browser opened %d times, %d sign-ins, %d registrations; want one of each",
			len(opened), counts.SignIns, counts.Registrations)
	}
}

// TestSignedOutClient: nobody is at the browser. Every call is answered all the
// same, long before a sign-in would be given up after ten minutes, with an error
// that says what to do, and no second browser opens for the same need.
func TestSignedOutClient(t *testing.T) {
	t.Parallel()
	p := start(t, lasting)
	p.SetPerson(harness.Absent)
	pipe := p.StartPipe(p.BrowserEnv(), "stdio", "--no-agent", "--url", p.gate.URL)
	pipe.Initialize()
	for range 3 {
		m := echo(pipe)
		var failure struct{ Message string }
		if err := json.Unmarshal(m.Error, &failure); err != nil || failure.Message == "" {
			t.Fatalf("a call without a sign-in was answered with %s %s", m.Result, m.Error)
		}
	}
	time.Sleep(time.Second)
	if opened := p.Opened(); len(opened) > 1 {
		t.Errorf("a browser was opened %d times for one need", len(opened))
	}
}

func echo(p *harness.Pipe) harness.Message {
	return p.Call("tools/call", `{"name":"echo","arguments":{"message":"hello"}}`)
}

// eventually waits for what has to happen, and looks once more at the end.
func eventually(within time.Duration, ok func() bool) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); {
		if ok() {
			return true
		}
		time.Sleep(200 * time.Millisecond)
	}
	return ok()
}
