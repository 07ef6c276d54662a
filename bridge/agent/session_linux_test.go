package agent

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// bare leaves this process the environment that clients give a stdio server,
// with a session bus that only its address tells of.
func bare(t *testing.T) *dbus.Conn {
	t.Helper()
	for _, line := range os.Environ() {
		name, _, _ := strings.Cut(line, "=")
		if name == "DISPLAY" || name == "WAYLAND_DISPLAY" || name == "BROWSER" || strings.HasPrefix(name, "XDG_") {
			t.Setenv(name, "")
			_ = os.Unsetenv(name)
		}
	}
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		t.Skip("dbus-daemon is not installed")
	}
	ctx, cancel := context.WithCancel(context.Background())
	address := "unix:path=" + filepath.Join(t.TempDir(), "bus")
	cmd := exec.CommandContext(ctx, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--address="+address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if conn, err := dbus.Connect(address); err == nil {
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		}
	}
	t.Fatal("the bus did not come up")
	return nil
}

func export(t *testing.T, conn *dbus.Conn, name string, path dbus.ObjectPath, iface string, methods map[string]any) {
	t.Helper()
	if err := conn.ExportMethodTable(methods, path, iface); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
}

// serviceManager answers with lines as systemd --user does.
func serviceManager(t *testing.T, conn *dbus.Conn, lines ...string) {
	t.Helper()
	export(t, conn, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.DBus.Properties", map[string]any{
		"Get": func(string, string) (dbus.Variant, *dbus.Error) { return dbus.MakeVariant(lines), nil },
	})
}

func script(t *testing.T, name, record string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	text := "#!/bin/sh\necho \"$DISPLAY|$XDG_SESSION_TYPE|$*\" >" + record + ".tmp && mv " + record + ".tmp " + record + "\n"
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestABareAgentOpensTheBrowserOfTheSession(t *testing.T) {
	conn := bare(t)
	record := filepath.Join(t.TempDir(), "ran")
	serviceManager(t, conn, "DISPLAY=:9", "XDG_SESSION_TYPE=x11", "BROWSER="+script(t, "browser", record))
	if err := Browser(config.Paths{})(t.Context(), "https://as.example/x"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the browser runs", func() bool { _, err := os.Stat(record); return err == nil })
	if got, _ := os.ReadFile(record); string(got) != ":9|x11|https://as.example/x\n" {
		t.Errorf("the browser ran with %q", got)
	}
}

func TestABareAgentAsksThePortal(t *testing.T) {
	conn := bare(t)
	opened := make(chan string, 1)
	export(t, conn, "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop", "org.freedesktop.portal.OpenURI", map[string]any{
		"OpenURI": func(_, uri string, _ map[string]dbus.Variant) (dbus.ObjectPath, *dbus.Error) {
			opened <- uri
			return "/x", nil
		},
	})
	if err := Browser(config.Paths{})(t.Context(), "https://as.example/x"); err != nil {
		t.Fatal(err)
	}
	if got := <-opened; got != "https://as.example/x" {
		t.Errorf("opened %q", got)
	}
	if err := Browser(config.Paths{})(t.Context(), "file:///etc/passwd"); !fault.Is(err, fault.BadURL) {
		t.Errorf("a file: %v", err)
	}
	if len(opened) != 0 {
		t.Error("the portal was asked for a file")
	}
}

func TestABareAgentWithoutASessionSaysThatNothingOpened(t *testing.T) {
	bare(t)
	if err := Browser(config.Paths{})(t.Context(), "https://as.example/x"); err == nil {
		t.Error("no error")
	}
}

func TestTheWindowStartsInsideTheSession(t *testing.T) {
	conn := bare(t)
	serviceManager(t, conn, "DISPLAY=:9", "XDG_SESSION_TYPE=wayland")
	p := folders(t)
	open := Window(p)
	t.Setenv("PATH", "/usr/bin:/bin")
	if err := open(t.Context()); !fault.Is(err, fault.Unsupported) {
		t.Fatalf("without the program: %v", err)
	}
	record := filepath.Join(t.TempDir(), "ran")
	program := script(t, "drawbridge-desktop", record)
	t.Setenv("PATH", filepath.Dir(program)+":/usr/bin:/bin")
	if err := open(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the window runs", func() bool { _, err := os.Stat(record); return !errors.Is(err, os.ErrNotExist) })
	if got, _ := os.ReadFile(record); string(got) != ":9|wayland|\n" {
		t.Errorf("it ran with %q", got)
	}
	reaped(t)
}
