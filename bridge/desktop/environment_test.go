package desktop

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyWhatShowsSomethingIsTakenOver(t *testing.T) {
	got := sessionVariables([]string{
		"DISPLAY=:0", "XDG_SESSION_TYPE=wayland", "AWS_SECRET_ACCESS_KEY=x", "PATH=/bin", "BROWSER=", "LC_ALL=C", "HOME=/home/ada", "broken",
		"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus,guid=a=b",
	})
	want := map[string]string{
		"DISPLAY": ":0", "XDG_SESSION_TYPE": "wayland", "LC_ALL": "C", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus,guid=a=b",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCompleteKeepsWhatIsSet(t *testing.T) {
	env := []string{"HOME=/home/ada", "DISPLAY=:7", "BROWSER="}
	got := Complete(env, map[string]string{"DISPLAY": ":0", "BROWSER": "firefox", "WAYLAND_DISPLAY": "w"})
	slices.Sort(got[len(env):])
	want := []string{"HOME=/home/ada", "DISPLAY=:7", "BROWSER=", "BROWSER=firefox", "WAYLAND_DISPLAY=w"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(env) != 3 || env[1] != "DISPLAY=:7" {
		t.Errorf("the caller's environment changed: %q", env)
	}
}
