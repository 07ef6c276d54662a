//go:build linux

package tray

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/control"
	"drawbridge/test/harness"
)

// TestMain plays a process with a tray: it draws the snapshots that come on its
// stdin and prints the clicks. The library allows one tray in a process.
func TestMain(m *testing.M) {
	if dir := os.Getenv("DRAWBRIDGE_TEST_AGENT"); dir != "" {
		agentMain(dir)
		return
	}
	if os.Getenv("DRAWBRIDGE_TEST_TRAY") != "" {
		trayMain()
		return
	}
	os.Exit(m.Run())
}

func trayMain() {
	ctx, cancel := context.WithCancel(context.Background())
	var feed control.Feed
	in := json.NewDecoder(os.Stdin)
	next := func() bool {
		var s control.Snapshot
		if in.Decode(&s) != nil {
			return false
		}
		feed.Publish(s)
		return true
	}
	next()
	go func() {
		defer cancel() // the test has closed our stdin
		for next() {
		}
	}()
	t := New(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	err := t.Run(ctx, &feed, printer{cancel})
	fmt.Println("ended", err)
}

type printer struct{ quit func() }

func (p printer) SignIn(key string)       { fmt.Println("sign in", key) }
func (p printer) SignOut(key string)      { fmt.Println("sign out", key) }
func (p printer) CancelSignIn(key string) { fmt.Println("cancel", key) }
func (p printer) CopyEntry(key string)    { fmt.Println("copy", key) }
func (p printer) StartAtLogin(yes bool)   { fmt.Println("at login", yes) }
func (p printer) SignOutEverywhere()      { fmt.Println("sign out everywhere") }
func (p printer) Open()                   { fmt.Println("open") }
func (p printer) Quit()                   { p.quit() }

// child is such a process.
type child struct {
	t     *testing.T
	pid   int
	stdin io.WriteCloser
	lines chan string
}

func play(t *testing.T, env ...string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	races := filepath.Join(t.TempDir(), "race")
	cmd.Env = append(append(os.Environ(), env...), "DRAWBRIDGE_TEST_TRAY=1", "GORACE=exitcode=0 log_path="+races)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, pid: cmd.Process.Pid, stdin: stdin, lines: make(chan string, 64)}
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		killer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		defer killer.Stop()
		for range c.lines {
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the process with the tray: %v", err)
		}
		reports, _ := filepath.Glob(races + ".*")
		for _, path := range reports {
			if report, _ := os.ReadFile(path); !theirs(string(report)) {
				t.Errorf("%s", report)
			}
		}
	})
	return c
}

// theirs reports whether no race in a report is between accesses of ours. The
// library counts the menu's versions without a lock, and godbus sends a property
// while the library sets it.
func theirs(report string) bool {
	lines := strings.Split(report, "\n")
	for i, line := range lines {
		if !strings.Contains(line, " at 0x") || !strings.HasSuffix(line, ":") {
			continue
		}
		for _, frame := range lines[i+1:] {
			frame = strings.TrimSpace(frame)
			if strings.HasPrefix(frame, "drawbridge/") {
				return false
			}
			if frame == "" || strings.HasPrefix(frame, "fyne.io/systray.") || strings.HasPrefix(frame, "github.com/godbus/dbus/v5.") {
				break // it is their access; who called them does not matter
			}
		}
	}
	return true
}

func (c *child) show(servers ...control.Server) {
	c.t.Helper()
	c.shows(control.Snapshot{Servers: servers})
}

func (c *child) shows(s control.Snapshot) {
	c.t.Helper()
	if err := json.NewEncoder(c.stdin).Encode(s); err != nil {
		c.t.Fatal(err)
	}
}

func (c *child) says(want string) {
	c.t.Helper()
	select {
	case got, ok := <-c.lines:
		if got != want || !ok {
			c.t.Errorf("it says %q, want %q", got, want)
		}
	case <-time.After(time.Minute):
		c.t.Fatalf("it does not say %q", want)
	}
}

func session(t *testing.T) {
	t.Helper()
	if os.Getenv("DRAWBRIDGE_E2E") == "" {
		t.Skip("needs a desktop with a panel: DRAWBRIDGE_E2E=1 test/sessions/desktop-session.sh go test ./bridge/tray")
	}
}

