package harness

import (
	"path/filepath"
	"strings"
	"testing"
)

// session is a private bus with an unlocked keychain and a home folder.
type session struct {
	home string
	env  []string
}

// startSession starts one of the scripts under sessions/ around a command that
// says where the session is and then waits for the end of the test.
func startSession(t testing.TB, name string) session {
	t.Helper()
	const holder = `printf '%s %s %s\n' "$HOME" "$XDG_RUNTIME_DIR" "$DBUS_SESSION_BUS_ADDRESS"; exec cat`
	_, line := startPart(t, name, nil, filepath.Join(testDir(), "sessions", name), "sh", "-c", holder)
	fields := strings.Fields(line)
	if len(fields) != 3 {
		t.Fatalf("%s said %q", name, line)
	}
	return session{
		home: fields[0],
		env:  []string{"XDG_RUNTIME_DIR=" + fields[1], "DBUS_SESSION_BUS_ADDRESS=" + fields[2]},
	}
}
