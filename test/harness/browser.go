package harness

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Person is what the person at the browser does.
type Person string

// The persons.
const (
	Allows Person = "allow"  // signs in and consents
	Denies Person = "deny"   // cancels at the first page
	Leaves Person = "leave"  // looks at the first page and goes away
	Absent Person = "absent" // the browser opens, nobody is there
)

// Seen is what the person saw in the end.
type Seen struct {
	Mode     string   `json:"mode"`
	FinalURL string   `json:"finalURL"`
	Title    string   `json:"title"`
	Text     string   `json:"text"`
	Screens  []string `json:"screens"`
	Error    string   `json:"error"`
}

// browser is bin/browser: what it was asked to open, and who sits there.
type browser struct {
	log     string
	person  Person
	through []string
}

func newBrowser(t testing.TB) *browser {
	return &browser{log: filepath.Join(t.TempDir(), "opened"), person: Allows}
}

func (b *browser) env() []string {
	env := []string{
		"BROWSER=" + filepath.Join(testDir(), "bin", "browser"),
		"DRAWBRIDGE_TEST_BROWSER_LOG=" + b.log,
		"DRAWBRIDGE_TEST_PERSON=" + string(b.person),
		"DRAWBRIDGE_TEST_THROUGH=" + strings.Join(b.through, " "),
	}
	for _, name := range []string{"DRAWBRIDGE_TEST_NODE", "DRAWBRIDGE_TEST_CHROMIUM"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// SetPerson decides who sits at the browser from the next command on.
func (r *Rig) SetPerson(p Person) { r.browser.person = p }

// SetThrough names origins that the person's way leads through, beside the first.
func (r *Rig) SetThrough(origins ...string) { r.browser.through = origins }

// Opened is the addresses that a browser was opened with, counted by the
// browser itself.
func (r *Rig) Opened() []string { return readLines(r.browser.log) }

// BrowserEnv is what makes a program of this world open the rig's browser.
func (r *Rig) BrowserEnv() []string { return r.browser.env() }

// Visit lets the person open an address, as a client that shows it would.
func (r *Rig) Visit(address string) {
	r.t.Helper()
	cmd := exec.Command(filepath.Join(testDir(), "bin", "browser"), address)
	cmd.Env = append(os.Environ(), r.browser.env()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("the browser does not open %s: %v\n%s", address, err, out)
	}
}

// Seen waits until the person has seen the end of n sign-ins.
func (r *Rig) Seen(n int) []Seen {
	r.t.Helper()
	deadline := time.Now().Add(startDeadline)
	for {
		lines := readLines(r.browser.log + ".seen")
		if len(lines) >= n {
			seen := make([]Seen, len(lines))
			for i, line := range lines {
				if err := json.Unmarshal([]byte(line), &seen[i]); err != nil {
					r.t.Fatalf("the person said %q: %v", line, err)
				}
			}
			return seen
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(r.browser.log + ".err")
			r.t.Fatalf("the person saw %d of %d sign-ins to their end within %v\n%s", len(lines), n, startDeadline, said)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// end ends persons who are still waiting for a page.
func (b *browser) end(t testing.TB) {
	for _, line := range readLines(b.log + ".pids") {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Errorf("a person's pid: %v", err)
			continue
		}
		endProcess(pid, func() bool { return strings.Contains(commandLine(pid), "person.mjs") })
	}
}

func readLines(path string) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil // nothing was written yet
	}
	defer file.Close()
	var lines []string
	reader := bufio.NewReader(file)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return lines // what has no end yet is still being written
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
}
