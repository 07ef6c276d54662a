package desktop

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"drawbridge/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

// trap puts a dbus-launch first on PATH that records that it was run.
func trap(t *testing.T) (ran func() bool) {
	t.Helper()
	dir := t.TempDir()
	mark := filepath.Join(dir, "ran")
	if err := os.WriteFile(filepath.Join(dir, "dbus-launch"), []byte("#!/bin/sh\ntouch "+mark+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	return func() bool { _, err := os.Stat(mark); return err == nil }
}

func TestNoBusIsStarted(t *testing.T) {
	for _, address := range []string{"", "autolaunch:", "autolaunch:scope=user", "unix:path=/nonexistent/bus", "disabled:"} {
		t.Run(address, func(t *testing.T) {
			if address == "" {
				if _, err := os.Stat("/run/user/" + uid() + "/bus"); err == nil {
					t.Skip("this user has a session bus")
				}
			}
			ran := trap(t)
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
			if HasBus(t.Context()) {
				t.Error("HasBus is true")
			}
			if err := OpenURI(t.Context(), "https://as.example/"); !errors.Is(err, ErrNoSession) {
				t.Errorf("OpenURI = %v", err)
			}
			if _, err := Notify(t.Context(), Notification{}); !errors.Is(err, ErrNoSession) {
				t.Errorf("Notify = %v", err)
			}
			if _, err := Environment(t.Context()); !errors.Is(err, ErrNoSession) {
				t.Errorf("Environment = %v", err)
			}
			if ran() {
				t.Error("dbus-launch was run")
			}
		})
	}
}

func uid() string {
	raw, _ := exec.Command("id", "-u").Output()
	return strings.TrimSpace(string(raw))
}

// patience bounds the wait for what has to happen: it costs nothing when it does.
const patience = 30 * time.Second

// bus starts a private session bus and makes it ours.
func bus(t *testing.T) *dbus.Conn {
	t.Helper()
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

// stand exports methods under a well-known name on a connection of its own.
func stand(t *testing.T, conn *dbus.Conn, name string, path dbus.ObjectPath, iface string, methods map[string]any) {
	t.Helper()
	if err := conn.ExportMethodTable(methods, path, iface); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
}

func TestEnvironmentOfTheServiceManager(t *testing.T) {
	conn := bus(t)
	if _, err := Environment(t.Context()); err == nil {
		t.Error("an environment without a service manager")
	}
	stand(t, conn, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.DBus.Properties", map[string]any{
		"Get": func(iface, name string) (dbus.Variant, *dbus.Error) {
			if iface != "org.freedesktop.systemd1.Manager" || name != "Environment" {
				return dbus.Variant{}, dbus.MakeFailedError(errors.New("asked for " + iface + "." + name))
			}
			return dbus.MakeVariant([]string{"DISPLAY=:3", "TOKEN=x"}), nil
		},
	})
	env, err := Environment(t.Context())
	if err != nil || len(env) != 1 || env["DISPLAY"] != ":3" {
		t.Errorf("Environment = %q, %v", env, err)
	}
}

func TestOpenURIThroughThePortal(t *testing.T) {
	conn := bus(t)
	opened := make(chan string, 1)
	stand(t, conn, "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop", "org.freedesktop.portal.OpenURI", map[string]any{
		"OpenURI": func(parent, uri string, options map[string]dbus.Variant) (dbus.ObjectPath, *dbus.Error) {
			opened <- uri
			return "/org/freedesktop/portal/desktop/request/1", nil
		},
	})
	if err := OpenURI(t.Context(), "https://as.example/x"); err != nil {
		t.Fatal(err)
	}
	if got := <-opened; got != "https://as.example/x" {
		t.Errorf("opened %q", got)
	}
}

func TestNotifyEscapesMarkup(t *testing.T) {
	conn := bus(t)
	if _, err := Notify(t.Context(), Notification{Title: "x"}); err == nil {
		t.Error("a notification that nobody showed")
	}
	shown := make(chan string, 1)
	stand(t, conn, "org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.freedesktop.Notifications", map[string]any{
		"Notify": func(app string, replaces uint32, icon, title, body string, actions []string, hints map[string]dbus.Variant, expire int32) (uint32, *dbus.Error) {
			shown <- app + "|" + title + "|" + body
			return 1, nil
		},
	})
	if _, err := Notify(t.Context(), Notification{Title: "demo", Body: `<a href="x">R&D</a>`}); err != nil {
		t.Fatal(err)
	}
	if got, want := <-shown, `Drawbridge|demo|&lt;a href="x"&gt;R&amp;D&lt;/a&gt;`; got != want {
		t.Errorf("shown %q, want %q", got, want)
	}
}

func TestShowsTrayIcons(t *testing.T) {
	conn := bus(t)
	if ShowsTrayIcons(t.Context()) {
		t.Error("tray icons without a panel")
	}
	var hosted atomic.Bool
	stand(t, conn, "org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher", "org.freedesktop.DBus.Properties", map[string]any{
		"Get": func(string, string) (dbus.Variant, *dbus.Error) { return dbus.MakeVariant(hosted.Load()), nil },
	})
	if ShowsTrayIcons(t.Context()) {
		t.Error("tray icons with a watcher but no host")
	}
	hosted.Store(true)
	if !ShowsTrayIcons(t.Context()) {
		t.Error("no tray icons with a host")
	}
}

// Whoever waits for a bus that hangs may go: the call's own limit, which is another
// error, does not have to pass.
func TestAHangingBusIsNotWaitedForLong(t *testing.T) {
	conn := bus(t)
	asked, answer, answered := make(chan struct{}), make(chan struct{}), make(chan struct{})
	stand(t, conn, "org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.freedesktop.Notifications", map[string]any{
		"Notify": func(string, uint32, string, string, string, []string, map[string]dbus.Variant, int32) (uint32, *dbus.Error) {
			defer close(answered)
			close(asked)
			<-answer
			return 1, nil
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := Notify(ctx, Notification{})
		ended <- err
	}()
	select {
	case <-asked: // and not before: the way there takes its time
	case err := <-ended:
		t.Fatalf("nobody was asked: %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Notify = %v", err)
	}
	close(answer)
	<-answered
}
