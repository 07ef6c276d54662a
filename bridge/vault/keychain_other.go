//go:build !linux

package vault

import "context"

// valueLimit keeps below 2,560 bytes on Windows and about 3,000 on macOS.
const valueLimit = 2400

const noKeychainRemedy = "Check that the keychain (Keychain Access, Credential Manager) works for your user."

// ready: the keychains of macOS and Windows are there with the session.
func ready(ctx context.Context) error {
	return ctx.Err()
}
