package harness

import (
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

// sessionBus is a connection to the session bus for one test.
func sessionBus(t testing.TB) *dbus.Conn {
	t.Helper()
	conn, err := dbus.SessionBusPrivateNoAutoStartup()
	if err == nil {
		if err = conn.Auth(nil); err == nil {
			err = conn.Hello()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Notifications is a desktop's notification service (Desktop Notifications
// Specification 1.2) that shows nothing and remembers all.
type Notifications struct {
	mu   sync.Mutex
	said []string
}

// TakeNotifications makes the test the one who gets the session's notifications.
func TakeNotifications(t testing.TB) *Notifications {
	t.Helper()
	n := &Notifications{}
	conn := sessionBus(t)
	const name = "org.freedesktop.Notifications"
	err := conn.ExportMethodTable(map[string]any{"Notify": n.notify}, "/org/freedesktop/Notifications", name)
	if err == nil {
		_, err = conn.RequestName(name, dbus.NameFlagDoNotQueue)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *Notifications) notify(_ string, _ uint32, _, title, body string, _ []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = append(n.said, title+": "+body)
	return uint32(len(n.said)), nil
}

// All are the notifications so far: title and text.
func (n *Notifications) All() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.said...)
}

const (
	secretsName = "org.freedesktop.secrets"
	secretsPath = dbus.ObjectPath("/org/freedesktop/secrets")
)

// KeychainPassword opens the session's keychain; see sessions/lib.sh.
const KeychainPassword = "drawbridge"

// LockKeychain locks the session's keychain, as a screen saver may.
func LockKeychain(t testing.TB) {
	t.Helper()
	service := sessionBus(t).Object(secretsName, secretsPath)
	var collection dbus.ObjectPath
	if err := service.Call("org.freedesktop.Secret.Service.ReadAlias", 0, "default").Store(&collection); err != nil {
		t.Fatal(err)
	}
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := service.Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{collection}).Store(&locked, &prompt)
	if err != nil || len(locked) != 1 {
		t.Fatalf("lock the keychain: %v, locked %v", err, locked)
	}
}

// KeychainItems counts what the session's keychain holds for a service.
func KeychainItems(t testing.TB, service string) int {
	t.Helper()
	var unlocked, locked []dbus.ObjectPath
	err := sessionBus(t).Object(secretsName, secretsPath).
		Call("org.freedesktop.Secret.Service.SearchItems", 0, map[string]string{"service": service}).Store(&unlocked, &locked)
	if err != nil {
		t.Fatal(err)
	}
	return len(unlocked) + len(locked)
}
