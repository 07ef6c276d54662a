package test

import (
	"image"
	"image/color"
	"regexp"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

const title = "Drawbridge"

// trayBlue is the ground of the tray's icon while all is well.
var trayBlue = color.RGBA{0x3a, 0x6b, 0xe0, 0xff}

// trayAmber is the ground of the icon's mark when a sign-in is needed.
var trayAmber = color.RGBA{0xf2, 0xb1, 0x3a, 0xff}

// button is the least that a button of the window measures.
var button = image.Pt(60, 20)

// desk is the usual world with a desktop: an agent with its tray icon runs.
type desk struct {
	*harness.Desktop
	provider *harness.Provider
	gate     *harness.Gate
	agent    *harness.Running
	tray     *harness.TrayIcon
	// notes are the notifications: none covers what the test looks at.
	notes *harness.Notifications
}

func newDesk(t *testing.T, accessTTL time.Duration) desk {
	t.Helper()
	notes := harness.TakeNotifications(t)
	d := newDeskWithout(t, accessTTL)
	d.notes = notes
	return d
}

// newDeskWithout leaves the notifications to the desktop.
func newDeskWithout(t *testing.T, accessTTL time.Duration) desk {
	t.Helper()
	d := harness.NewDesktop(t)
	provider := d.StartProvider(harness.ProviderOptions{AccessTTL: accessTTL})
	gate := d.StartGate(provider, harness.GateOptions{})
	agent := d.Start("agent")
	return desk{Desktop: d, provider: provider, gate: gate, agent: agent, tray: harness.FindTrayIcon(t, agent.PID())}
}

// trayLine is the tray's line about the server.
func (d desk) trayLine() string {
	for _, row := range d.tray.Rows() {
		if strings.HasPrefix(row.Label, name+":") {
			return row.Label
		}
	}
	return ""
}

// call has a client call a tool through `drawbridge stdio`.
func (d desk) call(t *testing.T) {
	t.Helper()
	result, err := d.RunClient(harness.Client{
		Command: []string{d.Binary(), "stdio", name},
		Calls:   []string{`echo={"message":"from the desktop"}`},
	})
	if err != nil {
		t.Fatal(err)
	}
	if failures := result.Failures(); len(failures) > 0 || len(result.Calls()) != 1 {
		t.Fatalf("failures %+v\n%v", failures, result)
	}
}

// quit clicks Quit and sees that nothing is left.
func (d desk) quit(t *testing.T) {
	t.Helper()
	d.tray.Click("Quit")
	if result, ended := d.agent.Ended(time.Minute); !ended || result.Status != 0 {
		t.Errorf("after Quit: ended %v, %v", ended, result)
	}
	if !eventually(time.Minute, func() bool { return len(d.Programs()) == 0 }) {
		t.Errorf("after Quit there are still %v", d.Programs())
	}
}

// oneWindow sees that a window is the only one: a second program of the window
// may be there for a moment, hands over to the first and goes.
func (d desk) oneWindow(t *testing.T, when string, window harness.Window) {
	t.Helper()
	if !eventually(time.Minute, func() bool {
		all := d.Windows(title)
		return len(all) == 1 && all[0].ID == window.ID && count(d.Programs(), "drawbridge-desktop") == 1
	}) {
		t.Errorf("%s: windows %+v, programs %v; want only %+v", when, d.Windows(title), d.Programs(), window)
	}
}

// buttons waits until a window shows n buttons of the accent's colour and
// returns them, the upper ones first.
func (d desk) buttons(t *testing.T, n int, picture string) []image.Rectangle {
	t.Helper()
	var found []image.Rectangle
	if !eventually(time.Minute, func() bool {
		at := d.Window(title).At
		d.Point(at.Max.Sub(image.Pt(20, 20))) // a button changes its colour under the mouse
		found = d.Look(picture).Boxes(at, harness.Accent, button)
		return len(found) == n
	}) {
		t.Fatalf("the window shows %d accented buttons, want %d: %v; see %s", len(found), n, found, d.Look(picture).Path)
	}
	return found
}

func middle(r image.Rectangle) image.Point { return r.Min.Add(r.Max).Div(2) }

// TestDesktop is a day at a desktop: a server is added, somebody signs in from
// the tray, a client works, the token is renewed, the window is opened, signs in
// and is closed, and Quit leaves nothing behind.
func TestDesktop(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	d := newDesk(t, 8*time.Second)
	d.tray.Until("No servers yet")
	d.MustRun("add", name, d.gate.URL)
	d.tray.Until(name + ": signed out")

	d.tray.Click(name, "Sign in")
	d.Seen(1)
	d.tray.Until(name + ": ada@example.com, ")
	counts := d.provider.Counts()
	if opened := d.Opened(); len(opened) != 1 || counts.SignIns != 1 {
		t.Errorf("%d browsers, %d sign-ins; want 1, 1", len(opened), counts.SignIns)
	}
	d.call(t)

	// The token expires before everybody's eyes; the next call renews it. The new
	// one lives long enough for its time to be seen, however slow the machine.
	d.tray.Until(name + ": ada@example.com, renewed when next used")
	d.provider.Order(map[string]any{"do": "ttl", "seconds": 59})
	before := d.provider.Counts().Refreshes
	d.call(t)
	if got := d.provider.Counts().Refreshes - before; got != 1 {
		t.Errorf("%d refreshes; want 1", got)
	}
	d.tray.Until(" s left")

	d.tray.Click("Open Drawbridge")
	window := d.Window(title)
	d.buttons(t, 1, "signed-in") // Add server
	d.tray.Click("Open Drawbridge")
	time.Sleep(2 * time.Second) // long enough for a window that must not come
	d.oneWindow(t, "after a second Open Drawbridge", window)

	d.tray.Click(name, "Sign out")
	d.tray.Until(name + ": signed out")
	if counts := d.provider.Counts(); counts.Revocations == 0 || counts.LiveGrants != 0 {
		t.Errorf("signed out with %d revocations, %d grants left", counts.Revocations, counts.LiveGrants)
	}

	// The page in the window works: its own Sign in button leads to a sign-in.
	d.Click(middle(d.buttons(t, 2, "signed-out")[1]), 1)
	d.Seen(2)
	d.tray.Until(name + ": ada@example.com, ")
	if counts := d.provider.Counts(); counts.SignIns != 2 || len(d.Opened()) != 2 {
		t.Errorf("%d sign-ins, %d browsers after a click in the window; want 2, 2", counts.SignIns, len(d.Opened()))
	}
	d.buttons(t, 1, "signed-in-again")

	d.CloseWindow(window)
	if !eventually(time.Minute, func() bool { return len(d.Programs()) == 1 }) {
		t.Errorf("with the window closed there are %v; want the agent alone", d.Programs())
	}
	if line := d.trayLine(); line == "" {
		t.Error("the tray lost its line with the window")
	}
	if found, places := d.Leaks(append(d.provider.Tokens(), d.gate.Tokens()...)); len(found) > 0 || places < 20 {
		t.Errorf("%d places were looked at: %v", places, found)
	}
	d.quit(t)
}

// TestDesktopQuitClosesTheWindow: a window that is open does not bring the agent
// back that the person has just quit.
func TestDesktopQuitClosesTheWindow(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	d := newDesk(t, time.Minute)
	d.tray.Click("Open Drawbridge")
	d.Window(title)
	d.buttons(t, 2, "no-servers") // the mark, and Add server
	d.quit(t)
	time.Sleep(time.Second) // long enough for an agent that must not come
	if programs := d.Programs(); len(programs) != 0 {
		t.Errorf("after Quit there are %v again", programs)
	}
}

// TestDesktopPanelRestarts: the keychain was locked and the person was asked to
// open it, then the panel goes away and comes back. The icon does too.
func TestDesktopPanelRestarts(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	d := newDesk(t, time.Minute)
	d.MustRun("add", name, d.gate.URL)
	d.tray.Until(name + ": signed out")
	d.tray.Click(name, "Sign in")
	d.Seen(1)
	d.tray.Until(name + ": ada@example.com, ")

	harness.LockKeychain(t)
	d.tray.Click(name, "Sign in again")
	prompt := d.Window("Unlock Login Keyring")
	d.Look("keyring-prompt")
	d.Focus(prompt)
	if !eventually(time.Minute, func() bool { return d.Active() == prompt.ID }) {
		t.Fatalf("the window in front is %s, want the prompt, %s", d.Active(), prompt.ID)
	}
	d.Type(harness.KeychainPassword)
	d.Press("Return")
	d.Seen(2)
	d.tray.Until(name + ": ada@example.com, ")

	d.StopPanel()
	if !eventually(time.Minute, func() bool { return d.Look("no-panel").Count(d.Panel(), trayBlue) == 0 }) {
		t.Error("the icon can be seen without a panel")
	}
	d.StartPanel()
	d.tray = harness.FindTrayIcon(t, d.agent.PID())
	d.tray.Until(name + ": ada@example.com, ")
	if !eventually(time.Minute, func() bool { return d.Look("panel-again").Count(d.Panel(), trayBlue) > 50 }) {
		t.Error("the new panel does not show the icon")
	}
	d.tray.Click(name, "Sign out")
	d.tray.Until(name + ": signed out")
	d.quit(t)
}

// TestDesktopSignInNeeded: a client without a sign-in is started in the bare
// environment while a tray can be seen. The tray asks, no browser opens by
// itself, a click on the notification signs in, and the client goes on.
func TestDesktopSignInNeeded(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	d := newDesk(t, time.Minute)
	notes := d.notes
	d.MustRun("add", name, d.gate.URL)
	d.tray.Until(name + ": signed out")
	calm := d.tray.Icon()

	pipe := d.StartPipe(nil, "stdio", name)
	if m := pipe.Initialize(); m.Error != nil {
		t.Fatalf("initialize was answered with %s", m.Error)
	}
	for range 3 {
		if m := echo(pipe); !strings.Contains(string(m.Error), "sign_in_needed") {
			t.Errorf("a call without a sign-in was answered with %s %s", m.Result, m.Error)
		}
	}
	d.tray.Until(name + " needs you to sign in")
	d.tray.Until(name + ": sign-in needed")
	if d.tray.Icon() == calm {
		t.Error("the icon is the same as before")
	}
	d.Look("sign-in-needed")
	eventually(time.Minute, func() bool { return len(notes.All()) > 0 })
	time.Sleep(2 * time.Second) // long enough for a browser, or another notification, that must not come
	if opened := d.Opened(); len(opened) != 0 {
		t.Errorf("a browser opened by itself: %q", opened)
	}
	if said := notes.All(); len(said) != 1 || !strings.Contains(said[0], name) || !strings.HasSuffix(said[0], "[Sign in]") {
		t.Errorf("notifications: %q; want one that names %s and offers to sign in", said, name)
	}

	notes.Choose(t, 1)
	d.Seen(1)
	d.tray.Until(name + ": ada@example.com, ")
	if d.tray.Icon() != calm {
		t.Error("the icon is not calm again")
	}
	if !eventually(time.Minute, func() bool { return pipe.Heard("notifications/tools/list_changed") > 0 }) {
		t.Error("the client was not told that there are tools now")
	}
	if m := echo(pipe); m.Error != nil {
		t.Errorf("a call after the sign-in was answered with %s", m.Error)
	}
	if counts := d.provider.Counts(); counts.SignIns != 1 || len(d.Opened()) != 1 || len(notes.All()) != 1 {
		t.Errorf("%d sign-ins, %d browsers, notifications %q; want one of each", counts.SignIns, len(d.Opened()), notes.All())
	}
	pipe.Close()
	d.quit(t)
}

// TestDesktopDemo: `drawbridge demo` with a display. The person signs in in
// their own browser, the window opens on the same demo, and the demo ends well
// when the window is closed. It leaves neither processes nor keychain entries.
func TestDesktopDemo(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	d := harness.NewDesktop(t)
	demo := d.Start("demo", "--token-lifetime", "6s")
	window := d.Window(title)
	d.Seen(1)
	if !eventually(2*time.Minute, func() bool {
		result, ended := demo.Ended(0)
		if ended {
			t.Fatalf("it ended by itself: %v", result)
		}
		return strings.Contains(result.Stdout, "All of it worked")
	}) {
		result, _ := demo.Ended(0)
		t.Fatalf("no end of the transcript: %v", result)
	}
	if opened := d.Opened(); len(opened) != 1 {
		t.Errorf("%d browsers opened", len(opened))
	}
	d.Look("demo")
	d.CloseWindow(window)
	result, ended := demo.Ended(time.Minute)
	if !ended || result.Status != 0 {
		t.Errorf("with the window closed: ended %v, %v", ended, result)
	}
	for _, want := range []string{"Your browser is open", "Signed in as ada@example.com", `1 sign-in, \d refresh, 0 refused`} {
		if !regexp.MustCompile(want).MatchString(result.Stdout) {
			t.Errorf("the transcript does not say %q", want)
		}
	}
	if result.Stderr != "" {
		t.Errorf("it complained: %s", result.Stderr)
	}
	t.Logf("%s", result.Stdout)
	if !eventually(time.Minute, func() bool { return len(d.Programs()) == 0 }) {
		t.Errorf("the demo left %v", d.Programs())
	}
	if n := harness.KeychainItems(t, "drawbridge-demo"); n != 0 {
		t.Errorf("the demo left %d keychain entries", n)
	}
}

// TestDesktopByHand: the tray's menu is opened with the mouse and used with the
// keyboard, as is the window. docs/screenshots/tray.png is cut out of a picture
// that it leaves.
func TestDesktopByHand(t *testing.T) {
	if !harness.InDesktop(t) {
		return
	}
	d := newDesk(t, 45*time.Second)
	ended := d.StartProvider(harness.ProviderOptions{})
	wiki := d.StartGate(ended, harness.GateOptions{})
	d.MustRun("add", "issues", d.gate.URL)
	d.SignIn("wiki", wiki.URL)
	d.MustRun("add", "builds", "https://builds.example.com/mcp")
	ended.Order(map[string]any{"do": "revoke"})
	wiki.Order(map[string]any{"do": "deny", "times": 1})
	pipe := d.StartPipe(nil, "stdio", "wiki")
	pipe.Initialize()
	echo(pipe)
	d.tray.Until("wiki: sign-in needed")
	d.MustRun("login", "issues")
	d.tray.Until("issues: ada@example.com, ")

	d.Background("#b4c2d8")
	d.openMenu(t, trayAmber, "tray")
	// pointed waits until what is pointed at, in the menu and in one beside it, begins left of x.
	pointed := func(x int) int {
		t.Helper()
		var entries []image.Rectangle
		if !eventually(time.Minute, func() bool {
			entries = d.Look("tray-menu").Boxes(d.Screen().Bounds(), menuBlue, image.Pt(100, 10))
			return len(entries) == 1 && entries[0].Min.X < x
		}) {
			t.Fatalf("%v are pointed at, want one that begins left of %d; see %s", entries, x, d.Look("tray-menu").Path)
		}
		return entries[0].Min.X
	}
	d.Press("Down")
	issues := pointed(d.Screen().Bounds().Dx())
	d.Press("Right") // into the submenu of issues
	pointed(issues)
	d.Press("Left", "Up", "Up", "Return") // from the first entry round to Open Drawbridge
	window := d.Window(title)
	d.PlaceWindow(window, image.Rect(140, 50, 1140, 770))
	d.buttons(t, 3, "window") // Add server, and Sign in of wiki and builds
	d.LookAt(window, "servers")
	d.Press("Tab", "Tab", "Return") // View token of issues
	d.buttons(t, 0, "token-view")
	time.Sleep(500 * time.Millisecond) // for the check of the signature
	d.LookAt(window, "token")
	d.CloseWindow(window)
	pipe.Close()
	d.quit(t)
}

func count(all []string, one string) int {
	n := 0
	for _, each := range all {
		if each == one {
			n++
		}
	}
	return n
}
