package agent

import (
	"context"
	"fmt"
	"path/filepath"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// SetConnection implements control.Connector. What could not be used is not
// written: a file that is there and holds certificates, a proxy that is one.
func (a *Agent) SetConnection(ctx context.Context, name string, change control.ConnectionChange) (control.Connection, error) {
	var before control.Connection
	err := config.Update(ctx, a.cfg.Paths, func(s *config.Settings) error {
		server, err := s.Find(name)
		if err != nil {
			return err
		}
		before = connectionOf(server)
		if change.Proxy != nil {
			server.TLS.Proxy = *change.Proxy
		}
		if change.CAFile != nil {
			server.TLS.CAFile = *change.CAFile
		}
		switch {
		case server.AllowHTTP && server.TLS.Proxy != "" && server.TLS.Proxy != before.Proxy:
			return fault.New(fault.Usage, fmt.Sprintf("%s is reached without encryption: a proxy would read its tokens.", server.Name),
				"If that is what you want, write it into the settings file by hand.")
		case server.TLS.CAFile != "" && !filepath.IsAbs(server.TLS.CAFile):
			return fault.New(fault.Usage, "The file of certificate authorities is not named by its full path.", "")
		}
		if err := credential.CheckTLS(server.TLS); err != nil {
			return err
		}
		return s.Replace(server)
	})
	if err != nil {
		return control.Connection{}, err
	}
	a.log.Info("connection changed", "name", name)
	a.rebuild()
	return before, nil
}

func connectionOf(s config.Server) control.Connection {
	return control.Connection{Proxy: s.TLS.Proxy, CAFile: s.TLS.CAFile}
}
