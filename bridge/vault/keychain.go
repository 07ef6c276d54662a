package vault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zalando/go-keyring"

	"drawbridge/bridge/fault"
)

// DefaultService is the name under which entries stand in the OS keychain.
const DefaultService = "drawbridge"

const (
	// opLimit bounds one call to an unlocked keychain: a write takes 20 ms, and a
	// Secret Service takes one at a time.
	opLimit = 20 * time.Second
	// vanishedTries is how often an entry is looked for again that was deleted
	// between being found and being read.
	vanishedTries = 10
	// unlockLimit bounds the wait for a person at the unlock prompt.
	unlockLimit = 60 * time.Second
)

// The states in which a keychain cannot be used.
var (
	errNoBus     = errors.New("no D-Bus session bus")
	errNoService = errors.New("no Secret Service on the session bus")
	errLocked    = errors.New("the keychain is locked")
)

// NewKeychain makes a vault in the OS keychain; service is the name of its
// entries there. Nothing is touched until the first call. Its errors carry
// fault.NoKeychain or fault.KeychainLocked where that is the cause. Other
// processes are not kept off; see Open.
func NewKeychain(service string) *Vault {
	return New(&keychain{service: service, gate: newGate("", true)}, valueLimit)
}

// keychain is the OS keychain by way of go-keyring, which takes no context and
// can wait for a person for ever: every call gets a deadline here.
type keychain struct {
	service string
	gate    *gate
}

func (k *keychain) Get(ctx context.Context, name string) (string, error) {
	return k.call(ctx, func() (string, error) { return keyring.Get(k.service, name) })
}

func (k *keychain) Set(ctx context.Context, name, value string) error {
	_, err := k.call(ctx, func() (string, error) { return "", keyring.Set(k.service, name, value) })
	return err
}

func (k *keychain) Delete(ctx context.Context, name string) error {
	_, err := k.call(ctx, func() (string, error) { return "", keyring.Delete(k.service, name) })
	return err
}

// Ready waits until the keychain is unlocked; see gate.
func (k *keychain) Ready(ctx context.Context) error {
	_, err := k.gate.ready(ctx)
	return keychainFault(err)
}

// call looks again when a keychain that was seen unlocked a moment ago does not do
// what it is asked to: it may have been locked since.
func (k *keychain) call(ctx context.Context, op func() (string, error)) (string, error) {
	value, assumed, err := k.once(ctx, op)
	if assumed && err != nil && !errors.Is(err, ErrNotFound) && ctx.Err() == nil {
		k.gate.forget()
		value, _, err = k.once(ctx, op)
	}
	return value, err
}

// once does it once; assumed says that nobody looked before whether the keychain is
// unlocked.
func (k *keychain) once(ctx context.Context, op func() (string, error)) (value string, assumed bool, err error) {
	if assumed, err = k.gate.ready(ctx); err != nil {
		return "", assumed, keychainFault(err)
	}
	ctx, cancel := context.WithTimeout(ctx, opLimit)
	defer cancel()
	type result struct {
		value string
		err   error
	}
	done := make(chan result, 1) // the call may outlive us: it cannot be stopped
	go func() {
		value, err := op()
		for try := 1; vanished(err) && try < vanishedTries && ctx.Err() == nil; try++ {
			value, err = op()
		}
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		if errors.Is(r.err, keyring.ErrNotFound) {
			return "", assumed, ErrNotFound
		}
		return r.value, assumed, keychainFault(r.err)
	case <-ctx.Done():
		return "", assumed, keychainFault(fmt.Errorf("%w: %w", errLocked, ctx.Err()))
	}
}

// keychainFault says in words what a person can do about err.
func keychainFault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNoBus), errors.Is(err, errNoService), errors.Is(err, keyring.ErrUnsupportedPlatform):
		return fault.Wrap(err, fault.NoKeychain, "The keychain of this computer is not available; Drawbridge keeps sign-ins nowhere else by itself.", noKeychainRemedy)
	case errors.Is(err, errLocked):
		return fault.Wrap(err, fault.KeychainLocked, "The keychain is locked.", "Unlock it (log in to the desktop, or open your password manager), then try again.")
	default:
		return fault.Wrap(err, fault.NoKeychain, "The keychain did not do what it was asked to.", noKeychainRemedy)
	}
}
