package main

import (
	"context"

	"drawbridge/bridge/control"
)

// MCPClients lists the MCP clients on this computer, those that were found
// first, with the entries that start Drawbridge.
func (a *App) MCPClients() (all []control.MCPClient, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		all, err = agent.MCPClients(ctx)
		return err
	})
	return all, err
}

// PreviewEntry shows what connecting a client to a server, or taking that back,
// would change.
func (a *App) PreviewEntry(change control.EntryChange) (preview control.EntryPreview, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		preview, err = agent.PreviewEntry(ctx, change)
		return err
	})
	return preview, err
}

// ApplyEntry makes the change that a preview showed; change.Digest is its digest.
func (a *App) ApplyEntry(change control.EntryChange) (result control.EntryResult, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		result, err = agent.ApplyEntry(ctx, change)
		return err
	})
	return result, err
}
