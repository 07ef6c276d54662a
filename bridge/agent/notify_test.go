package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
)

func (r *rig) said() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.notified)
}

func withIcon(c *Config) { c.Tray = &icon{seen: true, runs: make(chan control.Actions, 1)} }

func TestTheNotificationOfANeedSignsIn(t *testing.T) {
	r := start(t, withIcon)
	for range 3 {
		r.need(control.Named("demo"))
	}
	eventually(t, "the notification", func() bool { return len(r.said()) == 1 })
	r.choose <- struct{}{}
	r.state("demo", control.SigningIn)
	r.complete(nil)
	r.state("demo", control.SignedIn)
	if said := r.said(); len(said) != 1 || r.browsers() != 1 {
		t.Errorf("notified %q, %d browsers", said, r.browsers())
	}
}

func TestANeedThatIsOverTakesItsNotificationBack(t *testing.T) {
	r := start(t, withIcon)
	r.need(control.Named("demo"))
	eventually(t, "the notification", func() bool { return len(r.said()) == 1 })
	if _, err := r.StartSignIn(t.Context(), control.SignInRequest{Target: control.Named("demo")}); err != nil {
		t.Fatal(err)
	}
	r.complete(nil)
	r.state("demo", control.SignedIn)
	eventually(t, "it is taken back", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.silenced == 1 })
}

// A sign-in that cannot be renewed is warned of once, ahead of its end, and no
// other is.
func TestTheEndOfASignInIsToldAheadOfIt(t *testing.T) {
	p := folders(t)
	now := time.Now()
	add := func(name string, renewable bool, life, left time.Duration) {
		t.Helper()
		server := config.Server{Name: name, URL: "https://" + name + ".example/mcp"}
		if err := config.Update(t.Context(), p, func(s *config.Settings) error { return s.Add(server) }); err != nil {
			t.Fatal(err)
		}
		if err := config.MakePrivate(p.Accounts()); err != nil {
			t.Fatal(err)
		}
		writeFacts(p, credential.Facts{
			Key: credential.Key(server, config.DefaultAccount), Account: config.DefaultAccount, Server: server, State: credential.SignedIn,
			Renewable: renewable, IssuedAt: now.Add(left - life), ExpiresAt: now.Add(left),
		})
	}
	add("soon", false, 8*time.Hour, warnAhead-time.Second)
	add("last", false, 8*time.Hour, 59*time.Second)
	add("later", false, 8*time.Hour, warnAhead+time.Hour)
	add("routine", true, 8*time.Hour, 5*time.Minute)
	add("short", false, 5*time.Minute, 4*time.Minute)
	add("over", false, 8*time.Hour, -time.Minute)
	r := startIn(t, p, nil)
	want := []string{"The sign-in to last ends in a minute", "The sign-in to soon ends in 10 minutes"}
	same := func() bool { said := r.said(); slices.Sort(said); return slices.Equal(said, want) }
	eventually(t, fmt.Sprintf("%q is said", want), same)
	for _, theme := range []string{"dark", "light", "system"} { // each makes the agent look again
		if _, err := r.SetPreferences(t.Context(), control.PreferencesChange{Theme: &theme}); err != nil {
			t.Fatal(err)
		}
	}
	if !same() {
		t.Errorf("said %q, want %q", r.said(), want)
	}
}

func TestTheClicksOfTheTray(t *testing.T) {
	tray := &icon{seen: true, runs: make(chan control.Actions, 1)}
	list := &login{}
	r := start(t, func(c *Config) { c.Tray, c.Login, c.Command = tray, list, "/usr/bin/drawbridge" })
	do := <-tray.runs
	key := r.server("demo").Key

	do.SignIn(key)
	r.state("demo", control.SigningIn)
	do.CancelSignIn(key)
	r.state("demo", control.SignedOut)
	do.CancelSignIn(key) // nothing to cancel

	do.StartAtLogin(true)
	eventually(t, "it starts at login", func() bool { return r.preferences().StartAtLogin })
	do.StartAtLogin(false)
	eventually(t, "it starts no more at login", func() bool { return !r.preferences().StartAtLogin })

	if runtime.GOOS != "linux" {
		return
	}
	bin := t.TempDir()
	t.Setenv("PATH", bin) // nothing that copies
	t.Setenv("DISPLAY", ":0")
	t.Setenv("WAYLAND_DISPLAY", "")
	do.CopyEntry(key)
	eventually(t, "it is said that nothing copies", func() bool {
		return slices.Contains(r.said(), "Nothing on this computer copies to the clipboard.")
	})
	record := filepath.Join(bin, "copied")
	script := "#!/bin/sh\n/bin/cat >'" + record + ".part' && /bin/mv '" + record + ".part' '" + record + "'\n"
	if err := os.WriteFile(filepath.Join(bin, "xclip"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	do.CopyEntry(key)
	eventually(t, "the entry is copied", func() bool { _, err := os.Stat(record); return err == nil })
	raw, _ := os.ReadFile(record)
	for _, part := range []string{`"mcpServers"`, `"demo"`, `"command": "/usr/bin/drawbridge"`, `"stdio"`} {
		if !strings.Contains(string(raw), part) {
			t.Errorf("no %s in\n%s", part, raw)
		}
	}
}

// An icon that the person does not want is not shown, and shown once they do.
func TestTheTrayWaitsUntilItIsWanted(t *testing.T) {
	p := folders(t)
	if err := config.Update(t.Context(), p, func(s *config.Settings) error { s.Desktop.HideTray = true; return nil }); err != nil {
		t.Fatal(err)
	}
	tray := &icon{seen: true, runs: make(chan control.Actions, 1)}
	r := startIn(t, p, func(c *Config) { c.Tray = tray })
	r.preferences()
	select {
	case <-tray.runs:
		t.Fatal("it is shown")
	case <-time.After(100 * time.Millisecond):
	}
	if _, err := r.SetPreferences(t.Context(), control.PreferencesChange{Tray: to(true)}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-tray.runs:
	case <-time.After(patience):
		t.Fatal("it is not shown")
	}
}
