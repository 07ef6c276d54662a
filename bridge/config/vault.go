package config

import (
	"fmt"
	"path/filepath"

	"drawbridge/bridge/fault"
)

// Vault says where secrets are kept. It holds none itself.
type Vault struct {
	// Kind is KeychainVault, FileVault, or "", which is KeychainVault.
	Kind string `json:"kind"`
	// KeyFile is the absolute path of the age identity that opens a FileVault;
	// empty for one that a passphrase opens.
	KeyFile string `json:"keyFile,omitempty"`
}

// The kinds of vault.
const (
	KeychainVault = "keychain"
	FileVault     = "file"
)

// Check refuses a choice that nothing can be made of. Its errors are fault.Usage.
func (v Vault) Check() error {
	const next = `Use "keychain", or "file" with an absolute path as "keyFile".`
	switch {
	case v.Kind != "" && v.Kind != KeychainVault && v.Kind != FileVault:
		return fault.New(fault.Usage, fmt.Sprintf("There is no vault of the kind %q.", v.Kind), next)
	case v.KeyFile != "" && v.Kind != FileVault:
		return fault.New(fault.Usage, "A key file goes with the vault of the kind \"file\" only.", next)
	case v.KeyFile != "" && !filepath.IsAbs(v.KeyFile):
		// Clients start us in any folder.
		return fault.New(fault.Usage, fmt.Sprintf("The key file %q is no absolute path.", v.KeyFile), next)
	}
	return nil
}

// InFile reports whether secrets are kept in an encrypted file.
func (v Vault) InFile() bool { return v.Kind == FileVault }

// Same reports whether two choices mean the same place.
func (v Vault) Same(other Vault) bool {
	return v.InFile() == other.InFile() && v.KeyFile == other.KeyFile
}
