package credential_test

import (
	"errors"
	"testing"
	"time"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/vault"
)

func TestSignOutEverywhere(t *testing.T) {
	w := newWorld(t, time.Minute)
	first := w.process()
	w.signIn(first)
	w.server.Name = "second"
	second := w.process()
	w.signIn(second)
	watching := w.process()
	bearer(t, watching)

	m := w.manager()
	kept, err := m.Kept()
	if err != nil || len(kept) != 2 {
		t.Fatalf("Kept = %d, %v", len(kept), err)
	}
	outcomes, err := m.SignOutEverywhere(t.Context())
	if err != nil || len(outcomes) != 2 {
		t.Fatalf("SignOutEverywhere = %+v, %v", outcomes, err)
	}
	for _, o := range outcomes {
		if o.Err != nil {
			t.Errorf("%s: %v", o.Facts.Key, o.Err)
		}
		if _, err := w.vault.Get(t.Context(), o.Facts.Key+"/tokens"); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("%s is still in the vault: %v", o.Facts.Key, err)
		}
	}
	if c := w.demo.Counts(); c.Revocations < 2 {
		t.Errorf("the server saw %+v", c)
	}
	w.clock.pass(lookAgain)
	if s := bearer(t, watching); !s.IsZero() {
		t.Error("a running process still uses the token")
	}
	if kept, err := m.Kept(); err != nil || len(kept) != 0 {
		t.Errorf("afterwards Kept = %+v, %v", kept, err)
	}
}

// A provider that is away keeps nobody signed in here.
func TestSignOutEverywhereWithAProviderAway(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.signIn(w.process())
	if err := w.demo.Close(); err != nil {
		t.Fatal(err)
	}
	outcomes, err := w.manager().SignOutEverywhere(t.Context())
	if err != nil || len(outcomes) != 1 || !errors.Is(outcomes[0].Err, credential.ErrNotRevoked) {
		t.Errorf("SignOutEverywhere = %+v, %v", outcomes, err)
	}
	if _, err := w.vault.Get(t.Context(), outcomes[0].Facts.Key+"/tokens"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("still in the vault: %v", err)
	}
}
