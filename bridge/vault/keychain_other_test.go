//go:build !linux

package vault

// patientKeychain: these keychains ask themselves when they are locked.
func patientKeychain(j job) *keychain {
	return &keychain{service: j.Service, gate: newGate(j.Paths.Locks(), j.Attended)}
}
