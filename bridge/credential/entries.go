package credential

import (
	"slices"

	"drawbridge/bridge/config"
)

// Entries names the vault entries that may be there for the servers and accounts
// of the settings and for every credential that there are facts of: tokens,
// client secrets, registrations at the issuers, and what the local bridge signs with. A facts file that cannot be
// read does not hide the others: its error is joined.
func (m *Manager) Entries(s *config.Settings) ([]string, error) {
	all, err := m.AllFacts()
	names := []string{hmacEntry, hmacPreviousEntry}
	add := func(at config.Server, key string) {
		names = append(names, tokensEntry(key), clientSecretEntry(at), idpSecretEntry(at), exchangeEntry(at))
	}
	for _, f := range all {
		add(f.Server, f.Key)
		if f.Issuer != "" {
			names = append(names, registrationEntry(f.Issuer), deviceEntry(f.Issuer))
		}
	}
	for _, server := range s.Servers {
		for _, account := range s.Accounts(server) {
			add(server, Key(server, account))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), err
}
