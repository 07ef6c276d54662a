package agent

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"drawbridge/bridge/clients"
	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/desktop"
	"drawbridge/bridge/fault"
)

// MCPClients implements control.Backend.
func (a *Agent) MCPClients(context.Context) ([]control.MCPClient, error) {
	var all []control.MCPClient
	for _, c := range clients.All(a.clientsEnv()) {
		row := control.MCPClient{ID: c.ID(), Title: c.Title(), Path: c.Path(), Found: c.Found(), After: c.After(), Entries: []control.MCPEntry{}}
		connections, err := c.Connections()
		row.Problem = control.ProblemOf(err)
		for _, connection := range connections {
			row.Entries = append(row.Entries, control.MCPEntry{Name: connection.Entry, Server: connection.Server})
		}
		all = append(all, row)
	}
	slices.SortStableFunc(all, func(x, y control.MCPClient) int {
		switch {
		case x.Found == y.Found:
			return 0
		case x.Found:
			return -1
		}
		return 1
	})
	return all, nil
}

// PreviewEntry implements control.Backend.
func (a *Agent) PreviewEntry(_ context.Context, change control.EntryChange) (control.EntryPreview, error) {
	_, planned, err := a.planEntry(change)
	if err != nil {
		return control.EntryPreview{}, err
	}
	return control.EntryPreview{Path: planned.Path(), Diff: planned.Diff(), Digest: planned.Digest()}, nil
}

// ApplyEntry implements control.Backend.
func (a *Agent) ApplyEntry(ctx context.Context, change control.EntryChange) (control.EntryResult, error) {
	client, planned, err := a.planEntry(change)
	if err != nil {
		return control.EntryResult{}, err
	}
	if change.Digest != planned.Digest() {
		return control.EntryResult{}, fault.New(fault.FileChanged, planned.Path()+" has changed in the meantime.", "Look at the change again; nothing has been written.")
	}
	backup, err := planned.Apply(ctx, a.cfg.Paths)
	if err != nil {
		return control.EntryResult{}, err
	}
	a.log.Info("a client's settings changed", "client", client.ID(), "file", planned.Path(), "removed", change.Remove)
	return control.EntryResult{Path: planned.Path(), Backup: backup, After: client.After()}, nil
}

func (a *Agent) planEntry(change control.EntryChange) (clients.Client, clients.Change, error) {
	env := a.clientsEnv()
	client, err := clients.Named(env, change.Client)
	if err != nil {
		return client, clients.Change{}, err
	}
	if change.Remove { // also of a server that is not in the settings any more
		planned, err := client.PlanRemoval(clients.EntryName(change.Server))
		return client, planned, err
	}
	name, account, err := config.SplitName(change.Server)
	if err != nil {
		return client, clients.Change{}, err
	}
	settings, err := config.Load(a.cfg.Paths)
	if err != nil {
		return client, clients.Change{}, err
	}
	server, err := settings.Find(name)
	if err != nil {
		return client, clients.Change{}, err
	}
	name = server.Name
	if account != "" {
		name += "@" + account
	}
	entry, err := clients.NewEntry(env, name, a.cfg.Command, a.cfg.Paths)
	if err != nil {
		return client, clients.Change{}, err
	}
	entry.Replace = change.Replace
	planned, err := client.Plan(entry)
	return client, planned, err
}

func (a *Agent) clientsEnv() clients.Env {
	if a.cfg.Clients != (clients.Env{}) {
		return a.cfg.Clients
	}
	return clients.HostEnv()
}

// copyEntry puts the entry of the credential with the key into the clipboard, in
// the form that most clients take.
func (a *Agent) copyEntry(ctx context.Context, key string) error {
	who, _, err := a.find(control.Keyed(key))
	if err != nil {
		return err
	}
	if who.server.Name == "" {
		return fault.New(fault.Usage, "A server that is not in the settings has no entry.", "Add it first: drawbridge add NAME URL")
	}
	entry, err := clients.NewEntry(a.clientsEnv(), who.label(), a.cfg.Command, a.cfg.Paths)
	if err != nil {
		return err
	}
	type launch struct {
		Command string            `json:"command"`
		Args    []string          `json:"args"`
		Env     map[string]string `json:"env,omitempty"`
	}
	text, err := json.MarshalIndent(map[string]any{"mcpServers": map[string]launch{entry.Name: {entry.Command, entry.Args, entry.Env}}}, "", "  ")
	if err != nil {
		return err
	}
	return cannotCopy(desktop.Copy(ctx, sessionEnv(ctx), string(text)+"\n"), "or connect the client in Drawbridge's window.")
}

// cannotCopy says what to do where nothing copies.
func cannotCopy(err error, or string) error {
	if errors.Is(err, desktop.ErrNoClipboard) {
		return fault.Wrap(err, fault.Unsupported, "Nothing on this computer copies to the clipboard.", "Install wl-clipboard or xclip; "+or)
	}
	return err
}
