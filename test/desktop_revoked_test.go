package test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestDesktopGrantRevoked: four clients share a grant that is revoked at the
// provider while a tray can be seen. The dead grant is tried once and not again,
// nothing opens by itself, the person is told once, and after one sign-in all
// four work again.
func TestDesktopGrantRevoked(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	const clients = 4
	d := newDesk(t, 10*time.Second)
	notes := d.notes
	d.MustRun("add", name, d.gate.URL)
	d.tray.Until(name + ": signed out")
	d.tray.Click(name, "Sign in")
	d.Seen(1)
	d.tray.Until(name + ": ada@example.com, ")

	pipes := make([]*harness.Pipe, clients)
	for i := range pipes {
		pipes[i] = d.StartPipe(nil, "stdio", name)
		pipes[i].Initialize()
	}
	// each has all clients call at once, until want of their calls ended well.
	each := func(want int) bool {
		return eventually(time.Minute, func() bool {
			answers := make([]harness.Message, clients)
			var all sync.WaitGroup
			for i, pipe := range pipes {
				all.Go(func() { answers[i] = echo(pipe) })
			}
			all.Wait()
			well := 0
			for _, m := range answers {
				if m.Error == nil {
					well++
				} else if !strings.Contains(string(m.Error), "sign_in_needed") {
					t.Errorf("a call was answered with %s", m.Error)
				}
			}
			return well == want
		})
	}
	if !each(clients) {
		t.Fatal("not all four clients work")
	}

	d.provider.Order(map[string]any{"do": "revoke"})
	if !each(0) {
		t.Fatal("the clients go on without a grant")
	}
	d.tray.Until(name + " needs you to sign in")
	eventually(time.Minute, func() bool { return len(notes.All()) > 0 })
	for range 3 { // they ask on, and are told the same
		if !each(0) {
			t.Fatal("a client works without a grant")
		}
		time.Sleep(time.Second)
	}
	if opened := d.Opened(); len(opened) != 1 {
		t.Errorf("%d browsers opened, want the first sign-in's alone", len(opened))
	}
	if said := notes.All(); len(said) != 1 || !strings.Contains(said[0], name) {
		t.Errorf("notifications: %q; want one that names %s", said, name)
	}
	dead := map[string]int{}
	for _, r := range d.provider.Counts().RefreshLog {
		if r.Outcome == "invalid_grant" {
			dead[r.Token]++
		}
	}
	if len(dead) != 1 {
		t.Errorf("%d dead refresh tokens were sent, want 1", len(dead))
	}
	for _, n := range dead {
		if n != 1 {
			t.Errorf("the dead grant was sent %d times, want once", n)
		}
	}

	d.tray.Click(name, "Sign in")
	d.Seen(2)
	d.tray.Until(name + ": ada@example.com, ")
	if !each(clients) {
		t.Error("not all four clients work again")
	}
	if c := d.provider.Counts(); c.SignIns != 2 || c.Registrations != 1 || c.Reuses != 0 || len(d.Opened()) != 2 || len(notes.All()) != 1 {
		t.Errorf("%d sign-ins, %d registrations, %d reuses, %d browsers, notifications %q; want 2, 1, 0, 2 and one",
			c.SignIns, c.Registrations, c.Reuses, len(d.Opened()), notes.All())
	}
	for _, pipe := range pipes {
		pipe.Close()
	}
	d.quit(t)
}
