package config

import (
	"fmt"
	"slices"

	"drawbridge/bridge/fault"
)

// Preferences is how tray and window behave. The zero value is what a new
// person gets. Whether the agent starts at login is not in here: the desktop's
// own list of such programs says that.
type Preferences struct {
	// Theme is ThemeLight, ThemeDark, or "" to follow the desktop.
	Theme string `json:"theme,omitempty"`
	// Browser is one of those that are installed, by the name that the desktop
	// gives it, or "" for the desktop's own choice. It is no command line, so that
	// who may set it cannot have a program of his choice run.
	Browser string `json:"browser,omitempty"`
	// HideTray shows no tray icon; Mute shows no notifications.
	HideTray bool `json:"hideTray,omitempty"`
	Mute     bool `json:"mute,omitempty"`
	// LogLevel is how much the agent logs: one of LogLevels, or "" for "warn".
	LogLevel string `json:"logLevel,omitempty"`
}

// The themes.
const (
	ThemeLight = "light"
	ThemeDark  = "dark"
)

// LogLevels are the levels from the most silent one on.
func LogLevels() []string { return []string{"error", "warn", "info", "debug"} }

// maxBrowser bounds the name of a browser.
const maxBrowser = 200

// Check refuses preferences that nothing can be made of. Its errors are fault.Usage.
func (p Preferences) Check() error {
	switch {
	case p.Theme != "" && p.Theme != ThemeLight && p.Theme != ThemeDark:
		return fault.New(fault.Usage, fmt.Sprintf("There is no theme %q.", p.Theme), `Use "light" or "dark", or leave it out to follow the desktop.`)
	case p.LogLevel != "" && !slices.Contains(LogLevels(), p.LogLevel):
		return fault.New(fault.Usage, fmt.Sprintf("There is no log level %q.", p.LogLevel), `Use "error", "warn", "info" or "debug".`)
	case len(p.Browser) > maxBrowser:
		return fault.New(fault.Usage, "The name of the browser is too long.", "Use one that is installed.")
	}
	return nil
}
