package vault_test

import (
	"testing"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/vault"
)

func TestNoKeychainSaysWhatToDo(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+t.TempDir()+"/no-bus")
	err := vault.NewKeychain("drawbridge-test").Check(t.Context())
	if !fault.Is(err, fault.NoKeychain) || fault.Public(err).Next == "" {
		t.Errorf("Check without a bus = %v (%+v)", err, fault.Public(err))
	}
}
