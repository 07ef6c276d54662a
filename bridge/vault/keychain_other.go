//go:build !linux

package vault

import (
	"context"
	"errors"

	"github.com/zalando/go-keyring"
)

// valueLimit keeps below 2,560 bytes on Windows and about 3,000 on macOS.
const valueLimit = 2400

const noKeychainRemedy = "Check that the keychain (Keychain Access, Credential Manager) works for your user. Without one, in an encrypted file: drawbridge vault move --to file"

// gate: the keychains of macOS and Windows are there with the session, and ask
// themselves when they are locked.
type gate struct{}

func newGate(string, bool) *gate { return &gate{} }

func (*gate) ready(ctx context.Context) (assumed bool, err error) { return false, ctx.Err() }

func (*gate) forget() {}

// Probe looks for an entry that is not there.
func (k *keychain) Probe(ctx context.Context) (locked bool, err error) {
	_, err = k.call(ctx, func() (string, error) { return keyring.Get(k.service, "probe") })
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return errors.Is(err, errLocked), err
}

// vanished: nothing of the kind is known of these keychains.
func vanished(error) bool { return false }