func server(name string, state control.State, left time.Duration) control.Server {
	s := control.Server{Key: name + "@default", Name: name, State: state, Named: true}
	if state == control.SignedIn {
		expires := time.Now().Add(left)
		s.Identity.Email, s.ExpiresAt = "ada_l@example.com", &expires
	}
	return s
}

func TestMenu(t *testing.T) {
	session(t)
	c := play(t)
	c.show(server("demo", control.SignedIn, 15*time.Minute+3*time.Second), server("other_one", control.SignedOut, 0))
	d := harness.FindTrayIcon(t, c.pid)
	menu := func(left string) string {
		return strings.ReplaceAll(`(All is well)
demo: ada_l@example.com, LEFT left
  Sign in again
  Sign out
  Copy client entry
other_one: signed out
  Sign in
  (Sign out)
  Copy client entry
Open Drawbridge
Quit
`, "LEFT", left)
	}
	left := 0
	whole := func(text string) bool { // it is that, with so many minutes left
		_, rest, _ := strings.Cut(text, "com, ")
		n, _ := fmt.Sscanf(rest, "%d min left", &left)
		return n == 1 && text == menu(fmt.Sprint(left, " min"))
	}
	d.UntilIt("is\n"+menu("15 min"), whole)
	first := left
	ids := fmt.Sprint(d.Rows()[1].ID)
	d.UntilIt("counts down by itself", func(text string) bool { return whole(text) && left < first })
	if got := fmt.Sprint(d.Rows()[1].ID); got != ids {
		t.Error("the menu was built anew")
	}
	d.Click("demo", "Sign out")
	c.says("sign out demo@default")
	d.Click("other_one", "Sign in")
	c.says("sign in other_one@default")
	d.Click("demo", "Copy client entry")
	c.says("copy demo@default")
	d.Click("Open Drawbridge")
	c.says("open")
	d.Click("Quit")
	c.says("ended <nil>")
}

func TestIconFollowsTheState(t *testing.T) {
	session(t)
	c := play(t)
	c.show()
	d := harness.FindTrayIcon(t, c.pid)
	d.Until("No servers yet")
	seen := map[[32]byte]control.State{}
	for _, state := range []control.State{control.SignedIn, control.SigningIn, control.SignInNeeded, control.Trouble} {
		s := server("demo", state, time.Hour)
		c.show(s)
		words, _ := describe(s, time.Now())
		d.Until("demo: " + words)
		icon := d.Icon()
		if other, twice := seen[icon]; twice {
			t.Errorf("%s and %s have the same icon", state, other)
		}
		seen[icon] = state
	}
	c.show(server("demo", control.SignedIn, time.Hour))
	d.Until("com, 59 min left")
	if seen[d.Icon()] != control.SignedIn {
		t.Error("the icon is not the one of before")
	}
}

func TestServersComeAndGo(t *testing.T) {
	session(t)
	c := play(t)
	var many []control.Server
	for i := range slots + 3 {
		many = append(many, server(fmt.Sprintf("s%02d", i), control.SignedOut, 0))
	}
	c.show(many...)
	d := harness.FindTrayIcon(t, c.pid)
	d.Until("s12: signed out") // it is drawn last
	rows := d.Rows()
	if last := rows[len(rows)-3]; last.Label != "More servers" || len(last.Rows) != 3 || last.Rows[2].Label != "s12: signed out" {
		t.Errorf("under More servers: %+v", last)
	}
	d.Click("More servers", "s12", "Sign in")
	c.says("sign in s12@default")
	c.show(many[1]) // the first one's place is now the second's
	d.UntilIt("has s01 alone", func(text string) bool {
		return strings.Contains(text, "Nobody is signed in") && strings.Contains(text, "s01") &&
			!strings.Contains(text, "More") && strings.Count(text, "signed out") == 1
	})
	d.Click("s01", "Sign in")
	c.says("sign in s01@default")
	c.show(many...)
	d.Until("More servers")
}

