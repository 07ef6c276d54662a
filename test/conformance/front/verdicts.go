package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	begin = "<!-- server verdicts: make conformance writes them -->\n"
	end   = "<!-- end of server verdicts -->\n"
)

// verdict is what the suite makes of a scenario, and the checks that it does not
// like.
type verdict struct {
	name string
	bad  []string
}

// folder is how the suite names what it keeps of a scenario.
var folder = regexp.MustCompile(`^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$`)

// runSuite runs all server scenarios of a suite against a URL.
func runSuite(ctx context.Context, suite, revision, url, dir string, verbose bool) (map[string]verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, suiteLimit)
	defer cancel()
	args := []string{filepath.Join(here(), "..", "node_modules", suite, "dist", "index.js"), "server", "--url", url, "--suite", "all", "--output-dir", dir}
	if revision != "" {
		args = append(args, "--spec-version", revision, "--timeout", "60000")
	}
	cmd := exec.CommandContext(ctx, node(), args...)
	cmd.WaitDelay = 20 * time.Second
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) { // a scenario that fails makes it exit with 1
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	all := map[string]verdict{}
	for _, e := range entries {
		parts := folder.FindStringSubmatch(e.Name())
		if parts == nil {
			continue
		}
		v, err := judge(filepath.Join(dir, e.Name(), "checks.json"))
		if err != nil {
			return nil, err
		}
		all[parts[1]] = v
		if verbose {
			for _, b := range v.bad {
				fmt.Fprintf(os.Stderr, "%s %s %s: %s\n", v.name, url, parts[1], b)
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no scenario was run:\n%s", said)
	}
	return all, nil
}

func judge(file string) (verdict, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return verdict{}, err
	}
	var checks []struct{ ID, Status, ErrorMessage string }
	if err := json.Unmarshal(raw, &checks); err != nil {
		return verdict{}, fmt.Errorf("%s: %w", file, err)
	}
	v, failed := verdict{name: "pass"}, 0
	for _, c := range checks {
		if c.Status != "FAILURE" && c.Status != "WARNING" {
			continue
		}
		v.bad = append(v.bad, c.ID+": "+c.ErrorMessage)
		if v.name = "warnings"; c.Status == "FAILURE" {
			failed++
		}
	}
	if failed > 0 {
		v.name = fmt.Sprintf("%d of %d fail", failed, len(checks))
	}
	return v, nil
}

// column is one of what the suites were run against.
type column struct {
	name, url string
	only      string // the one revision that it is about; "" for all
}

type row struct{ scenario, suite, revision string }

// table holds the verdicts, by row, and by column within it.
type table map[row]map[int]verdict

func (t *table) put(suite, revision string, column int, verdicts map[string]verdict) {
	if *t == nil {
		*t = table{}
	}
	if revision == "" {
		revision = "2025-11-25"
	}
	for scenario, v := range verdicts {
		r := row{scenario, suite, revision}
		if (*t)[r] == nil {
			(*t)[r] = map[int]verdict{}
		}
		(*t)[r][column] = v
	}
}

func (t table) render(columns []column) string {
	var b strings.Builder
	b.WriteString("| scenario | suite | revision |")
	for _, c := range columns {
		b.WriteString(" " + c.name + " |")
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", 3+len(columns)) + "\n")
	var rows []row
	for r := range t {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(x, y row) int {
		return strings.Compare(x.revision+x.suite+x.scenario, y.revision+y.suite+y.scenario)
	})
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s |", r.scenario, r.suite, r.revision)
		for i := range columns {
			b.WriteString(" " + t[r][i].name + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// write puts the table between the marks of a file.
func write(file, table string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return fmt.Errorf("%s has no table of server verdicts", file)
	}
	return os.WriteFile(file, []byte(before+begin+table+end+after), 0o644)
}
