package credential

import (
	"net/http"

	"drawbridge/bridge/config"
	"drawbridge/bridge/network"
)

// Transport makes the connections to the account's server, and is what its
// sign-ins use as well: trust, client certificate and proxy of the settings. Its
// errors are fault.BadSettings.
func (a *Account) Transport() (*http.Transport, error) { return transport(a.server.TLS) }

// CheckTLS finds out whether connections can be made with the settings: whether
// the files can be read and hold what they have to. Its errors are those of
// network.Transport.
func CheckTLS(s config.TLS) error {
	_, err := transport(s)
	return err
}

func transport(s config.TLS) (*http.Transport, error) {
	return network.Transport(network.Settings{CAFile: s.CAFile, ClientCertFile: s.ClientCertFile, ClientKeyFile: s.ClientKeyFile, Proxy: s.Proxy})
}

// client is the HTTP client for a server's requests of OAuth and for its probe.
// Servers without connections of their own share the manager's.
func (m *Manager) client(s config.Server) *http.Client {
	if s.TLS == (config.TLS{}) {
		return m.http
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.clients[s.TLS]; ok {
		return c
	}
	c := *m.http // its redirect policy
	t, err := transport(s.TLS)
	if err != nil {
		c.Transport = network.Broken(err) // not kept: the file may be put right
		return &c
	}
	c.Transport = t
	m.clients[s.TLS] = &c
	return &c
}
