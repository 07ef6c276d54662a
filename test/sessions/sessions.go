// Package sessions runs a test in a session of its own, made by one of the
// scripts in this folder: with a bus, a keychain and, if need be, a screen that
// no other test uses. It knows nothing of Drawbridge.
package sessions

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// inner names the test that runs in the session it asked for.
const inner = "DRAWBRIDGE_TEST_WITHIN"

// Within runs the test that calls it once more, in a session that the script
// makes with these additions to its environment, and reports whether this is
// that session: if not, the test is over. The calling package is two folders
// below the root of the repository. It takes at most five minutes.
func Within(t *testing.T, script string, env ...string) bool {
	t.Helper()
	if os.Getenv(inner) == t.Name() {
		return true
	}
	path, err := filepath.Abs(filepath.Join("..", "..", "test", "sessions", script))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=280s")
	cmd.Env = append(append(os.Environ(), inner+"="+t.Name()), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its parts
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in its session: %v\n%s", err, out)
	}
	return false
}
