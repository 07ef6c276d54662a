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
	conn *dbus.Conn

	mu     sync.Mutex
	said   []string
	closed []uint32
}

const (
	notificationsName = "org.freedesktop.Notifications"
	notificationsPath = dbus.ObjectPath("/org/freedesktop/Notifications")
)

// TakeNotifications makes the test the one who gets the session's notifications.
func TakeNotifications(t testing.TB) *Notifications {
	t.Helper()
	n := &Notifications{conn: sessionBus(t)}
	err := n.conn.ExportMethodTable(map[string]any{"Notify": n.notify, "CloseNotification": n.close}, notificationsPath, notificationsName)
	if err == nil {
		_, err = n.conn.RequestName(notificationsName, dbus.NameFlagDoNotQueue)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *Notifications) notify(_ string, _ uint32, _, title, body string, actions []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(actions) > 0 {
		body += " [" + actions[len(actions)-1] + "]"
	}
	n.said = append(n.said, title+": "+body)
	return uint32(len(n.said)), nil
}

func (n *Notifications) close(id uint32) *dbus.Error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = append(n.closed, id)
	return nil
}

// Choose takes the action of the notification with the number, from 1 on.
func (n *Notifications) Choose(t testing.TB, id uint32) {
	t.Helper()
	if err := n.conn.Emit(notificationsPath, notificationsName+".ActionInvoked", id, "act"); err != nil {
		t.Fatal(err)
	}
}

// TakenBack are the numbers of those that their sender has closed.
func (n *Notifications) TakenBack() []uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]uint32(nil), n.closed...)
}

// All are the notifications so far: title, text and action.
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
