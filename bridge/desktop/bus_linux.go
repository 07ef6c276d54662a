package desktop

import (
	"context"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"
)

// callLimit bounds one conversation with the session bus.
const callLimit = 3 * time.Second

// connect opens a connection of our own to the session bus: the address in the
// environment, else the bus at /run/user/UID. Nothing is started where there is
// none (godbus' usual functions run dbus-launch, which leaves a daemon behind).
// The connection closes when ctx ends, so that no call on it can hang.
func connect(ctx context.Context) (*dbus.Conn, error) {
	conn, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSession, err)
	}
	if err := conn.Auth(nil); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%w: %w", ErrNoSession, err)
	}
	if err := conn.Hello(); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%w: %w", ErrNoSession, err)
	}
	return conn, nil
}

// HasBus reports whether the session bus answers.
func HasBus(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	conn, err := connect(ctx)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// ShowsTrayIcons reports whether something shows tray icons now: a panel that
// hosts StatusNotifierItems.
func ShowsTrayIcons(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	conn, err := connect(ctx)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	const watcher = "org.kde.StatusNotifierWatcher"
	var owned bool
	if err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, watcher).Store(&owned); err != nil || !owned {
		return false
	}
	var host dbus.Variant
	err = conn.Object(watcher, "/StatusNotifierWatcher").
		CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, watcher, "IsStatusNotifierHostRegistered").Store(&host)
	shown, isBool := host.Value().(bool)
	return err != nil || !isBool || shown // some watchers are their own host and do not say so
}

// Environment is what the person's service manager (systemd --user) knows of
// the session's environment: the variables that a program needs to show
// something, such as DISPLAY. A client that starts us passes none of them on.
func Environment(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	conn, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	var value dbus.Variant
	err = conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1").
		CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, "org.freedesktop.systemd1.Manager", "Environment").Store(&value)
	if err != nil {
		return nil, fmt.Errorf("ask the service manager for its environment: %w", err)
	}
	lines, _ := value.Value().([]string)
	return sessionVariables(lines), nil
}

// OpenURI has the desktop portal open uri, which needs no DISPLAY on our side
// (org.freedesktop.portal.OpenURI). The caller has checked uri.
func OpenURI(ctx context.Context, uri string) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	conn, err := connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	var handle dbus.ObjectPath
	err = conn.Object("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop").
		CallWithContext(ctx, "org.freedesktop.portal.OpenURI.OpenURI", 0, "", uri, map[string]dbus.Variant{}).Store(&handle)
	if err != nil {
		return fmt.Errorf("ask the desktop portal to open an address: %w", err)
	}
	return nil
}
