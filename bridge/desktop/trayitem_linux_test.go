package desktop

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// panel plays the watcher of tray icons.
type panel struct {
	mu     sync.Mutex
	conn   *dbus.Conn
	refuse int  // so many calls fail
	ignore int  // so many are taken and forgotten
	mute   bool // the list stays empty
	calls  int
	items  []string
}

func startPanel(t *testing.T, p *panel) *panel {
	t.Helper()
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	p.conn = conn
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.ExportMethodTable(map[string]any{"RegisterStatusNotifierItem": p.register}, trayPath, trayWatcher); err != nil {
		t.Fatal(err)
	}
	stand(t, conn, trayWatcher, trayPath, "org.freedesktop.DBus.Properties", map[string]any{
		"Get": func(string, string) (dbus.Variant, *dbus.Error) { return dbus.MakeVariant(p.list()), nil },
	})
	return p
}

func (p *panel) register(service string, from dbus.Sender) *dbus.Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	switch {
	case p.refuse > 0:
		p.refuse--
		return dbus.MakeFailedError(errors.New("not yet"))
	case p.ignore > 0:
		p.ignore--
	default:
		p.items = append(p.items, string(from)+service)
	}
	return nil
}

func (p *panel) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mute {
		return []string{}
	}
	return append([]string{}, p.items...)
}

func (p *panel) called() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// drop forgets the items and says so, as a panel does with one that was slow.
func (p *panel) drop(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	dropped := p.items
	p.items = nil
	p.mu.Unlock()
	for _, item := range dropped {
		if err := p.conn.Emit(trayPath, trayWatcher+".StatusNotifierItemUnregistered", item); err != nil {
			t.Fatal(err)
		}
	}
}

const testItem = "/StatusNotifierItem"

// showItem exports an item on the shared connection, as the library does.
func showItem(t *testing.T) (name string) {
	t.Helper()
	shared, err := dbus.SessionBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shared.Close() })
	get := func(string, string) (dbus.Variant, *dbus.Error) { return dbus.MakeVariant("drawbridge"), nil }
	if err := shared.ExportMethodTable(map[string]any{"Get": get}, testItem, "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
	return shared.Names()[0]
}

func keepItem(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var kept sync.WaitGroup
	kept.Go(func() { KeepTrayItem(ctx, testItem, slog.New(slog.DiscardHandler)) })
	t.Cleanup(func() { cancel(); kept.Wait() })
}

func (p *panel) has(t *testing.T, name string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !slices.Equal(p.list(), []string{name + testItem}); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the panel has %q after %d calls, want %s%s", p.list(), p.called(), name, testItem)
		}
	}
}

func TestTrayItemOutlivesPanels(t *testing.T) {
	bus(t)
	name := showItem(t)
	first := startPanel(t, &panel{})
	keepItem(t)
	first.has(t, name)
	for _, p := range []*panel{{refuse: 3}, {ignore: 2}, {}} {
		_ = first.conn.Close() // the panel dies
		first = startPanel(t, p)
		p.has(t, name)
	}
	first.drop(t)
	first.has(t, name)
}

// What the library does not survive: a signal on its connection that is no
// change of a name's owner.
func TestTrayItemIsKeptWhateverSignalsCome(t *testing.T) {
	conn := bus(t)
	name := showItem(t)
	shared, err := dbus.SessionBus()
	if err != nil {
		t.Fatal(err)
	}
	if err := shared.AddMatchSignal(dbus.WithMatchInterface("org.example.Other")); err != nil {
		t.Fatal(err)
	}
	first := startPanel(t, &panel{})
	keepItem(t)
	first.has(t, name)
	for range 50 {
		if err := conn.Emit("/x", "org.example.Other.Completed", true); err != nil {
			t.Fatal(err)
		}
	}
	_ = first.conn.Close()
	startPanel(t, &panel{}).has(t, name)
}

func TestTrayItemIsRegisteredOnlyOnceItAnswers(t *testing.T) {
	bus(t)
	shared, err := dbus.SessionBus() // nothing exported yet
	if err != nil {
		t.Fatal(err)
	}
	p := startPanel(t, &panel{})
	keepItem(t)
	time.Sleep(5 * firstPause)
	if n := p.called(); n != 0 {
		t.Errorf("%d registrations of an item that is not there", n)
	}
	if name := showItem(t); name != shared.Names()[0] {
		t.Fatal("the test exports elsewhere")
	}
	p.has(t, shared.Names()[0])
}

func TestAPanelThatListsNothingIsNotToldForEver(t *testing.T) {
	bus(t)
	showItem(t)
	p := startPanel(t, &panel{mute: true})
	k := &keeper{path: testItem, log: slog.New(slog.DiscardHandler)}
	conn, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	k.conn = conn
	for range 3 * mostRegistered {
		k.settled(t.Context())
	}
	if n := p.called(); n != mostRegistered {
		t.Errorf("%d registrations, want %d", n, mostRegistered)
	}
}
