package credential_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/vault"
	"drawbridge/test/sessions"
)

// The keychain is locked while a token ends, and unlocked again: meanwhile calls
// are told so, nothing is spent, and afterwards nobody is asked for anything.
func TestKeychainLockedAndUnlocked(t *testing.T) {
	if os.Getenv("DRAWBRIDGE_TEST_SESSION") == "" {
		t.Skip("needs a keychain for tests; test/sessions/keyring-session.sh gives one")
	}
	if !sessions.Within(t, "keyring-session.sh") {
		return
	}
	w := newWorld(t, life)
	service := "drawbridge-test-" + rand.Text()
	keychain := func() *vault.Vault { return vault.Open(vault.Config{Paths: w.paths, Service: service}) }
	process := func() *credential.Account {
		client := &http.Client{Transport: &http.Transport{}}
		m := credential.NewManager(credential.Config{Paths: w.paths, Vault: keychain(), HTTP: client, Now: w.clock.now})
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), longEnough)
			defer cancel()
			m.Close(ctx)
			client.CloseIdleConnections()
		})
		return m.Account(w.server, config.DefaultAccount)
	}
	t.Cleanup(func() { // the keychain's library keeps its connection for the life of a process
		if shared, err := dbus.SessionBus(); err == nil {
			_ = shared.Close()
		}
	})
	running := process()
	w.signIn(running)
	t.Cleanup(func() { _ = running.SignOut(context.Background()) })
	ring := openKeyring(t)

	ring.lock()
	time.Sleep(300 * time.Millisecond) // one that was seen unlocked counts as such for a moment
	w.clock.pass(life)
	fresh := process() // one that has never seen the tokens
	for name, a := range map[string]*credential.Account{"running": running, "fresh": fresh} {
		ctx, cancel := context.WithTimeout(t.Context(), longEnough)
		begun := time.Now()
		_, err := a.Bearer(ctx)
		if !fault.Is(err, fault.KeychainLocked) || fault.Public(err).Next == "" {
			t.Errorf("%s: Bearer with a locked keychain = %v", name, err)
		}
		if took := time.Since(begun); took > 40*time.Second { // a person at the prompt has a minute
			t.Errorf("%s: it took %v to say that the keychain is locked", name, took)
		}
		cancel()
	}
	if c := w.demo.Counts(); c.Refreshes != 0 || c.Reuses != 0 {
		t.Errorf("the server saw %+v while nothing could be kept", c)
	}
	if f, err := running.Facts(); err != nil || f.State != credential.SignedIn || !f.Renewable {
		t.Errorf("Facts = %+v, %v; want signed in", f, err)
	}

	ring.unlock()
	w.clock.pass(lookAgain) // an error is not looked into for every call
	if bearer(t, running).IsZero() || bearer(t, fresh).IsZero() {
		t.Error("no token after the keychain was unlocked")
	}
	if c := w.demo.Counts(); c.Refreshes != 1 || c.Reuses != 0 || c.Authorizations != 1 {
		t.Errorf("the server saw %+v; want one refresh and nobody asked", c)
	}
}

// keyring is gnome-keyring's default collection.
type keyring struct {
	t    *testing.T
	conn *dbus.Conn
	path dbus.ObjectPath
}

func openKeyring(t *testing.T) *keyring {
	t.Helper()
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	k := &keyring{t: t, conn: conn}
	if err := k.service().Call("org.freedesktop.Secret.Service.ReadAlias", 0, "default").Store(&k.path); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *keyring) service() dbus.BusObject {
	return k.conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets")
}

func (k *keyring) lock() {
	k.t.Helper()
	if err := k.service().Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{k.path}).Err; err != nil {
		k.t.Fatalf("lock the keychain: %v", err)
	}
	k.t.Cleanup(k.unlock) // for the tests that come after
}

// unlock gives the password as the login screen does; see start_keyring in
// test/sessions/lib.sh.
func (k *keyring) unlock() {
	k.t.Helper()
	var none dbus.Variant
	var session dbus.ObjectPath
	if err := k.service().Call("org.freedesktop.Secret.Service.OpenSession", 0, "plain", dbus.MakeVariant("")).Store(&none, &session); err != nil {
		k.t.Fatalf("open a session: %v", err)
	}
	password := struct {
		Session     dbus.ObjectPath
		Parameters  []byte
		Value       []byte
		ContentType string
	}{session, []byte{}, []byte("drawbridge"), "text/plain"}
	const method = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface.UnlockWithMasterPassword"
	if err := k.service().Call(method, 0, k.path, password).Err; err != nil {
		k.t.Fatalf("unlock the keychain: %v", err)
	}
}
