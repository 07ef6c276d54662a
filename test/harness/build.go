package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// EnvWindow names a drawbridge-desktop to test instead of building one.
const EnvWindow = "DRAWBRIDGE_TEST_WINDOW"

const buildDeadline = 15 * time.Minute

// buildLean builds the lean binary as `make build` does.
func buildLean(binary string) error {
	return build(binary, "CGO_ENABLED=0", "", "-s -w")
}

// NeedDemo puts drawbridge-demo beside the drawbridge under test, which looks for
// it in its own folder.
func NeedDemo(t testing.TB) {
	t.Helper()
	Skip(t)
	if err := buildDemo(); err != nil {
		t.Fatal(err)
	}
}

var buildDemo = sync.OnceValue(func() error {
	demo := filepath.Join(filepath.Dir(os.Getenv(EnvBinary)), "drawbridge-demo")
	if exists(demo) {
		return nil
	}
	return build(demo, "CGO_ENABLED=0", "demo", "-s -w")
})

// NeedReplica is the same for drawbridge-replica.
func NeedReplica(t testing.TB) {
	t.Helper()
	Skip(t)
	if err := buildReplica(); err != nil {
		t.Fatal(err)
	}
}

var buildReplica = sync.OnceValue(func() error {
	replica := filepath.Join(filepath.Dir(os.Getenv(EnvBinary)), "drawbridge-replica")
	if exists(replica) {
		return nil
	}
	return build(replica, "CGO_ENABLED=0", "replica", "-s -w")
})

// buildWindow is the same for drawbridge-desktop.
var buildWindow = sync.OnceValue(func() error {
	window := filepath.Join(filepath.Dir(os.Getenv(EnvBinary)), "drawbridge-desktop")
	if exists(window) {
		return nil
	}
	if given := os.Getenv(EnvWindow); given != "" {
		program, err := os.ReadFile(given)
		if err != nil {
			return fmt.Errorf("%s: %w; build it with `make desktop`", EnvWindow, err)
		}
		return os.WriteFile(window, program, 0o755)
	}
	root := filepath.Dir(testDir())
	if !exists(filepath.Join(root, "frontend", "dist", "index.html")) {
		return errors.New("the window's page is not built: (cd frontend && npm ci && npm run build)")
	}
	return buildWithWebView(window, ".")
})

// BareWindow builds the window that is the floor of the window's start, and
// returns its program.
func BareWindow(t testing.TB) string {
	t.Helper()
	Skip(t)
	program := filepath.Join(t.TempDir(), "bare")
	if err := buildWithWebView(program, "./test/bench/bare"); err != nil {
		t.Fatal(err)
	}
	return program
}

func buildWithWebView(binary, from string) error {
	tags, err := exec.Command(filepath.Join(filepath.Dir(testDir()), "scripts", "window-tags.sh")).Output()
	if err != nil {
		return fmt.Errorf("scripts/window-tags.sh: %w", err)
	}
	return buildFrom(from, binary, "CGO_ENABLED=1", strings.TrimSpace(string(tags)), "-s -w")
}

func build(binary, cgo, tags, ldflags string) error {
	return buildFrom(".", binary, cgo, tags, ldflags)
}

func buildFrom(from, binary, cgo, tags, ldflags string) error {
	ctx, cancel := context.WithTimeout(context.Background(), buildDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", tags, "-ldflags", ldflags, "-o", binary, from)
	cmd.Dir = filepath.Dir(testDir())
	cmd.Env = append(os.Environ(), cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", filepath.Base(binary), err, out)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
