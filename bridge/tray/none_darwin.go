//go:build darwin && !cgo

package tray

import (
	"context"

	"drawbridge/bridge/control"
)

// run: without cgo there is no way to AppKit.
func (t *Tray) run(context.Context, *control.Feed, control.Actions) error { return ErrNoTray }
