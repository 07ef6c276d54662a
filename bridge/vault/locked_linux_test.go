package vault

import (
	"context"
	"errors"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
	"drawbridge/test/sessions"
)

// within runs the test that calls it in a session of its own, whose keychain can
// be locked without disturbing others. It reports whether this is that session.
func within(t *testing.T, script string, env ...string) bool {
	t.Helper()
	needSession(t)
	t.Parallel()
	return sessions.Within(t, script, env...)
}

// lockKeychain locks the session's keychain, as a screen saver may.
func lockKeychain(t *testing.T) {
	t.Helper()
	s, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var done []dbus.ObjectPath
	var prompt dbus.ObjectPath
	if err := s.service.Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{s.collection}).Store(&done, &prompt); err != nil {
		t.Fatal(err)
	}
	if locked, err := s.locked(t.Context()); err != nil || !locked {
		t.Fatalf("not locked: %v", err)
	}
}

// unlockKeychain does what a login does, by the call that it makes; the password
// is that of lib.sh.
func unlockKeychain(t *testing.T) {
	t.Helper()
	s, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var ignore dbus.Variant
	var session dbus.ObjectPath
	if err := s.service.Call("org.freedesktop.Secret.Service.OpenSession", 0, "plain", dbus.MakeVariant("")).Store(&ignore, &session); err != nil {
		t.Fatal(err)
	}
	password := struct {
		Session           dbus.ObjectPath
		Parameters, Value []byte
		Type              string
	}{session, nil, []byte("drawbridge"), "text/plain"}
	err = s.service.Call("org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface.UnlockWithMasterPassword", 0, s.collection, password).Err
	if err != nil {
		t.Fatal(err)
	}
	if locked, err := s.locked(t.Context()); err != nil || locked {
		t.Fatalf("still locked: %v", err)
	}
}

// prompts counts how often the person is asked, by listening on the bus.
type prompts struct {
	t     *testing.T
	n     atomic.Int32
	conn  *dbus.Conn
	marks chan struct{} // for each mark that has come by
}

func countPrompts(t *testing.T) *prompts {
	t.Helper()
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	other, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	err = conn.BusObject().Call("org.freedesktop.DBus.Monitoring.BecomeMonitor", 0, []string{
		"type='method_call',interface='org.freedesktop.Secret.Prompt',member='Prompt'", "type='signal',interface='drawbridge.test'",
	}, uint32(0)).Err
	if err != nil {
		t.Fatal(err)
	}
	p := &prompts{t: t, conn: other, marks: make(chan struct{}, 8)}
	seen := make(chan *dbus.Message, 1024)
	conn.Eavesdrop(seen)
	go func() { // ends with the connection
		for m := range seen {
			switch in, _ := m.Headers[dbus.FieldInterface].Value().(string); {
			case m.Type == dbus.TypeMethodCall:
				p.n.Add(1)
			case m.Type == dbus.TypeSignal && in == "drawbridge.test":
				p.marks <- struct{}{}
			}
		}
	}()
	return p
}

// since is how many there were since the last call. The bus keeps the order: what
// was sent before the mark has come when that has.
func (p *prompts) since() int {
	p.t.Helper()
	if err := p.conn.Emit("/mark", "drawbridge.test.Mark"); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.marks:
	case <-time.After(longEnough):
		p.t.Fatal("the bus does not show what is sent over it")
	}
	return int(p.n.Swap(0))
}

// patientKeychain is a keychain whose callers wait as long as j says.
func patientKeychain(j job) *keychain {
	k := &keychain{service: j.Service, gate: newGate(j.Paths.Locks(), j.Attended)}
	k.gate.patience = j.Patience
	return k
}

func lockedJob(t *testing.T, attended bool) job {
	p, _ := keyPaths(t)
	return job{Do: "check", Paths: p, Choice: &config.Vault{Kind: config.KeychainVault}, Service: "drawbridge-locked", Attended: attended}
}

// five processes at once.
func five(t *testing.T, j job) []*process {
	var all []*process
	for range 5 {
		all = append(all, begin(t, j))
	}
	return all
}

