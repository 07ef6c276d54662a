package serve

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// counts are what /metrics shows, in the text format of Prometheus. Nothing in
// it names a caller.
type counts struct {
	mu       sync.Mutex
	statuses map[int]uint64
	refusals map[string]uint64
	open     int
	seconds  float64
	buckets  [len(bounds)]uint64
	total    uint64
}

// bounds are those of the latency histogram, in seconds.
var bounds = [...]float64{0.001, 0.005, 0.025, 0.1, 0.5, 2, 10, 60}

func newCounts() *counts { return &counts{statuses: map[int]uint64{}, refusals: map[string]uint64{}} }

func (c *counts) refused(code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusals[code]++
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

func (c *counts) write(w http.ResponseWriter, sessions int) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.print(w, sessions)
}

func (c *counts) print(w io.Writer, sessions int) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	p("# HELP drawbridge_sessions Sessions that are open.")
	p("# TYPE drawbridge_sessions gauge\ndrawbridge_sessions %d", sessions)
	p("# HELP drawbridge_requests_in_flight Requests and streams under way.")
	p("# TYPE drawbridge_requests_in_flight gauge\ndrawbridge_requests_in_flight %d", c.open)
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
	p("# HELP drawbridge_request_seconds How long requests took, streams included.")
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
