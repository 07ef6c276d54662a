package cli_test

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"drawbridge/bridge/cli"
	"drawbridge/bridge/demo"
)

var update = flag.Bool("update", false, "write what the commands said into the scripts")

// TestMain gives the scripts two programs: drawbridge, and a person who can be
// named in BROWSER.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"drawbridge": runDrawbridge, "person": runPerson})
}

func runDrawbridge() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	bye, _ := time.ParseDuration(os.Getenv("TEST_GOODBYE")) // none: what it is for clients
	os.Exit(cli.Main(ctx, cli.Process{Version: "test", Goodbye: bye, Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
}

// runPerson signs in as Ada at the demo's pages.
func runPerson() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := demo.SignInAsPerson(ctx, os.Args[1], "ada@example.com"); err != nil {
		os.Exit(1)
	}
}

// TestScripts runs testdata/*.txtar: each a person at a shell with folders and
// a home of their own and, unless the script says otherwise, no keychain.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("DRAWBRIDGE_CONFIG_DIR", filepath.Join(env.WorkDir, "config"))
			env.Setenv("DRAWBRIDGE_STATE_DIR", filepath.Join(env.WorkDir, "state"))
			env.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(env.WorkDir, "no-bus"))
			env.Setenv("GORACE", "atexit_sleep_ms=0") // with -race each program would end a second late
			env.Setenv("XDG_CONFIG_HOME", "")
			env.Setenv("XDG_STATE_HOME", "")
			return os.MkdirAll(home, 0o700)
		},
		Condition: func(name string) (bool, error) {
			if name == "keychain" { // the session of `make test` has one that tests may write to
				return os.Getenv("DRAWBRIDGE_TEST_SESSION") != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"demo":     startDemo,
			"server":   startServer,
			"status":   wantStatus,
			"keychain": useKeychain,
		},
	})
}

// startDemo: `demo` starts the demo's servers and sets DEMO to the MCP URL.
func startDemo(ts *testscript.TestScript, neg bool, _ []string) {
	if neg {
		ts.Fatalf("demo cannot be negated")
	}
	d, err := demo.Start(context.Background(), demo.Config{TokenLifetime: time.Minute})
	ts.Check(err)
	ts.Defer(func() { _ = d.Close() })
	ts.Setenv("DEMO", d.URL())
}

// startServer: `server VARIABLE KIND` starts an odd server and sets the variable.
func startServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: server VARIABLE closed|page|open")
	}
	var handler http.HandlerFunc
	switch args[1] {
	case "closed": // a port where nobody listens, nor will
		ts.Setenv(args[0], "http://127.0.0.1:1/mcp")
		return
	case "page":
		handler = text(200, "text/html", "<h1>Welcome</h1>")
	case "open":
		handler = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/mcp" {
				http.NotFound(w, r)
				return
			}
			open(w, r)
		}
	default:
		ts.Fatalf("no server of the kind %q", args[1])
	}
	s := httptest.NewServer(handler)
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL+"/mcp")
}

// wantStatus: `status N drawbridge …` runs a command that must end with N, and
// leaves its output for `stdout` and `stderr`.
func wantStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARGS…")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("ended with status %s, not %s", got, args[0])
	}
}

// useKeychain: `keychain` gives the script the session's keychain, under a
// service name of its own.
func useKeychain(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Setenv("DBUS_SESSION_BUS_ADDRESS", os.Getenv("DBUS_SESSION_BUS_ADDRESS"))
	ts.Setenv("XDG_RUNTIME_DIR", os.Getenv("XDG_RUNTIME_DIR"))
	ts.Setenv("DRAWBRIDGE_KEYCHAIN_SERVICE", "drawbridge-script-"+rand.Text())
}
