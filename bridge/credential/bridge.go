package credential

import (
	"context"
	"errors"
	"fmt"

	"drawbridge/bridge/config"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// What the vault keeps for the local bridge.
const (
	hmacEntry         = "bridge/hmac"
	hmacPreviousEntry = "bridge/hmac-previous"
	signInEntry       = "bridge/sign-in-secret"
	signInKeyEntry    = "bridge/sign-in-key"
)

// bridgeLock is held while one of these is read and written: two bridges may start
// at once.
const bridgeLock = "bridge.lock"

// exchangeEntry is the secret of the client that exchanges callers' tokens.
func exchangeEntry(s config.Server) string {
	return Key(s, config.DefaultAccount) + "/exchange-secret"
}

// HMACSecrets are the secret that signs the local bridge's own tokens and the one
// that was before it and still counts; each is empty when there is none.
func (m *Manager) HMACSecrets(ctx context.Context) (current, previous secret.String, err error) {
	if current, err = m.entry(ctx, hmacEntry); err != nil {
		return current, previous, err
	}
	previous, err = m.entry(ctx, hmacPreviousEntry)
	return current, previous, err
}

// entry is a value of the vault, empty when there is none.
func (m *Manager) entry(ctx context.Context, name string) (secret.String, error) {
	s, err := m.vault.Get(ctx, name)
	if errors.Is(err, vault.ErrNotFound) {
		return secret.String{}, nil
	}
	return s, err
}

// SetHMACSecret stores a secret as the one that signs. The one that it replaces
// goes on to count until the next, or DropHMACSecrets.
func (m *Manager) SetHMACSecret(ctx context.Context, s secret.String) error {
	unlock, err := m.lockFile(ctx, bridgeLock)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := m.entry(ctx, hmacEntry)
	if err == nil && !old.IsZero() && !old.Equal(s) {
		err = m.vault.Set(ctx, hmacPreviousEntry, old)
	}
	if err != nil {
		return fmt.Errorf("keep the secret that was before: %w", err)
	}
	return m.vault.Set(ctx, hmacEntry, s)
}

// DropHMACSecrets deletes the secret that was before, or both.
func (m *Manager) DropHMACSecrets(ctx context.Context, both bool) error {
	err := m.vault.Delete(ctx, hmacPreviousEntry)
	if both {
		err = errors.Join(err, m.vault.Delete(ctx, hmacEntry))
	}
	return err
}

// ExchangeSecret is the secret of the client that exchanges callers' tokens for
// those of a server; empty when there is none.
func (m *Manager) ExchangeSecret(ctx context.Context, s config.Server) (secret.String, error) {
	return m.entry(ctx, exchangeEntry(s))
}

// SetExchangeSecret stores it; an empty one is deleted.
func (m *Manager) SetExchangeSecret(ctx context.Context, s config.Server, value secret.String) error {
	if value.IsZero() {
		return m.vault.Delete(ctx, exchangeEntry(s))
	}
	return m.vault.Set(ctx, exchangeEntry(s), value)
}

// SignInSecret is the secret of the client that the local bridge is at the
// identity provider; empty when there is none.
func (m *Manager) SignInSecret(ctx context.Context) (secret.String, error) {
	return m.entry(ctx, signInEntry)
}

// SetSignInSecret stores it; an empty one is deleted.
func (m *Manager) SetSignInSecret(ctx context.Context, value secret.String) error {
	if value.IsZero() {
		return m.vault.Delete(ctx, signInEntry)
	}
	return m.vault.Set(ctx, signInEntry, value)
}

// SignInKey is the key that the local bridge signs registrations with, made by
// generate and kept the first time. Without it, every client would have to
// register anew after each start.
func (m *Manager) SignInKey(ctx context.Context, generate func() secret.String) (secret.String, error) {
	unlock, err := m.lockFile(ctx, bridgeLock)
	if err != nil {
		return secret.String{}, err
	}
	defer unlock()
	key, err := m.entry(ctx, signInKeyEntry)
	if err != nil || !key.IsZero() {
		return key, err
	}
	key = generate()
	if err := m.vault.Set(ctx, signInKeyEntry, key); err != nil {
		return secret.String{}, fmt.Errorf("keep the sign-in key: %w", err)
	}
	return key, nil
}
