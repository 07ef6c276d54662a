//go:build unix

package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"drawbridge/bridge/fault"
	"drawbridge/test/leaks"
)

// TestMain plays a program that opens a browser when it is asked to: what the
// browser prints must not come out of it.
func TestMain(m *testing.M) {
	if address := os.Getenv("TEST_OPEN"); address != "" {
		if err := Open(context.Background(), address); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	leaks.Main(m)
}

const page = "https://as.example/authorize?client_id=a&state=$(touch+x)&x=%22;'`"

// program writes a script that records its arguments, one a line, and ends with status.
func program(t *testing.T, dir, name, status string) (record string) {
	t.Helper()
	record = filepath.Join(dir, name+".args")
	script := "#!/bin/sh\necho leaked\necho leaked >&2\nprintf '%s\\n' \"$@\" >'" + record + "'\nexit " + status + "\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return record
}

func recorded(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
}

func TestCheck(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://as.example/authorize?a=b": true,
		"http://127.0.0.1:4000/authorize":  true,
		"http://[::1]:4000/":               true,
		"http://localhost/":                true,
		"http://as.example/":               false,
		"http://127.0.0.1.evil.example/":   false,
		"file:///etc/passwd":               false,
		"javascript:alert(1)":              false,
		"https:opaque":                     false,
		"https://":                         false,
		"https://user:pw@as.example/":      false,
		"https://as.example/ --new-window": false,
		"https://as.example/\n":            false,
		"https://as.example/\"":            false,
		"https://as.example/`id`":          false,
		"https://as.example/é":             false,
		"--help":                           false,
		"":                                 false,
		"https://as.example/" + strings.Repeat("a", maxURL): false,
	} {
		err := Check(address)
		if (err == nil) != ok {
			t.Errorf("Check(%.60q) = %v", address, err)
		}
		if err != nil && !fault.Is(err, fault.BadURL) {
			t.Errorf("Check(%.60q) has code %q", address, fault.CodeOf(err))
		}
	}
}

func TestFromVariable(t *testing.T) {
	const u = "https://as.example/?a=%20b"
	for value, want := range map[string][][]string{
		"":                              nil,
		"firefox":                       {{"firefox", u}},
		"firefox --private %s":          {{"firefox", "--private", u}},
		"app --url=%s --title=100%%":    {{"app", "--url=" + u, "--title=100%"}},
		"a:b --x::":                     {{"a", u}, {"b", "--x", u}},
		"w3m %s &":                      {{"w3m", u}},
		`"/opt/my browser/run" -n '' x`: {{"/opt/my browser/run", "-n", "", "x", u}},
		"a; rm -rf $HOME":               {{"a;", "rm", "-rf", "$HOME", u}},
	} {
		got := fromVariable(value, u)
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q gives %q, want %q", value, got, want)
		}
	}
}

func TestTheAddressIsOneArgument(t *testing.T) {
	dir := t.TempDir()
	args := program(t, dir, "web browser", "0") // a blank in its name
	address := strings.TrimSuffix(page, "`")
	env := []string{"PATH=/usr/bin:/bin", "BROWSER=" + filepath.Join(dir, "web browser")}
	if err := OpenWith(t.Context(), env, address); err != nil {
		t.Fatal(err)
	}
	if got := recorded(t, args); !slices.Equal(got, []string{address}) {
		t.Errorf("the browser got %q", got)
	}
}

func TestTheNextAlternativeIsTried(t *testing.T) {
	dir := t.TempDir()
	first := program(t, dir, "first", "3")
	second := program(t, dir, "second", "0")
	third := program(t, dir, "third", "0")
	env := []string{"PATH=" + dir + ":/usr/bin:/bin", "BROWSER=absent:first:second -x:third"}
	if err := OpenWith(t.Context(), env, "https://as.example/"); err != nil {
		t.Fatal(err)
	}
	if recorded(t, first) == nil || !slices.Equal(recorded(t, second), []string{"-x", "https://as.example/"}) || recorded(t, third) != nil {
		t.Errorf("ran first %q, second %q, third %q", recorded(t, first), recorded(t, second), recorded(t, third))
	}
}

func TestDesktopOpener(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("open is what macOS has")
	}
	dir := t.TempDir()
	args := program(t, dir, "xdg-open", "0")
	path := "PATH=" + dir + ":/usr/bin:/bin"
	if err := OpenWith(t.Context(), []string{path}, "https://as.example/"); err == nil || recorded(t, args) != nil {
		t.Errorf("without a display: %v, and xdg-open got %q", err, recorded(t, args))
	}
	for _, display := range []string{"DISPLAY=:1", "WAYLAND_DISPLAY=wayland-0"} {
		_ = os.Remove(args)
		if err := OpenWith(t.Context(), []string{path, display}, "https://as.example/"); err != nil {
			t.Errorf("with %s: %v", display, err)
		}
		if got := recorded(t, args); !slices.Equal(got, []string{"https://as.example/"}) {
			t.Errorf("with %s xdg-open got %q", display, got)
		}
	}
}

func TestNothingIsRunForARefusedAddress(t *testing.T) {
	dir := t.TempDir()
	args := program(t, dir, "any", "0")
	err := OpenWith(t.Context(), []string{"BROWSER=" + filepath.Join(dir, "any")}, "file:///etc/passwd")
	if !fault.Is(err, fault.BadURL) || recorded(t, args) != nil {
		t.Errorf("err %v, ran with %q", err, recorded(t, args))
	}
}

func TestNothingToOpenWithIsAnError(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("open is always there")
	}
	err := OpenWith(t.Context(), []string{"PATH=" + t.TempDir(), "DISPLAY=:1"}, "https://as.example/")
	if err == nil {
		t.Fatal("no error")
	}
}

func TestABrowserThatStaysIsNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	// It stays until its pipe ends.
	end := filepath.Join(dir, "end")
	if err := syscall.Mkfifo(end, 0o600); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nexec cat '" + end + "'\n"
	if err := os.WriteFile(filepath.Join(dir, "stays"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := OpenWith(t.Context(), []string{"PATH=/usr/bin:/bin", "BROWSER=" + filepath.Join(dir, "stays")}, "https://as.example/"); err != nil {
		t.Fatal(err)
	}
	// Who waited for it would never get here. Let it end: its waiter is looked for.
	pipe, err := os.OpenFile(end, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = pipe.Close()
}

func TestTheBrowsersOutputStaysOut(t *testing.T) {
	dir := t.TempDir()
	args := program(t, dir, "chatty", "0")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{"TEST_OPEN=https://as.example/", "BROWSER=" + filepath.Join(dir, "chatty"), "PATH=/usr/bin:/bin"}
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) != 0 {
		t.Errorf("%v, output %q", err, out)
	}
	if recorded(t, args) == nil {
		t.Error("the browser did not run")
	}
}
