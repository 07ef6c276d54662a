package tour

import (
	"context"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"

	"drawbridge/bridge/fault"
)

// waitForKeychain returns when a default collection is there.
func waitForKeychain(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, keychainStart)
	defer cancel()
	conn, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("start keychain: %w", err)
	}
	defer func() { _ = conn.Close() }()
	service := conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets")
	for {
		var collection dbus.ObjectPath
		var owned bool
		err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, "org.freedesktop.secrets").Store(&owned)
		if err == nil && owned { // asking sooner would make the bus start another one
			err = service.CallWithContext(ctx, "org.freedesktop.Secret.Service.ReadAlias", 0, "default").Store(&collection)
			if err == nil && collection != "/" && collection != "" {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.NoKeychain, "The demo's private keychain did not start in time.", "Try again.")
		case <-time.After(30 * time.Millisecond):
		}
	}
}
