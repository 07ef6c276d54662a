package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/godbus/dbus/v5"
)

// valueLimit: Secret Services take large values (100 KiB measured at 14 ms);
// the bound keeps one odd value from slowing every other one down.
const valueLimit = 64 << 10

const noKeychainRemedy = "Start a Secret Service (gnome-keyring, KWallet or KeePassXC) in your session; over SSH: dbus-run-session, then gnome-keyring-daemon --unlock."

const (
	serviceName = "org.freedesktop.secrets"
	servicePath = dbus.ObjectPath("/org/freedesktop/secrets")
)

// haveBus is false where godbus would run dbus-launch, which leaves a stray
// dbus-daemon behind. Clients start us without DBUS_SESSION_BUS_ADDRESS, so the
// well-known place counts.
func haveBus() bool {
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	_, err := os.Stat("/run/user/" + strconv.Itoa(os.Getuid()) + "/bus")
	return err == nil
}

// ready returns nil when the keychain is unlocked. When it is locked the person
// is asked, until ctx ends; then the prompt is taken back.
//
// This happens on a private connection before go-keyring is called: go-keyring
// waits for ever on the prompt, and the prompt's signals on the connection that
// it shares with the tray make the tray miss a restart of the panel.
func ready(ctx context.Context) error {
	if !haveBus() {
		return errNoBus
	}
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("%w: %w", errNoBus, err)
	}
	defer func() { _ = conn.Close() }()

	service := conn.Object(serviceName, servicePath)
	collection, err := defaultCollection(ctx, service)
	if err != nil {
		return err
	}
	var locked dbus.Variant
	err = conn.Object(serviceName, collection).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
		"org.freedesktop.Secret.Collection", "Locked").Store(&locked)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoService, err)
	}
	if is, _ := locked.Value().(bool); !is {
		return nil
	}
	return unlock(ctx, conn, service, collection)
}

// defaultCollection finds the collection that go-keyring will use.
func defaultCollection(ctx context.Context, service dbus.BusObject) (dbus.ObjectPath, error) {
	var collection dbus.ObjectPath
	err := service.CallWithContext(ctx, "org.freedesktop.Secret.Service.ReadAlias", 0, "default").Store(&collection)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoService, err)
	}
	var all dbus.Variant
	err = service.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
		"org.freedesktop.Secret.Service", "Collections").Store(&all)
	if err == nil {
		paths, _ := all.Value().([]dbus.ObjectPath)
		for _, p := range paths {
			if p == servicePath+"/collection/login" {
				collection = p
			}
		}
	}
	if collection == "" || collection == "/" {
		return "", fmt.Errorf("%w: it has no default collection", errNoService)
	}
	return collection, nil
}

func unlock(ctx context.Context, conn *dbus.Conn, service dbus.BusObject, collection dbus.ObjectPath) error {
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := service.CallWithContext(ctx, "org.freedesktop.Secret.Service.Unlock", 0, []dbus.ObjectPath{collection}).Store(&unlocked, &prompt)
	if err != nil {
		return fmt.Errorf("%w: %w", errLocked, err)
	}
	if prompt == "/" {
		return nil
	}
	if err := conn.AddMatchSignalContext(ctx, dbus.WithMatchObjectPath(prompt), dbus.WithMatchMember("Completed")); err != nil {
		return fmt.Errorf("%w: %w", errLocked, err)
	}
	signals := make(chan *dbus.Signal, 4)
	conn.Signal(signals)
	asked := conn.Object(serviceName, prompt)
	if err := asked.CallWithContext(ctx, "org.freedesktop.Secret.Prompt.Prompt", 0, "").Err; err != nil {
		return fmt.Errorf("%w: %w", errLocked, err)
	}
	for {
		select {
		case s := <-signals:
			switch {
			case s == nil:
				return fmt.Errorf("%w: the bus closed the connection", errLocked)
			case s.Path != prompt || len(s.Body) != 2:
				continue
			}
			if dismissed, _ := s.Body[0].(bool); dismissed {
				return fmt.Errorf("%w: %w", errLocked, errors.New("the prompt was dismissed"))
			}
			return nil
		case <-ctx.Done():
			asked.Go("org.freedesktop.Secret.Prompt.Dismiss", dbus.FlagNoReplyExpected, nil)
			return fmt.Errorf("%w: %w", errLocked, ctx.Err())
		}
	}
}
