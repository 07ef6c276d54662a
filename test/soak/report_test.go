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

` + "`make soak`" + ` writes this table; ` + "`make soak ONLY=TestKills`" + ` replaces one row of it.
Machine: %s. Refreshes, reuses, sign-ins and browser openings are counted at the
provider and at the browser; calls are counted by the clients. Access tokens live
5 s and refresh tokens rotate; unless a row says otherwise a second use of one
revokes the grant, with no grace. Every call has a deadline of 25 s.

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
