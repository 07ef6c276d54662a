package bench

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// samples are figures by subject, in the order they were taken: a figure of one
// subject was taken beside that of the others with the same place.
type samples map[string][]float64

func (s samples) add(name string, took time.Duration) {
	s[name] = append(s[name], float64(took.Nanoseconds())/1e6)
}

func (s samples) median(name string) float64 { return median(s[name]) }

// ratio is the median of the paired ratios.
func (s samples) ratio(name, floor string) float64 {
	n := min(len(s[name]), len(s[floor]))
	pairs := make([]float64, n)
	for i := range pairs {
		pairs[i] = s[name][i] / s[floor][i]
	}
	return median(pairs)
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// report is the table that comes of a run.
type report struct {
	amounts
	lines []string
}

var columns = append([]string{"direct"}, subjects...)

// row is the median of each subject.
func (r *report) row(what, unit string, s samples, must string, ok bool) {
	cells := make([]string, len(columns))
	for i, name := range columns {
		if len(s[name]) > 0 {
			cells[i] = strings.TrimSpace(short3(s.median(name)) + " " + unit)
		}
	}
	r.add(what, cells, must, ok)
}

// ratio is the median of the paired ratios to a floor.
func (r *report) ratio(what string, s samples, floor, must string, ok bool) {
	cells := make([]string, len(columns))
	for i, name := range columns {
		if name != floor && len(s[name]) > 0 && slices.Index(columns, name) > slices.Index(columns, floor) {
			cells[i] = fmt.Sprintf("%.2f", s.ratio(name, floor))
		}
	}
	r.add(what, cells, must, ok)
}

// figure is one that only Drawbridge has.
func (r *report) figure(what, value, must string, ok bool) {
	r.add(what, []string{"", "", value, ""}, must, ok)
}

func (r *report) add(what string, cells []string, must string, ok bool) {
	switch {
	case must != "" && ok:
		must += ": yes"
	case must != "":
		must += ": **no**"
	}
	r.lines = append(r.lines, fmt.Sprintf("| %s | %s | %s |", what, strings.Join(cells, " | "), must))
}

func short3(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func (r *report) String() string {
	var out strings.Builder
	form := "short"
	if r.amounts == long {
		form = "long"
	}
	fmt.Fprintf(&out, "Measured on %s, %s form: %s/%s, %d cores, %s. Load of the machine at the end: %s\n\n",
		time.Now().UTC().Format(time.DateOnly), form, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), load())
	out.WriteString("| measure | direct | bare pipe | Drawbridge | mcp-remote 0.15.1 | Drawbridge must be |\n|---|---|---|---|---|---|\n")
	for _, line := range r.lines {
		out.WriteString(line + "\n")
	}
	return out.String()
}

// load is the machine's load average over a minute: above the number of cores,
// others were busy too.
func load() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(raw), " ")
	return one
}

// The table stands between these lines.
const (
	from = "<!-- from here: written by make bench -->\n"
	to   = "<!-- to here -->\n"
)

// write puts the table into the file, between the marks.
func (r *report) write(path string) error { return place(path, from, to, r.String()) }

// place puts a text into a file, between two lines.
func place(path, from, to, text string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(raw), from)
	_, after, there := strings.Cut(rest, to)
	if !ok || !there {
		return fmt.Errorf("%s has no place for the table", path)
	}
	return os.WriteFile(path, []byte(before+from+"\n"+text+"\n"+to+after), 0o644)
}
