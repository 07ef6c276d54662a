package serve

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"drawbridge/bridge/guard"
)

// counts are what /metrics shows, in the text format of Prometheus.
type counts struct {
	mu       sync.Mutex
	statuses map[int]uint64
	refusals map[string]uint64
	callers  map[caller]*[2]uint64 // messages that were allowed, and that were refused
	open     int
	seconds  float64
	buckets  [len(bounds)]uint64
	total    uint64
}

// bounds are those of the latency histogram, in seconds.
var bounds = [...]float64{0.001, 0.005, 0.025, 0.1, 0.5, 2, 10, 60}

func newCounts() *counts {
	return &counts{statuses: map[int]uint64{}, refusals: map[string]uint64{}, callers: map[caller]*[2]uint64{}}
}

func (c *counts) refused(code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusals[code]++
}

// caller is who was recognised, as the metrics name them.
type caller struct{ mode, subject string }

const (
	// callersMost bounds the callers that the metrics name; the others are one.
	callersMost = 200
	// subjectMost bounds a caller's name there, in bytes.
	subjectMost = 128
)

var others = caller{"", "others"}

// message counts a message of somebody who was recognised.
func (c *counts) message(id *guard.Identity, allowed bool) {
	who := caller{id.Mode, id.Subject}
	if len(who.subject) > subjectMost {
		who.subject = strings.ToValidUTF8(who.subject[:subjectMost], "")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.callers[who]
	if n == nil && len(c.callers) >= callersMost {
		who = others
		n = c.callers[who]
	}
	if n == nil {
		n = new([2]uint64)
		c.callers[who] = n
	}
	if allowed {
		n[0]++
	} else {
		n[1]++
	}
}

// escaped is a label's value in the text format.
func escaped(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(strings.ToValidUTF8(s, "\ufffd"))
}

// watch counts the requests that a handler answers.
func (c *counts) watch(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.open++
		c.mu.Unlock()
		begun := time.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() {
			took := time.Since(begun).Seconds()
			c.mu.Lock()
			defer c.mu.Unlock()
			c.open--
			c.statuses[rec.code()]++
			c.seconds += took
			c.total++
			for i, b := range bounds {
				if took <= b {
					c.buckets[i]++
				}
			}
		}()
		h.ServeHTTP(rec, r)
	})
}

func (c *counts) write(w http.ResponseWriter, sessions, streams int) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.print(w, sessions, streams)
}

func (c *counts) print(w io.Writer, sessions, streams int) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	p("# HELP drawbridge_sessions Sessions that are open.")
	p("# TYPE drawbridge_sessions gauge\ndrawbridge_sessions %d", sessions)
	p("# HELP drawbridge_requests_in_flight Requests and streams under way.")
	p("# TYPE drawbridge_requests_in_flight gauge\ndrawbridge_requests_in_flight %d", c.open+streams)
	p("# HELP drawbridge_requests_total Requests answered, by HTTP status.")
	p("# TYPE drawbridge_requests_total counter")
	for _, status := range slices.Sorted(maps.Keys(c.statuses)) {
		p(`drawbridge_requests_total{status="%d"} %d`, status, c.statuses[status])
	}
	p("# HELP drawbridge_refusals_total Requests that the guard refused, by reason.")
	p("# TYPE drawbridge_refusals_total counter")
	for _, code := range slices.Sorted(maps.Keys(c.refusals)) {
		p(`drawbridge_refusals_total{reason=%q} %d`, code, c.refusals[code])
	}
	p("# HELP drawbridge_messages_total Messages of callers, by who sent them and whether the policy let them; the first %d callers by name.", callersMost)
	p("# TYPE drawbridge_messages_total counter")
	for _, who := range slices.SortedFunc(maps.Keys(c.callers), func(x, y caller) int {
		return cmp.Or(strings.Compare(x.mode, y.mode), strings.Compare(x.subject, y.subject))
	}) {
		for i, outcome := range []string{"allowed", "refused"} {
			p(`drawbridge_messages_total{mode="%s",caller="%s",outcome="%s"} %d`, escaped(who.mode), escaped(who.subject), outcome, c.callers[who][i])
		}
	}
	p("# HELP drawbridge_request_seconds How long requests took; streams without a request up to their start.")
	p("# TYPE drawbridge_request_seconds histogram")
	for i, b := range bounds {
		p(`drawbridge_request_seconds_bucket{le="%g"} %d`, b, c.buckets[i])
	}
	p(`drawbridge_request_seconds_bucket{le="+Inf"} %d`, c.total)
	p("drawbridge_request_seconds_sum %g\ndrawbridge_request_seconds_count %d", c.seconds, c.total)
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach what is beneath.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}
