//go:build !linux

package desktop

import (
	"context"
	"log/slog"
)

// HasBus reports whether the session bus answers; there is none here.
func HasBus(context.Context) bool { return false }

// ShowsTrayIcons reports whether something shows tray icons; this system does.
func ShowsTrayIcons(context.Context) bool { return true }

// Environment returns ErrNoSession: a program here inherits what it needs.
func Environment(context.Context) (map[string]string, error) { return nil, ErrNoSession }

// OpenURI returns ErrNoSession.
func OpenURI(context.Context, string) error { return ErrNoSession }

// KeepTrayItem does nothing: there is no such panel here.
func KeepTrayItem(context.Context, string, *slog.Logger) {}
