package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// rows are the lines of the table, by what their first three cells say.
type rows map[string]map[Era]string

const (
	header = "| scenario | suite | revision | legacy host | 2026-07-28 host |\n| --- | --- | --- | --- | --- |\n"
	begin  = "<!-- verdicts: make conformance writes them -->\n"
	end    = "<!-- end of verdicts -->\n"
	// noteLimit bounds what a cell says about a failure, in bytes.
	noteLimit = 140
)

// key is the start of a run's line in the table.
func (r Run) key() string {
	return fmt.Sprintf("| %s | %s | %s ", r.Scenario, r.Suite, cmp.Or(r.Version, "–"))
}

func tabulate(results []Result) rows {
	out := rows{}
	for _, r := range results {
		key := r.key()
		if out[key] == nil {
			out[key] = map[Era]string{}
		}
		cell := string(r.Verdict)
		if len(r.Bad) > 0 {
			cell += ": " + clip(r.Bad[0])
		}
		out[key][r.Host] = cell
	}
	return out
}

func clip(s string) string {
	s = strings.Join(strings.Fields(strings.ReplaceAll(s, "|", "/")), " ")
	if len(s) > noteLimit {
		s = strings.ToValidUTF8(s[:noteLimit], "") + " …"
	}
	return s
}

// String is the table: the scenarios that are not about authorization first.
func (r rows) String() string {
	var b strings.Builder
	b.WriteString(header)
	keys := make([]string, 0, len(r))
	for key := range r {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(x, y string) int {
		auth := func(s string) string {
			if strings.HasPrefix(s, "| auth/") {
				return "1"
			}
			return "0"
		}
		return cmp.Or(cmp.Compare(auth(x), auth(y)), cmp.Compare(x, y))
	})
	for _, key := range keys {
		fmt.Fprintf(&b, "%s| %s | %s |\n", key, r[key][Legacy], r[key][Modern])
	}
	return b.String()
}

func summary(results []Result) string {
	count := map[Verdict]int{}
	for _, r := range results {
		count[r.Verdict]++
	}
	return fmt.Sprintf("%d runs: %d pass, %d with warnings, %d fail, %d broken",
		len(results), count[Pass], count[Warnings], count[Fail], count[Broken])
}

// document is a report taken apart around its table.
type document struct {
	before, after string
	rows          rows
}

func parseReport(text string) (document, error) {
	before, rest, ok := strings.Cut(text, begin)
	table, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return document{}, errors.New("the report has no table of verdicts")
	}
	d := document{before, after, rows{}}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 7 || strings.Contains(line, "---") || strings.Contains(line, "| scenario ") {
			continue
		}
		d.rows[strings.Join(cells[:4], "|")] = map[Era]string{Legacy: strings.TrimSpace(cells[4]), Modern: strings.TrimSpace(cells[5])}
	}
	return d, nil
}

// writeReport puts the rows into the file's table, over what it says of the
// same scenario, suite, revision and host.
func writeReport(file string, fresh rows) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	d, err := parseReport(string(raw))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for key, cells := range fresh {
		if d.rows[key] == nil {
			d.rows[key] = map[Era]string{}
		}
		maps.Copy(d.rows[key], cells)
	}
	return os.WriteFile(file, []byte(d.before+begin+d.rows.String()+end+d.after), 0o644)
}
