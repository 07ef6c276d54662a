package test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

var seenByTheServer = regexp.MustCompile(`1 sign-in, (\d+) refresh, 0 refused`)

// TestDemoWithoutADisplay: `make run` on a machine without a display plays the
// browser's part itself and ends well, with the keychain that is there or, where
// there is none, with a private one.
func TestDemoWithoutADisplay(t *testing.T) {
	harness.NeedDemo(t)
	for _, tt := range []struct{ name, bus, keychain string }{
		{"a keychain", "", "Using the keychain of this computer"},
		{"no keychain", "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", "started a private session bus with a gnome-keyring"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rig := harness.New(t)
			var env []string
			if tt.bus != "" {
				env = append(env, tt.bus)
			}
			result := rig.RunCommand(harness.Command{Args: []string{"demo", "--token-lifetime", "5s"}, Env: env})
			if result.Status != 0 || result.Stderr != "" {
				t.Errorf("it ended with %v", result)
			}
			for _, want := range []string{
				tt.keychain, "the demo plays the browser's part", "Signed in as ada@example.com",
				"signature valid", "All of it worked",
			} {
				if !strings.Contains(result.Stdout, want) {
					t.Errorf("the transcript does not say %q:\n%s", want, result.Stdout)
				}
			}
			// The token is renewed when it is due, after 4 s: once for the second call,
			// and before it where the machine is slow.
			said := seenByTheServer.FindStringSubmatch(result.Stdout)
			if said == nil {
				t.Fatalf("the transcript does not say what the server saw:\n%s", result.Stdout)
			}
			if n, err := strconv.Atoi(said[1]); err != nil || n < 1 || n > int(result.Took/(4*time.Second)) {
				t.Errorf("%d refreshes in %v", n, result.Took)
			}
			if opened := rig.Opened(); len(opened) != 0 {
				t.Errorf("a browser was opened: %q", opened)
			}
			if buses := rig.Buses(); buses != 1 {
				t.Errorf("%d D-Bus daemons are left, want the session's", buses)
			}
		})
	}
}
