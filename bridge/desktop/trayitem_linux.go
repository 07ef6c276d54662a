package desktop

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	trayWatcher = "org.kde.StatusNotifierWatcher"
	trayPath    = dbus.ObjectPath("/StatusNotifierWatcher")
	trayItem    = "org.kde.StatusNotifierItem"
)

// Pauses between two attempts to register: short at first, as a panel that has
// just come up answers within the second, and long for one that never will.
const (
	firstPause = 50 * time.Millisecond
	mostPause  = 10 * time.Second
)

// mostRegistered is how often one panel is told, that takes the item each time
// and never lists it.
const mostRegistered = 8

// KeepTrayItem keeps the StatusNotifierItem that this process exports at path,
// on godbus' shared connection to the session bus, registered with the panel
// there is, until ctx ends. A panel forgets its items when it restarts, and
// takes none while it starts. It watches on a connection of its own: on the
// shared one any signal arrives, whoever asked for it.
//
// An item that does not answer yet is not registered: the panel would draw
// nothing and not ask again.
func KeepTrayItem(ctx context.Context, path string, log *slog.Logger) {
	pause := firstPause
	for ctx.Err() == nil {
		k := &keeper{path: dbus.ObjectPath(path), log: log}
		if err := k.watch(ctx); err != nil {
			log.Debug("watching for a panel", "error", err)
		}
		if !wait(ctx, pause) {
			return
		}
		pause = min(2*pause, mostPause)
	}
}

// keeper is one connection's worth of watching.
type keeper struct {
	path dbus.ObjectPath
	log  *slog.Logger
	conn *dbus.Conn
	// registered counts what the present panel took without listing it.
	registered int
}

// watch registers now and after each change, until ctx or the connection ends.
func (k *keeper) watch(ctx context.Context) error {
	conn, err := connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	k.conn = conn
	changes := make(chan *dbus.Signal, 16)
	conn.Signal(changes)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchInterface("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, trayWatcher)},
		// A panel may drop an item that it finds slow; and a watcher may be up before its host.
		{dbus.WithMatchInterface(trayWatcher), dbus.WithMatchMember("StatusNotifierItemUnregistered")},
		{dbus.WithMatchInterface(trayWatcher), dbus.WithMatchMember("StatusNotifierHostRegistered")},
	} {
		if err := conn.AddMatchSignalContext(ctx, match...); err != nil {
			return err
		}
	}
	pause := firstPause
	for {
		var again <-chan time.Time
		if !k.settled(ctx) {
			again = time.After(pause)
			pause = min(2*pause, mostPause)
		}
		select {
		case s, ok := <-changes:
			if !ok {
				return dbus.ErrClosed
			}
			if s.Name == "org.freedesktop.DBus.NameOwnerChanged" {
				k.registered = 0
			}
			pause = firstPause
		case <-again:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settled registers the item where that is needed and possible, and reports
// whether nothing is left to be done until something changes.
func (k *keeper) settled(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	var owned bool
	if err := k.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, trayWatcher).Store(&owned); err != nil {
		return false
	}
	if !owned {
		return true // a panel that comes up says so
	}
	shared, err := dbus.SessionBus()
	if err != nil || len(shared.Names()) == 0 {
		return false
	}
	name := shared.Names()[0]
	if _, err := k.property(ctx, name, k.path, trayItem, "Id"); err != nil {
		return false
	}
	if k.lists(ctx, shared.Names()) {
		return true
	}
	if k.registered >= mostRegistered {
		return true
	}
	// The panel takes who calls for the owner of the item, so the call goes over
	// the item's own connection.
	err = shared.Object(trayWatcher, trayPath).CallWithContext(ctx, trayWatcher+".RegisterStatusNotifierItem", dbus.FlagNoAutoStart, string(k.path)).Err
	if err != nil {
		k.log.Debug("the panel does not take the icon yet", "error", err)
		return false
	}
	k.registered++
	return false // until it lists it
}

// lists reports whether the panel knows an item of a connection with one of
// these names.
func (k *keeper) lists(ctx context.Context, names []string) bool {
	v, err := k.property(ctx, trayWatcher, trayPath, trayWatcher, "RegisteredStatusNotifierItems")
	if err != nil {
		return false
	}
	items, _ := v.Value().([]string)
	for _, item := range items {
		owner, _, _ := strings.Cut(item, "/")
		for _, name := range names {
			if owner == name {
				return true
			}
		}
	}
	return false
}

func (k *keeper) property(ctx context.Context, dest string, path dbus.ObjectPath, iface, name string) (dbus.Variant, error) {
	var v dbus.Variant
	err := k.conn.Object(dest, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, iface, name).Store(&v)
	return v, err
}

// wait sleeps; it is false when ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
