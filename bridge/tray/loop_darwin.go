//go:build darwin && cgo

package tray

import (
	"context"
	"log/slog"

	"fyne.io/systray"
)

// place reports whether an icon can be shown: always.
func place(context.Context) bool { return true }

// loop runs the library on the calling goroutine, which must be the main one:
// AppKit answers to the main thread only.
func loop(ctx context.Context, _ *slog.Logger, ready func()) {
	stop := context.AfterFunc(ctx, systray.Quit)
	defer stop()
	systray.Run(ready, nil)
}

func escape(s string) string { return s }
