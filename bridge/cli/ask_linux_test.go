package cli_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"drawbridge/bridge/cli"
)

// terminal is a pseudo terminal: the person's side and the program's.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

// asked is standard error with somebody before it who answers questions in turn.
type asked struct {
	mu        sync.Mutex
	text      bytes.Buffer
	person    *os.File
	answers   []string
	questions int
	called    func() // what happens instead of an answer; nil: nothing
}

func (a *asked) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.text.Write(p)
	if bytes.HasSuffix(p, []byte("[y/N] ")) {
		a.questions++
		if a.called != nil {
			a.called()
		}
		if len(a.answers) > 0 {
			_, _ = a.person.WriteString(a.answers[0] + "\n")
			a.answers = a.answers[1:]
		}
	}
	return len(p), nil
}

func (a *asked) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text.String()
}

// TestImportAsks: what is answered with no is not done, and there are no more
// questions than things to decide.
func TestImportAsks(t *testing.T) {
	for name, c := range map[string]struct {
		answers            string
		questions          int
		added, gone, taken bool
		replaced           bool
		status             int
	}{
		"no":               {answers: "n", questions: 1},
		"nothing said":     {answers: "", questions: 1},
		"all":              {answers: "y|yes|Y", questions: 3, added: true, gone: true, taken: true, replaced: true},
		"files stay":       {answers: "y|y|n", questions: 3, added: true, taken: true, replaced: true},
		"the entry stays":  {answers: "y|n|y", questions: 3, added: true, gone: true, taken: true},
		"nobody, and then": {answers: "interrupt", questions: 1, status: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u := newUser(t)
			t.Setenv("HOME", u.dir)
			t.Setenv("XDG_CONFIG_HOME", "")
			sum := md5.Sum([]byte(w.URL + "/mcp"))
			stored := filepath.Join(u.dir, ".mcp-auth", "mcp-remote-v1", hex.EncodeToString(sum[:]))
			entries := filepath.Join(u.dir, ".config", "Claude", "claude_desktop_config.json")
			access := w.secret("access")
			for path, text := range map[string]string{
				stored + "_tokens.json":      `{"access_token": "` + access + `", "refresh_token": "` + w.secret("refresh") + `", "expires_in": 3600}`,
				stored + "_client_info.json": `{"client_id": "theirs", "issuer": "` + w.URL + `"}`,
				entries:                      `{"mcpServers": {"notes": {"command": "npx", "args": ["mcp-remote", "` + w.URL + `/mcp"]}}}`,
			} {
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			person, program := terminal(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			stderr := &asked{person: person, answers: strings.Split(c.answers, "|")}
			if c.answers == "interrupt" {
				stderr.answers, stderr.called = nil, cancel
			}
			var stdout bytes.Buffer
			status := cli.Main(ctx, cli.Process{
				Version: "test", Stdin: program, Stdout: &stdout, Stderr: stderr, Memory: u.vault,
				Args: []string{"--config-dir", filepath.Join(u.dir, "config"), "--state-dir", filepath.Join(u.dir, "state"), "--vault", "memory", "import", "mcp-remote"},
			})
			if status != c.status || stderr.questions != c.questions {
				t.Errorf("status %d after %d questions\n%s", status, stderr.questions, stderr)
			}
			if leaks := w.leaks(stdout.String() + stderr.String()); len(leaks) > 0 {
				t.Errorf("printed: %q", leaks)
			}
			_, addedErr := os.Stat(u.settings())
			_, storedErr := os.Stat(stored + "_tokens.json")
			now, err := os.ReadFile(entries)
			if err != nil {
				t.Fatal(err)
			}
			if added, gone, replaced := addedErr == nil, storedErr != nil, !strings.Contains(string(now), "mcp-remote"); added != c.added || gone != c.gone || replaced != c.replaced {
				t.Errorf("added %v, files gone %v, entry replaced %v\n%s", added, gone, replaced, stderr)
			}
			if c.added {
				if got := u.run("token", "notes"); (strings.TrimSpace(got.stdout) == access) != c.taken {
					t.Errorf("the token afterwards: %v", got)
				}
			}
			both := strings.Contains(stderr.String(), "Do not use both")
			if both != (c.taken && !c.gone) {
				t.Errorf("the warning about two users of a sign-in: %v\n%s", both, stderr)
			}
		})
	}
}
