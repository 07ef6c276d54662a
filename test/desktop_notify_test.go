package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestDesktopNotification: with the notification service of a real desktop, a
// sign-in that is needed is told once, on the screen, and a click of the mouse on
// the notification's button signs in. So it is with a sign-in that ends soon and
// cannot be renewed.
func TestDesktopNotification(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	harness.NeedNotifyd(t)
	d := newDeskWithout(t, 2*time.Hour)
	notes := d.WatchNotifications()
	d.MustRun("add", name, d.gate.URL)
	d.tray.Until(name + ": signed out")

	pipe := d.StartPipe(nil, "stdio", name)
	pipe.Initialize()
	for range 3 {
		if m := echo(pipe); !strings.Contains(string(m.Error), "sign_in_needed") {
			t.Errorf("a call without a sign-in was answered with %s %s", m.Result, m.Error)
		}
	}
	if !eventually(time.Minute, func() bool { return len(notes.Said()) > 0 }) {
		t.Fatal("nothing was said")
	}
	notes.ClickButton("notification")
	d.Seen(1)
	d.tray.Until(name + ": ada@example.com, ")
	if m := echo(pipe); m.Error != nil {
		t.Errorf("a call after the sign-in was answered with %s", m.Error)
	}
	if said := notes.Said(); len(said) != 1 || !strings.HasPrefix(said[0], "Sign in to "+name) || !strings.HasSuffix(said[0], "[Sign in]") {
		t.Errorf("notifications: %q; want one that names %s and offers to sign in", said, name)
	}
	eventually(time.Minute, func() bool { return len(notes.Invoked()) > 0 })
	if invoked := notes.Invoked(); len(invoked) != 1 || invoked[0] != "default" {
		t.Errorf("the service says that %q were taken; want the button's", invoked)
	}
	if !eventually(time.Minute, func() bool { return len(notes.Shown()) == 0 }) {
		t.Errorf("after the sign-in there are still %d notifications", len(notes.Shown()))
	}

	d.endsSoon(t, 9*time.Minute+30*time.Second)
	if !eventually(time.Minute, func() bool { return len(notes.Said()) > 1 }) {
		t.Fatal("the end of the sign-in was not told")
	}
	notes.ClickButton("notification-end")
	d.Seen(2)
	d.tray.Until(name + ": ada@example.com, ")
	said := notes.Said()
	if len(said) != 2 || !strings.HasPrefix(said[1], "The sign-in to "+name+" ends in 10 minutes: It cannot be renewed") {
		t.Errorf("notifications: %q; want the end of the sign-in as the second", said)
	}
	if counts := d.provider.Counts(); counts.SignIns != 2 || len(d.Opened()) != 2 {
		t.Errorf("%d sign-ins, %d browsers; want 2, 2", counts.SignIns, len(d.Opened()))
	}
	pipe.Close()
	d.quit(t)
}

// endsSoon writes into the facts of the only account that its token ends soon and
// that there is no other, as a sign-in without a refresh token would some hours
// after it.
func (d desk) endsSoon(t *testing.T, left time.Duration) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(os.Getenv("XDG_STATE_HOME"), "drawbridge", "accounts", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("facts: %q, %v", files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var facts map[string]any
	if err := json.Unmarshal(raw, &facts); err != nil {
		t.Fatal(err)
	}
	delete(facts, "renewable")
	facts["issuedAt"] = time.Now().Add(left - 8*time.Hour).UTC()
	facts["expiresAt"] = time.Now().Add(left).UTC()
	if raw, err = json.Marshal(facts); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0]+".new", raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(files[0]+".new", files[0]); err != nil {
		t.Fatal(err)
	}
}
