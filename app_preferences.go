package main

import (
	"context"

	"drawbridge/bridge/control"
)

// SetPreferences changes how tray and window behave, and returns what counts
// then. What counts now is in the snapshot.
func (a *App) SetPreferences(change control.PreferencesChange) (p control.Preferences, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		p, err = agent.SetPreferences(ctx, change)
		return err
	})
	return p, err
}

// Browsers lists the browsers that are installed, sorted by title.
func (a *App) Browsers() (all []control.Browser, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		all, err = agent.Browsers(ctx)
		return err
	})
	return all, err
}

// Places says where things are kept.
func (a *App) Places() (p control.Places, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		p, err = agent.Places(ctx)
		return err
	})
	return p, err
}

// OpenFolder opens one of Drawbridge's folders in the desktop's file manager. It
// takes a word for it: the page names no paths.
func (a *App) OpenFolder(folder control.Folder) error {
	return a.call(func(ctx context.Context, agent Agent) error { return agent.OpenFolder(ctx, folder) })
}
