// Package harness is the rig of the end-to-end tests: it starts the real parts
// (an identity provider, a protected MCP server, MCP clients, a person at a
// browser, a private session with a keychain), runs the built drawbridge
// binary among them, keeps all that the run said and wrote, and ends what it
// started.
//
// It must not know the packages under bridge/: the tests see Drawbridge from
// the outside, as a person and a client do.
//
// The tests run when DRAWBRIDGE_E2E=1, which `make test` sets; a missing
// program is then a failure that names the command which installs it. Without
// it they are skipped.
package harness

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// The environment that the rig reads.
const (
	// EnvOn turns the end-to-end tests on when it is "1".
	EnvOn = "DRAWBRIDGE_E2E"
	// EnvBinary names a drawbridge binary to test instead of building one.
	EnvBinary = "DRAWBRIDGE_TEST_BINARY"
	// EnvLong makes the tests that last take their full time when it is "1".
	EnvLong = "DRAWBRIDGE_LONG"
)

// On reports whether the end-to-end tests are to run.
func On() bool { return os.Getenv(EnvOn) == "1" }

// Long reports whether tests are to take their full time.
func Long() bool { return os.Getenv(EnvLong) == "1" }

// Main runs the tests of a package. It builds the lean binary first, once, as
// `make build` does, and names it in EnvBinary. It returns the exit status.
func Main(m *testing.M) int {
	if !On() || os.Getenv(EnvBinary) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "drawbridge-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "drawbridge")
	if err := buildLean(binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := os.Setenv(EnvBinary, binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// testDir is the folder test/ of the source tree.
func testDir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(file))
}

// Rig is one test's world. It is safe for use by several goroutines.
type Rig struct {
	t testing.TB
	// Home is the person's home folder in this world.
	Home string
	// Config and State are Drawbridge's folders; they lie in Home.
	Config, State string
	// Service is the name of the keychain service; "" is Drawbridge's own,
	// in a keychain that is private anyway.
	Service string

	binary  string
	session []string // the environment that the private session gives
	desktop []string // what a person's programs know besides; clients pass none of it on
	browser *browser
	record  *record
}

// New makes the world of one test: a session of its own with an unlocked
// keychain, empty folders, a browser with a person at it. It skips the test
// when end-to-end tests are off and fails it when a program is missing.
func New(t testing.TB) *Rig {
	t.Helper()
	r := prepare(t)
	session := startSession(t, "keyring-session.sh")
	r.Home, r.session = session.home, session.env
	r.Config = filepath.Join(r.Home, "settings")
	r.State = filepath.Join(r.Home, "state")
	r.Service = "drawbridge-test-" + rand.Text()
	r.ready()
	return r
}

// Here makes a world out of the session that the test process itself runs in;
// see sessions/bare-session.sh. Drawbridge's folders are its default ones.
func Here(t testing.TB) *Rig {
	t.Helper()
	r := prepare(t)
	r.Home = os.Getenv("HOME")
	r.Config = filepath.Join(r.Home, ".config", "drawbridge")
	r.State = filepath.Join(r.Home, ".local", "state", "drawbridge")
	r.ready()
	return r
}

// Skip skips the test when the end-to-end tests are off.
func Skip(t testing.TB) {
	t.Helper()
	if !On() {
		t.Skip("end-to-end tests are off; `make test` runs them (" + EnvOn + "=1, inside npm's parts of test/)")
	}
}

func prepare(t testing.TB) *Rig {
	t.Helper()
	Skip(t)
	needAll(t)
	binary := os.Getenv(EnvBinary)
	if binary == "" {
		t.Fatal("no binary: the package's TestMain must call harness.Main")
	}
	return &Rig{t: t, binary: binary, record: &record{}}
}

// ready is the last step of making a rig: what must happen before the session
// goes away is registered after it, so that it happens first.
func (r *Rig) ready() {
	r.browser = newBrowser(r.t)
	r.t.Cleanup(func() {
		r.browser.end(r.t)
		r.endStrays()
		if r.t.Failed() {
			r.keepArtifacts()
		}
	})
}

// Binary is the drawbridge binary under test.
func (r *Rig) Binary() string { return r.binary }

// ClientEnv is what a client's settings would put under "env" for Drawbridge to
// find this world: its folders, its keychain and its bus.
func (r *Rig) ClientEnv() []string {
	var env []string
	if r.Service != "" {
		env = append(env,
			"DRAWBRIDGE_CONFIG_DIR="+r.Config,
			"DRAWBRIDGE_STATE_DIR="+r.State,
			"DRAWBRIDGE_KEYCHAIN_SERVICE="+r.Service)
	}
	return append(env, r.session...)
}

// bareEnv is what every MCP client gives: HOME, LOGNAME, PATH, SHELL, TERM, USER.
func (r *Rig) bareEnv() []string {
	env := []string{"HOME=" + r.Home}
	for _, name := range []string{"LOGNAME", "PATH", "SHELL", "TERM", "USER"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// personEnv is the environment of a person's shell in this world.
func (r *Rig) personEnv() []string {
	env := append(r.bareEnv(), "LANG=C.UTF-8")
	env = append(append(env, r.ClientEnv()...), r.desktop...)
	return append(env, r.browser.env()...)
}
