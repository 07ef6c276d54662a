package cli

import (
	"context"
	"errors"
	"os"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/secret"
)

// oneSecret is a keychain with one entry; asks is what happens while a person
// answers it.
type oneSecret struct {
	value secret.String
	asks  func() error
}

func (k *oneSecret) ExchangeSecret(context.Context, config.Server) (secret.String, error) {
	return k.value, nil
}

func (k *oneSecret) SetExchangeSecret(_ context.Context, _ config.Server, value secret.String) error {
	if asks := k.asks; asks != nil {
		k.asks = nil
		if err := asks(); err != nil {
			return err
		}
	}
	k.value = value
	return nil
}

// The keychain may ask a person for minutes: others write the settings meanwhile.
// Settings and secret change together or not at all.
func TestAnExchangeChangesWithItsSecretOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	a, p := &app{configDir: dir, stateDir: dir}, config.Paths{Config: dir, State: dir}
	first, second := secret.New("first"), secret.New("second")
	how := func(client string) *config.Exchange {
		return &config.Exchange{Issuer: "https://login.example.com", ClientID: client, Resource: "https://notes.example.com/mcp"}
	}
	k := &oneSecret{}
	stands := func(when, client string, s secret.String) {
		t.Helper()
		settings, err := config.Load(p)
		if err != nil {
			t.Fatal(err)
		}
		is := ""
		if x := settings.BridgeFor("notes").Exchange; x != nil {
			is = x.ClientID
		}
		if is != client || !k.value.Equal(s) {
			t.Errorf("%s: client %q, secret %q; want %q, %q", when, is, k.value.Reveal(), client, s.Reveal())
		}
	}
	add := func(name string) error {
		return config.Update(t.Context(), p, func(s *config.Settings) error {
			return s.Add(config.Server{Name: name, URL: "https://" + name + ".example.com/mcp"})
		})
	}
	if err := add("notes"); err != nil {
		t.Fatal(err)
	}
	k.asks = func() error { return add("other") }
	if _, err := a.changeExchange(t.Context(), k, "notes", how("one"), first); err != nil {
		t.Fatalf("with settings that are written meanwhile: %v", err)
	}
	stands("set", "one", first)

	k.asks = func() error { return errors.New("the keychain is locked") }
	if _, err := a.changeExchange(t.Context(), k, "notes", how("two"), second); err == nil {
		t.Error("a keychain that fails is no error")
	}
	stands("after a keychain that failed", "one", first)

	whole, err := os.ReadFile(p.SettingsFile())
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]struct {
		how *config.Exchange
		s   secret.String
	}{"set": {how("two"), second}, "off": {}} {
		ctx, cancel := context.WithCancel(t.Context())
		k.asks = func() error { // and the person gives up
			cancel()
			return os.WriteFile(p.SettingsFile(), []byte("{"), 0o600)
		}
		if _, err := a.changeExchange(ctx, k, "notes", change.how, change.s); err == nil {
			t.Errorf("%s with settings that cannot be written is no error", what)
		}
		if err := os.WriteFile(p.SettingsFile(), whole, 0o600); err != nil {
			t.Fatal(err)
		}
		stands(what+" with settings that cannot be written", "one", first)
	}

	if _, err := a.changeExchange(t.Context(), k, "notes", nil, secret.String{}); err != nil {
		t.Fatal(err)
	}
	stands("off", "", secret.String{})
}
