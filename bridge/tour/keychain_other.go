//go:build !linux

package tour

import (
	"context"

	"drawbridge/bridge/fault"
)

// startKeychain has nothing to start where the keychain is part of the system.
func startKeychain(context.Context, string) (stop func(), err error) {
	return nil, fault.New(fault.NoKeychain, "The keychain of this computer cannot be used.", "Check that it works for your user.")
}