// Nobody can be asked where there is no display. Calls wait a little, for a login
// that may be under way, and then say what to do.
func TestLockedWithoutDisplay(t *testing.T) {
	if !within(t, "keyring-session.sh") {
		return
	}
	ctx := t.Context()
	j := lockedJob(t, true)
	v := Open(Config{Paths: j.Paths, Choice: j.Choice, Service: j.Service, Attended: true})
	if err := v.Set(ctx, "a/tokens", secret.New("kept")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(openFor)
	lockKeychain(t)
	asked := countPrompts(t)

	if st, err := v.Status(ctx, nil); err != nil || !st.Locked || !st.Reachable || st.Entries != 1 || asked.since() != 0 {
		t.Errorf("Status = %+v, %v; or it asked", st, err)
	}
	_, getErr := v.Get(ctx, "a/tokens")
	for op, err := range map[string]error{"Get": getErr, "Set": v.Set(ctx, "a/tokens", secret.New("new"))} {
		if !fault.Is(err, fault.KeychainLocked) || fault.CodeOf(err).ExitStatus() != 12 || fault.Public(err).Next == "" {
			t.Errorf("%s = %v", op, err)
		}
	}
	if n := asked.since(); n != 2 {
		t.Errorf("a person's two commands asked %d times", n)
	}

	background := lockedJob(t, false)
	for _, p := range five(t, background) {
		if r := p.end(); r.Code != fault.KeychainLocked || r.Took > 4*lockedPatience { // one after the other takes longer
			t.Errorf("one of five: %+v", r)
		}
	}

	if n := asked.since(); n != 1 {
		t.Errorf("five processes asked %d times", n)
	}
	for _, p := range five(t, background) {
		if r := p.end(); r.Code != fault.KeychainLocked || r.Took > 4*lockedPatience {
			t.Errorf("one of five, after nobody answered: %+v", r)
		}
	}
	if n := asked.since(); n != 0 {
		t.Errorf("asked %d times after nobody answered", n)
	}

	// A login while a call waits.
	background.Patience = longEnough
	waiting := begin(t, background)
	time.Sleep(time.Second) // it waits by now, or else finds it unlocked
	unlockKeychain(t)
	if r := waiting.end(); r.Err != "" || r.Took >= longEnough {
		t.Errorf("unlocked while waiting: %+v", r)
	}
	if got, err := v.Get(ctx, "a/tokens"); err != nil || got.Reveal() != "kept" {
		t.Errorf("after it all: %v", err)
	}

	// Locked right after it was seen unlocked.
	k := patientKeychain(job{Paths: j.Paths, Service: j.Service, Attended: true, Patience: 100 * time.Millisecond})
	if err := k.Set(ctx, "b", "x"); err != nil {
		t.Fatal(err)
	}
	lockKeychain(t)
	k.gate.open = time.Now() // however long that took
	if _, err := k.Get(ctx, "b"); !fault.Is(err, fault.KeychainLocked) {
		t.Errorf("locked a moment ago: %v", err)
	}
}

// With a display one prompt serves five processes, whatever becomes of it.
func TestLockedWithDisplay(t *testing.T) {
	if !within(t, "desktop-session.sh", "DRAWBRIDGE_SESSION_TRAY=0") {
		return
	}
	const title = "Unlock Login Keyring"
	j := lockedJob(t, false)
	asked := countPrompts(t)

	t.Run("answered", func(t *testing.T) {
		lockKeychain(t)
		all := five(t, j)
		answer(t, title, "drawbridge", "Return")
		for _, p := range all {
			if r := p.end(); r.Err != "" {
				t.Errorf("%+v", r)
			}
		}
		if n := asked.since(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
	t.Run("dismissed", func(t *testing.T) {
		lockKeychain(t)
		all := five(t, j)
		answer(t, title, "", "Escape")
		for _, p := range all {
			if r := p.end(); r.Code != fault.KeychainLocked {
				t.Errorf("%+v", r)
			}
		}
		if n := asked.since(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		// Left in peace, until a person wants something.
		if r := begin(t, j).end(); r.Code != fault.KeychainLocked || asked.since() != 0 {
			t.Errorf("asked again at once: %+v", r)
		}
		mine := j
		mine.Attended = true
		p := begin(t, mine)
		answer(t, title, "drawbridge", "Return")
		if r := p.end(); r.Err != "" || asked.since() != 1 {
			t.Errorf("a person's own command: %+v", r)
		}
	})
	t.Run("caller gives up", func(t *testing.T) {
		lockKeychain(t)
		g := newGate(j.Paths.Locks(), true)
		short, cancel := context.WithCancel(t.Context())
		defer cancel()
		first := make(chan error, 1)
		go func() { first <- g.look(short) }()
		if !soon(func() bool { return visible(t, title) }) {
			t.Fatal("nobody was asked")
		}
		cancel()
		begun := time.Now()
		if err := <-first; !errors.Is(err, errLocked) || time.Since(begun) > unlockLimit/2 {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		done := make(chan error, 1)
		go func() { done <- g.look(t.Context()) }() // joins the prompt that is there
		answer(t, title, "drawbridge", "Return")
		if err := <-done; err != nil || asked.since() != 1 {
			t.Errorf("the next caller: %v", err)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		lockKeychain(t)
		g := newGate(j.Paths.Locks(), true)
		g.limit = 2 * time.Second
		begun := time.Now()
		if err := g.look(t.Context()); !errors.Is(err, errLocked) || time.Since(begun) > unlockLimit/2 {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		if !soon(func() bool { return !visible(t, title) }) {
			t.Error("the prompt stays on the screen")
		}
		asked.since()
	})
	t.Run("unlocked in another way", func(t *testing.T) {
		mine := j
		mine.Attended = true
		p := begin(t, mine)
		if !soon(func() bool { return visible(t, title) }) {
			t.Fatal("nobody was asked")
		}
		unlockKeychain(t)
		if r := p.end(); r.Err != "" {
			t.Errorf("%+v", r)
		}
		if !soon(func() bool { return !visible(t, title) }) {
			t.Error("the prompt stays on the screen")
		}
	})
}

func visible(t *testing.T, title string) bool {
	out, _ := exec.CommandContext(t.Context(), "xdotool", "search", "--onlyvisible", "--name", "^"+title+"$").Output()
	return len(out) > 0
}

// answer waits for the prompt, types, presses a key, and waits until it is gone.
// It begins anew, as a person does, when the prompt has not had the keyboard yet.
func answer(t *testing.T, title, text, key string) {
	t.Helper()
	if !soon(func() bool { return visible(t, title) }) {
		t.Fatal("nobody was asked")
	}
	gone := func() bool { return !visible(t, title) }
	for range 10 {
		time.Sleep(500 * time.Millisecond) // it takes the keyboard
		for _, args := range [][]string{{"key", "ctrl+a"}, {"type", "--delay", "20", text}, {"key", key}} {
			if out, err := exec.CommandContext(t.Context(), "xdotool", args...).CombinedOutput(); err != nil {
				t.Fatalf("xdotool: %v: %s", err, out)
			}
		}
		for until := time.Now().Add(5 * time.Second); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
			if gone() {
				return
			}
		}
	}
	t.Fatal("the prompt stays on the screen")
}
