package soak

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// envReport names the file that the table of results goes into. A row of a test
// that was not run this time stays as it was.
const envReport = "DRAWBRIDGE_SOAK_REPORT"

var results report

// report collects a row of each test.
type report struct {
	mu   sync.Mutex
	rows []row
}

type row struct{ name, form, seen, verdict string }

// add notes what a test saw, and says it.
func (r *report) add(t *testing.T, name, form, format string, args ...any) {
	t.Helper()
	seen := fmt.Sprintf(format, args...)
	verdict := "as it must be"
	if t.Failed() {
		verdict = "**not as it must be**"
	}
	t.Logf("%s (%s): %s: %s", name, form, seen, verdict)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, row{name, form, seen, verdict})
}

const tableHead = "| test | form | seen | verdict | date |\n|---|---|---|---|---|\n"

// write puts the table into a file, with the rows of earlier runs that this
// one has not replaced.
func (r *report) write(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rows) == 0 {
		return nil
	}
	today := time.Now().UTC().Format(time.DateOnly)
	lines := map[string]string{}
	if raw, err := os.ReadFile(path); err == nil {
		_, table, _ := strings.Cut(string(raw), tableHead)
		for line := range strings.Lines(table) {
			if name, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | "); ok {
				lines[name] = line
			}
		}
	}
	for _, row := range r.rows {
		lines[row.name] = fmt.Sprintf("| %s | %s | %s | %s | %s |\n", row.name, row.form, row.seen, row.verdict, today)
	}
	var names []string
	for name := range lines {
		names = append(names, name)
	}
	slices.Sort(names)
	var out strings.Builder
	fmt.Fprintf(&out, intro, shape())
	out.WriteString(tableHead)
	for _, name := range names {
		out.WriteString(lines[name])
	}
	if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

const intro = `# What the soak has seen

` + "`make soak`" + ` runs the long forms of ` + "`test/soak`" + ` and writes this table; ` + "`make soak ONLY=TestKills`" + `
replaces the rows of one test. ` + "`make test`" + ` runs the short forms.

Machine: %s, shared with other work. Refreshes, reuses and sign-ins are counted
at the provider, browser openings at the browser, calls by the clients; nothing
is asked of the program under test. Unless a row says otherwise access tokens
live 5 s, refresh tokens rotate, and a second use of one revokes the grant with
no grace. Each process gets one call a second; each call has a deadline of 60 s.

- A token is due a fifth of its life ahead of its end, so that nobody waits for
  it: a 5-second token every 4 s.
- A killed process may take a rotation with it: the provider has renewed, and
  the new refresh token was in nobody else's hands. It counts as lost only if
  the request came over a connection of the killed process, which held the lock
  of a renewal and of its write, nobody ever used the new token, and the old one
  was used again. Any other second use of a refresh
  token, and any call that failed outside the sign-in after a loss, fails the test.
- workers-oauth-provider issues no token shorter than 60 s; the rig tells clients
  5 s and lets it end then.

`

// shape is the machine in a few words.
func shape() string {
	memory := ""
	if raw, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kB int
		if _, err := fmt.Sscanf(string(raw), "MemTotal: %d kB", &kB); err == nil {
			memory = fmt.Sprintf(", %d GB", (kB+1<<19)>>20)
		}
	}
	return fmt.Sprintf("%d cores%s, %s/%s", runtime.NumCPU(), memory, runtime.GOOS, runtime.GOARCH)
}

// pick is the long form's value when the long forms are run.
func pick[T any](short, long T) T {
	if harness.Long() {
		return long
	}
	return short
}

// form says which form was run.
func form(lasts time.Duration) string {
	return fmt.Sprintf("%s, %v", pick("short", "long"), lasts)
}
