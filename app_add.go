package main

import (
	"context"
	"errors"
	"slices"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// NewServer is what the page may say of a server that it adds; see config.Server.
// Nothing of it names a file or weakens a check: a page that somebody else got
// hold of could send files away and tokens in the clear.
type NewServer struct {
	Name     string   `json:"name"`
	URL      string   `json:"url"`
	ClientID string   `json:"clientId,omitempty"`
	Scopes   []string `json:"scopes,omitempty"`
	// ClientSecret goes with ClientID, to the keychain, and never comes back.
	ClientSecret string `json:"clientSecret,omitempty"`
}

// AddServer adds a server to the settings and returns it as it stands then.
func (a *App) AddServer(server NewServer) (added control.Server, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		if err := agent.AddServer(ctx, config.Server{Name: server.Name, URL: server.URL, ClientID: server.ClientID, Scopes: server.Scopes}); err != nil {
			return err
		}
		if server.ClientSecret != "" {
			if err := agent.SetClientSecret(ctx, server.Name, secret.New(server.ClientSecret)); err != nil {
				// Without its secret it could not be signed in to.
				_, undo := agent.RemoveServer(ctx, server.Name)
				return errors.Join(err, undo)
			}
		}
		s, err := agent.Snapshot(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(s.Servers, func(s control.Server) bool { return s.Named && s.Name == server.Name })
		if i < 0 {
			return fault.New(fault.UnknownServer, "The server was removed again at once.", "")
		}
		added = s.Servers[i]
		return nil
	})
	return added, err
}
