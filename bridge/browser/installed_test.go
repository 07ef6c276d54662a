//go:build unix && !darwin

package browser

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// entries writes desktop entries into a data folder of its own.
func entries(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	apps := filepath.Join(dir, "applications")
	if err := os.Mkdir(apps, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(apps, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const handles = "\nMimeType=text/html;x-scheme-handler/https;\n"

func TestInstalledBrowsersAreThoseThatOpenHTTPS(t *testing.T) {
	mine := entries(t, map[string]string{
		"gone.desktop": "[Desktop Entry]\nType=Application\nName=Gone\nExec=gone %u\nHidden=true" + handles,
	})
	all := entries(t, map[string]string{
		"wolf.desktop":   "[Desktop Entry]\nType=Application\nName=Wolf\nName[de]=Der Wolf\nExec=/opt/wolf/wolf --new %u --at 100%%" + handles + "[Desktop Action private]\nName=Private\nExec=wolf -p %u\n",
		"bear.desktop":   "[Desktop Entry]\nType=Application\nName=Bear\nExec=bear" + handles,
		"gone.desktop":   "[Desktop Entry]\nType=Application\nName=Gone\nExec=gone %u" + handles,
		"hidden.desktop": "[Desktop Entry]\nType=Application\nName=H\nExec=h\nNoDisplay=true" + handles,
		"editor.desktop": "[Desktop Entry]\nType=Application\nName=E\nExec=e\nMimeType=text/plain;x-scheme-handler/httpsx;\n",
		"notes.txt":      "x-scheme-handler/https",
	})
	got := List([]string{"XDG_DATA_HOME=" + mine, "XDG_DATA_DIRS=" + all + ":relative"})
	want := []Installed{
		{ID: "bear.desktop", Title: "Bear", argv: []string{"bear"}},
		{ID: "wolf.desktop", Title: "Wolf", argv: []string{"/opt/wolf/wolf", "--new", addressHere, "--at", "100%"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Installed{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheChosenBrowserOpensAndAnyOtherWhenItIsGone(t *testing.T) {
	const address = "https://as.example/authorize?a=b&c=$(d)"
	bin := t.TempDir()
	chosen, other := program(t, bin, "wolf", "0"), program(t, bin, "other", "0")
	data := entries(t, map[string]string{
		"wolf.desktop": "[Desktop Entry]\nType=Application\nName=Wolf\nExec=wolf --new %u" + handles,
	})
	env := []string{"PATH=" + bin + ":/bin:/usr/bin", "XDG_DATA_HOME=/nowhere", "XDG_DATA_DIRS=" + data, "BROWSER=other"}
	if err := OpenIn(t.Context(), env, "wolf.desktop", address); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"--new", address}, recorded(t, chosen)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := recorded(t, other); got != nil {
		t.Errorf("another browser was opened, too: %q", got)
	}
	if err := OpenIn(t.Context(), env, "/bin/sh", address); err != nil { // no installed browser: no program of that name runs
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{address}, recorded(t, other)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := OpenIn(t.Context(), env, "wolf.desktop", "file:///etc/passwd"); err == nil {
		t.Error("an address that is none for a browser was opened")
	}
}
