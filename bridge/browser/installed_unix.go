//go:build unix && !darwin

package browser

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxEntry bounds a desktop entry.
const maxEntry = 1 << 20

// installed are the applications that say that they open https addresses
// (Desktop Entry Specification 1.5). The first folder that has one counts.
func installed(env []string) []Installed {
	home := lookup(env, "XDG_DATA_HOME")
	if !filepath.IsAbs(home) {
		home = filepath.Join(lookup(env, "HOME"), ".local", "share")
	}
	dirs := lookup(env, "XDG_DATA_DIRS")
	if dirs == "" {
		dirs = "/usr/local/share:/usr/share"
	}
	seen := map[string]bool{}
	var all []Installed
	for _, dir := range append([]string{home}, filepath.SplitList(dirs)...) {
		if !filepath.IsAbs(dir) {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(dir, "applications"))
		if err != nil {
			continue
		}
		for _, e := range entries {
			id := e.Name()
			if seen[id] || filepath.Ext(id) != ".desktop" {
				continue
			}
			seen[id] = true
			if b, ok := fromEntry(id, filepath.Join(dir, "applications", id)); ok {
				all = append(all, b)
			}
		}
	}
	return all
}

// fromEntry reads a desktop entry and reports whether it is a browser's.
func fromEntry(id, path string) (Installed, bool) {
	f, err := os.Open(path)
	if err != nil {
		return Installed{}, false
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxEntry))
	if err != nil || !bytes.Contains(raw, []byte("x-scheme-handler/https")) {
		return Installed{}, false
	}
	values := map[string]string{}
	in := false
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			in = line == "[Desktop Entry]"
			continue
		}
		if name, value, ok := strings.Cut(line, "="); ok && in {
			values[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	opens := slices.Contains(strings.Split(values["MimeType"], ";"), "x-scheme-handler/https")
	if !opens || values["Type"] != "Application" || values["Hidden"] == "true" || values["NoDisplay"] == "true" || values["Name"] == "" {
		return Installed{}, false
	}
	argv := arguments(values["Exec"])
	return Installed{ID: id, Title: values["Name"], argv: argv}, len(argv) > 0
}

// arguments splits an Exec line and puts the address in the place of its field codes.
func arguments(line string) []string {
	var argv []string
	for _, word := range words(line) {
		switch word {
		case "%u", "%U", "%f", "%F":
			if !slices.Contains(argv, addressHere) {
				argv = append(argv, addressHere)
			}
		case "%i", "%c", "%k", "%d", "%D", "%n", "%N", "%v", "%m":
		default:
			argv = append(argv, strings.ReplaceAll(word, "%%", "%"))
		}
	}
	return argv
}
