//go:build !linux

package demo

import (
	"context"

	"drawbridge/bridge/fault"
)

// StartKeychain has nothing to start where the keychain is part of the system.
func StartKeychain(context.Context, string) (stop func(), err error) {
	return nil, fault.New(fault.NoKeychain, "The keychain of this computer cannot be used.", "Check that it works for your user.")
}
