package main

import (
	"context"

	"drawbridge/bridge/control"
)

// SetProxy changes through which proxy the server with the name is reached: a
// URL, "none", or "" for what the environment names. The agent checks it.
func (a *App) SetProxy(name, proxy string) error {
	return a.connection(name, control.ConnectionChange{Proxy: &proxy})
}

// ChooseCAFile asks the person, in a dialog of the system, for a file of
// certificate authorities that the server with the name is trusted by, too; the
// page names no file. It reports whether one was chosen.
func (a *App) ChooseCAFile(name string) (chosen bool, err error) {
	path, err := a.config.OpenFile("Certificate authorities of " + name + " (PEM)")
	if err != nil || path == "" {
		return false, err
	}
	return true, a.connection(name, control.ConnectionChange{CAFile: &path})
}

// RemoveCAFile leaves the server with the name to the system's authorities.
func (a *App) RemoveCAFile(name string) error {
	return a.connection(name, control.ConnectionChange{CAFile: new("")})
}

// UndoConnection takes back the last change to the server with the name that was
// made in this window; without one it does nothing.
func (a *App) UndoConnection(name string) error {
	a.mu.Lock()
	before, ok := a.undo[name]
	a.mu.Unlock()
	if !ok {
		return nil
	}
	err := a.connection(name, control.ConnectionChange{Proxy: &before.Proxy, CAFile: &before.CAFile})
	if err == nil {
		a.mu.Lock()
		delete(a.undo, name)
		a.mu.Unlock()
	}
	return err
}

func (a *App) connection(name string, change control.ConnectionChange) error {
	return a.call(func(ctx context.Context, agent Agent) error {
		before, err := agent.SetConnection(ctx, name, change)
		if err != nil {
			return err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.undo == nil {
			a.undo = map[string]control.Connection{}
		}
		a.undo[name] = before
		return nil
	})
}
