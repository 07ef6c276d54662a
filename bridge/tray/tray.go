// Package tray shows how the servers stand as an icon and a menu in the
// desktop's notification area, and hands clicks back. It draws a snapshot and
// must not know where that comes from, nor what a token is.
package tray

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"drawbridge/bridge/control"
	"drawbridge/bridge/desktop"
)

// ErrNoTray means that there is nowhere to show an icon: no session bus, or a
// build without a tray.
var ErrNoTray = errors.New("no place for a tray icon")

// Tray is the icon. There is one in a process, and it is shown once (the
// library keeps its state in globals).
type Tray struct {
	log     *slog.Logger
	running atomic.Bool
	hidden  atomic.Bool
}

// New makes the tray; nothing is shown before Run.
func New(log *slog.Logger) *Tray { return &Tray{log: log} }

// Run shows the icon, drawn from feed, until ctx ends, and hides it while the
// preferences say so. Call it on the main
// goroutine: macOS allows a tray on no other. It returns ErrNoTray at once where
// there is no place for an icon. Where only the panel is missing it goes on: the
// icon appears when a panel does.
func (t *Tray) Run(ctx context.Context, feed *control.Feed, do control.Actions) error {
	return t.run(ctx, feed, do)
}

// Visible reports whether a person can see the icon now.
func (t *Tray) Visible(ctx context.Context) bool {
	return t.running.Load() && !t.hidden.Load() && desktop.ShowsTrayIcons(ctx)
}