func TestASignInCanBeCancelled(t *testing.T) {
	session(t)
	c := play(t)
	c.show(server("demo", control.SigningIn, 0))
	d := harness.FindTrayIcon(t, c.pid)
	d.Until("(Signing in to demo: go on in your browser)\ndemo: signing in\n  Open the sign-in page again\n  Cancel the sign-in\n")
	d.Click("demo", "Cancel the sign-in")
	c.says("cancel demo@default")
	c.show(server("demo", control.SignedOut, 0))
	d.Until("Nobody is signed in")
	d.UntilWithout("Cancel")
}

func TestStartAtLoginIsABoxToTick(t *testing.T) {
	session(t)
	c := play(t)
	wish := control.Preferences{Tray: true, CanStartAtLogin: true}
	c.shows(control.Snapshot{Preferences: &wish})
	d := harness.FindTrayIcon(t, c.pid)
	d.Until("[ ] Start at login\n")
	d.Click("Start at login")
	c.says("at login true")
	wish.StartAtLogin = true
	c.shows(control.Snapshot{Preferences: &wish})
	d.Until("[x] Start at login\n")
	d.Click("Start at login")
	c.says("at login false")
	wish.StartAtLogin, wish.CanStartAtLogin = false, false
	c.shows(control.Snapshot{Preferences: &wish})
	d.UntilWithout("Start at login")
}

// The icon goes, and comes back as the state has become meanwhile.
func TestTheIconIsHiddenAndShownAgain(t *testing.T) {
	session(t)
	c := play(t)
	wish := control.Preferences{Tray: true}
	show := func(state control.State) {
		t.Helper()
		c.shows(control.Snapshot{Preferences: &wish, Servers: []control.Server{server("demo", state, time.Hour)}})
	}
	show(control.SignedIn)
	d := harness.FindTrayIcon(t, c.pid)
	d.StatusIs("Active")
	calm := d.Icon()
	wish.Tray = false
	show(control.SignedIn)
	d.StatusIs("Passive")
	show(control.SignInNeeded)
	d.Until("demo needs you to sign in")
	wish.Tray = true
	show(control.SignInNeeded)
	d.StatusIs("Active")
	if d.Icon() == calm {
		t.Error("the icon is the one of before")
	}
}

func TestReasonIsShown(t *testing.T) {
	session(t)
	c := play(t)
	s := server("demo", control.Trouble, 0)
	s.Problem = &control.Problem{What: "as.example does not answer."}
	c.show(s)
	d := harness.FindTrayIcon(t, c.pid)
	d.Until("  (as.example does not answer.)")
	c.show(server("demo", control.SignedIn, time.Hour))
	d.Until("All is well")
	d.UntilWithout("as.example")
}

func TestSigningOutEverywhere(t *testing.T) {
	session(t)
	c := play(t)
	var many []control.Server
	for i := range mostLost + 2 {
		s := server(fmt.Sprintf("s%02d", i), control.SignedIn, time.Hour)
		s.Kept = true
		many = append(many, s)
	}
	c.show(many[:2]...)
	d := harness.FindTrayIcon(t, c.pid)
	d.Until("Sign out everywhere\n  (s00: ada_l@example.com)\n  (s01: ada_l@example.com)\n  Sign out of all 2\nOpen Drawbridge")
	c.show(many...)
	d.Until("  (s09: ada_l@example.com)\n  (and 2 more)\n  Sign out of all 12\n")
	d.Click("Sign out everywhere", "Sign out of all 12")
	c.says("sign out everywhere")
	c.show(server("s00", control.SignedOut, 0))
	d.Until("Nobody is signed in")
	d.UntilWithout("everywhere")
}

func TestWithoutABusThereIsNoTray(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, address := range []string{"unix:path=/nonexistent", "autolaunch:"} {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
		if address == "autolaunch:" {
			if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())); err == nil {
				continue // it would be found
			}
		}
		tray := New(slog.New(slog.DiscardHandler))
		if err := tray.Run(ctx, &control.Feed{}, printer{}); !errors.Is(err, ErrNoTray) {
			t.Errorf("%s: Run = %v", address, err)
		}
		if tray.Visible(ctx) {
			t.Errorf("%s: it says that it is visible", address)
		}
	}
}
