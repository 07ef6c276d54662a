package harness

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// envInside names the session that the test process was started in by Inside.
const envInside = "DRAWBRIDGE_TEST_INSIDE"

// insideDeadline bounds a test inside a session.
const insideDeadline = 10 * time.Minute

// Inside reports whether the test runs inside a session of the script under
// sessions/. Where it does not, Inside runs the test there, in a process of its
// own with env added, and passes on what that one says. It skips the test when
// end-to-end tests are off.
func Inside(t *testing.T, script string, env ...string) bool {
	t.Helper()
	Skip(t)
	if os.Getenv(envInside) == script {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), insideDeadline)
	defer cancel()
	args := []string{"env", envInside + "=" + script}
	for _, name := range []string{
		EnvOn, EnvBinary, EnvLong, EnvArtifacts, "DRAWBRIDGE_TEST_NODE", "DRAWBRIDGE_TEST_CHROMIUM",
	} {
		if value := os.Getenv(name); value != "" {
			args = append(args, name+"="+value)
		}
	}
	args = append(args, self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout="+(insideDeadline-10*time.Second).String())
	cmd := exec.CommandContext(ctx, filepath.Join(testDir(), "sessions", script), args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("inside %s: %v\n%s", script, err, out)
	}
	t.Logf("%s", out)
	return false
}
