package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// needAll fails the test when a program or package is missing, with the
// commands that install everything that is.
func needAll(t testing.TB) {
	t.Helper()
	var other []string
	packages := missing([]program{
		{"bash", "bash"},
		{"setsid", "util-linux"},
		{"dbus-daemon", "dbus-daemon"},
		{"dbus-send", "dbus-bin"},
		{"gnome-keyring-daemon", "gnome-keyring"},
	})
	if !haveChromium() {
		packages = append(packages, "chromium")
	}
	if len(packages) > 0 {
		other = append(other, install(packages))
	}
	if !haveNodePackages() {
		other = append(other, "(cd "+testDir()+" && npm ci)")
	}
	if len(other) > 0 {
		t.Fatalf("parts of the end-to-end tests are missing; install them with `make test`, or:\n  %s",
			strings.Join(other, "\n  "))
	}
}

// program is one that has to be there, and Debian's package of it.
type program struct{ name, debian string }

// needPrograms fails the test when one is missing.
func needPrograms(t testing.TB, programs []program) {
	t.Helper()
	if packages := missing(programs); len(packages) > 0 {
		t.Fatalf("parts of the end-to-end tests are missing; install them with `make test`, or:\n  %s", install(packages))
	}
}

func missing(programs []program) (packages []string) {
	for _, p := range programs {
		if _, err := exec.LookPath(p.name); err != nil {
			packages = append(packages, p.debian)
		}
	}
	return packages
}

func install(packages []string) string {
	return "sudo apt-get install --no-install-recommends " + strings.Join(packages, " ")
}

// haveChromium looks where lib/person.mjs looks.
func haveChromium() bool {
	places := []string{"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"}
	if given := os.Getenv("DRAWBRIDGE_TEST_CHROMIUM"); given != "" {
		places = []string{given}
	}
	for _, place := range places {
		if _, err := os.Stat(place); err == nil {
			return true
		}
	}
	return false
}

func haveNodePackages() bool {
	modules := filepath.Join(testDir(), "node_modules")
	for _, name := range []string{
		"oidc-provider", "playwright-core", "jose",
		"@modelcontextprotocol/inspector", "@modelcontextprotocol/sdk", "@modelcontextprotocol/server-everything",
	} {
		if _, err := os.Stat(filepath.Join(modules, name, "package.json")); err != nil {
			return false
		}
	}
	return true
}

// node is the launcher that finds Node 22 or later.
func node() string { return filepath.Join(testDir(), "bin", "node") }

// script is one of the rig's own Node programs.
func script(name string) string { return filepath.Join(testDir(), "node", name) }
