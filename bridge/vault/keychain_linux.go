package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/godbus/dbus/v5"
)

// valueLimit: Secret Services take large values (100 KiB measured at 14 ms);
// the bound keeps one odd value from slowing every other one down.
const valueLimit = 64 << 10

const noKeychainRemedy = "Start a Secret Service (gnome-keyring, KWallet or KeePassXC) in your session; over SSH: dbus-run-session, then gnome-keyring-daemon --unlock. " +
	"Without one, in an encrypted file: drawbridge vault move --to file"

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

// secretService is a connection of our own to the Secret Service: go-keyring
// waits for ever on a prompt, and the prompt's signals on the connection that it
// shares with the tray make the tray miss a restart of the panel.
type secretService struct {
	conn       *dbus.Conn
	service    dbus.BusObject
	collection dbus.ObjectPath // the one that go-keyring will use
	end        func()
}

// dismissLimit is how long a connection outlives its context: time enough to
// take a prompt back.
const dismissLimit = 2 * time.Second

// connect returns errNoBus or errNoService when there is nobody to talk to.
func connect(ctx context.Context) (*secretService, error) {
	if !haveBus() {
		return nil, errNoBus
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(dismissLimit, end) })
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(life))
	if err != nil {
		stop()
		end()
		return nil, fmt.Errorf("%w: %w", errNoBus, err)
	}
	s := &secretService{conn: conn, service: conn.Object(serviceName, servicePath), end: func() { stop(); end() }}
	if s.collection, err = defaultCollection(ctx, s.service); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *secretService) close() {
	_ = s.conn.Close()
	s.end()
}

func (s *secretService) locked(ctx context.Context) (bool, error) {
	var locked dbus.Variant
	err := s.conn.Object(serviceName, s.collection).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
		"org.freedesktop.Secret.Collection", "Locked").Store(&locked)
	if err != nil {
		return false, fmt.Errorf("%w: %w", errNoService, err)
	}
	is, _ := locked.Value().(bool)
	return is, nil
}

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

// vanished reports whether err says that an item was deleted after a search had
// found it: go-keyring makes two calls of each, and other processes write too.
func vanished(err error) bool {
	var e dbus.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Name {
	case "org.freedesktop.Secret.Error.NoSuchObject", "org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.UnknownMethod":
		return true
	}
	return false
}

// Probe says how the keychain stands and asks nobody.
func (k *keychain) Probe(ctx context.Context) (locked bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, opLimit)
	defer cancel()
	s, err := connect(ctx)
	if err != nil {
		return false, keychainFault(err)
	}
	defer s.close()
	locked, err = s.locked(ctx)
	return locked, keychainFault(err)
}

// List names the entries of our service. go-keyring cannot.
func (k *keychain) List(ctx context.Context) ([]string, error) {
	if err := k.Ready(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, opLimit)
	defer cancel()
	s, err := connect(ctx)
	if err != nil {
		return nil, keychainFault(err)
	}
	defer s.close()
	var items []dbus.ObjectPath
	err = s.conn.Object(serviceName, s.collection).CallWithContext(ctx, "org.freedesktop.Secret.Collection.SearchItems", 0,
		map[string]string{"service": k.service}).Store(&items)
	if err != nil {
		return nil, keychainFault(fmt.Errorf("list the keychain: %w", err))
	}
	var names []string
	for _, item := range items {
		var v dbus.Variant
		err := s.conn.Object(serviceName, item).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
			"org.freedesktop.Secret.Item", "Attributes").Store(&v)
		var gone dbus.Error
		if errors.As(err, &gone) {
			continue // deleted since
		}
		if err != nil {
			return nil, keychainFault(fmt.Errorf("list the keychain: %w", err))
		}
		if attributes, ok := v.Value().(map[string]string); ok && attributes["username"] != "" {
			names = append(names, attributes["username"])
		}
	}
	return names, nil
}
