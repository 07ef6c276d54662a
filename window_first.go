//go:build desktop || bindings || dev

package main

import (
	"bytes"
	"io/fs"
	"net/http"
	goruntime "runtime"

	"github.com/wailsapp/wails/v2/pkg/options"

	"drawbridge/bridge/config"
)

// A window never begins in the colours of a theme that was not chosen: neither
// before the page is there nor before the page has heard of the agent.

// firstLook sets what the window shows until the page does. On Linux Wails hides
// a window only after it has been seen for a moment, so there it is shown at once
// in the theme's colour, --window in tokens.css; without a choice the desktop's
// own comes through. Elsewhere it is hidden until the page is there.
func firstLook(window *options.App, paths config.Paths) {
	if goruntime.GOOS != "linux" {
		window.StartHidden = true
		return
	}
	window.BackgroundColour = &options.RGBA{}
	switch chosenTheme(paths) {
	case config.ThemeLight:
		window.BackgroundColour = &options.RGBA{R: 0xf4, G: 0xf5, B: 0xf7, A: 0xff}
	case config.ThemeDark:
		window.BackgroundColour = &options.RGBA{R: 0x17, G: 0x18, B: 0x1c, A: 0xff}
	}
}

// themed serves the page with the theme in it.
func themed(page fs.FS, paths config.Paths) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			theme := chosenTheme(paths)
			if r.URL.Path != "/" || theme == "" {
				next.ServeHTTP(w, r)
				return
			}
			raw, err := fs.ReadFile(page, "frontend/dist/index.html")
			if err != nil {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(bytes.Replace(raw, []byte("<html "), []byte(`<html data-theme="`+theme+`" `), 1))
		})
	}
}

// chosenTheme is config.ThemeLight, config.ThemeDark, or "" for the desktop's
// own. What is wrong with the settings the agent says.
func chosenTheme(paths config.Paths) string {
	settings, err := config.Load(paths)
	if err != nil {
		return ""
	}
	return settings.Desktop.Theme
}
