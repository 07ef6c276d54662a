//go:build !darwin

package tray

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"fyne.io/systray"

	"drawbridge/bridge/desktop"
)

// place reports whether an icon can be shown. The library would run dbus-launch
// where there is no bus, and break down when it ends.
func place(ctx context.Context) bool { return runtime.GOOS == "windows" || desktop.HasBus(ctx) }

// loop runs the library until ctx ends. It gets a thread of its own: on Windows
// the icon's hidden window answers only to the thread that made it.
func loop(ctx context.Context, log *slog.Logger, ready func()) {
	if runtime.GOOS != "windows" { // before the first look of the panel at it
		systray.SetTitle("Drawbridge")
		systray.SetIcon(icons[allWell])
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { // it closes a connection that it may have failed to make
			if r := recover(); r != nil {
				log.Warn("tray ended badly", "panic", r)
			}
		}()
		runtime.LockOSThread()
		systray.Run(ready, nil)
	}()
	select {
	case <-ctx.Done():
	case <-ended:
		return
	}
	systray.Quit()
	select {
	case <-ended:
	case <-time.After(2 * time.Second): // its thread is lost; the process ends anyway
		log.Warn("tray did not end")
	}
}

// escape keeps characters of a name from marking a key in the menu.
func escape(s string) string {
	if runtime.GOOS == "windows" {
		return strings.ReplaceAll(s, "&", "&&")
	}
	return strings.ReplaceAll(s, "_", "__")
}
