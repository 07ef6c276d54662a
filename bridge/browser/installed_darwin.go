package browser

import (
	"os"
	"path/filepath"
)

// installed are those of the known browsers whose bundle is in a folder for
// applications.
func installed(env []string) []Installed {
	known := []struct{ id, title string }{
		{"com.apple.Safari", "Safari"},
		{"org.mozilla.firefox", "Firefox"},
		{"com.google.Chrome", "Google Chrome"},
		{"com.microsoft.edgemac", "Microsoft Edge"},
		{"com.brave.Browser", "Brave Browser"},
		{"company.thebrowser.Browser", "Arc"},
		{"com.vivaldi.Vivaldi", "Vivaldi"},
		{"com.operasoftware.Opera", "Opera"},
		{"org.chromium.Chromium", "Chromium"},
	}
	var all []Installed
	for _, b := range known {
		for _, dir := range []string{"/Applications", "/System/Cryptexes/App/System/Applications", filepath.Join(lookup(env, "HOME"), "Applications")} {
			if info, err := os.Stat(filepath.Join(dir, b.title+".app")); err == nil && info.IsDir() {
				all = append(all, Installed{ID: b.id, Title: b.title, argv: []string{"/usr/bin/open", "-b", b.id}})
				break
			}
		}
	}
	return all
}
