package remote

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// lasting is a transport whose kept connections may have died without a word:
// the machine slept, or the server ends idle ones. A request over such a
// connection would hang, or break off when nobody can tell any more whether it
// was acted upon.
type lasting struct {
	fresh func() *http.Transport
	// clock is the time on the wall, and how long the machine has been running:
	// the difference is sleep.
	clock func() (wall time.Time, running time.Duration)

	mu      sync.Mutex
	now     *http.Transport
	wall    time.Time // when there was a request last
	running time.Duration
	idle    time.Duration // after which the server ends a connection; 0: it did not say
}

const (
	// sleptLeast is from which difference of the clocks on the machine is taken to
	// have slept; less than that, connections survive.
	sleptLeast = 20 * time.Second
	// idleMargin is how long before the server a connection is ended here.
	idleMargin = time.Second
)

func newLasting(fresh func() *http.Transport) *lasting {
	begun := time.Now()
	clock := func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(begun)
	}
	l := &lasting{fresh: fresh, clock: clock, now: fresh()}
	l.wall, l.running = clock()
	return l
}

// RoundTrip implements http.RoundTripper.
func (l *lasting) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.transport().RoundTrip(req)
	if err == nil {
		l.note(resp)
	}
	return resp, err
}

// transport is the one for a request that begins now. What is under way over
// connections of before the sleep is left to end by itself.
func (l *lasting) transport() *http.Transport {
	l.mu.Lock()
	defer l.mu.Unlock()
	wall, running := l.clock()
	quiet := running - l.running
	switch {
	case wall.Sub(l.wall)-quiet > sleptLeast:
		old := l.now
		l.now = l.fresh()
		old.CloseIdleConnections()
	case l.idle > 0 && quiet > l.idle:
		l.now.CloseIdleConnections()
	}
	l.wall, l.running = wall, running
	return l.now
}

// note takes what the server says of its connections (Keep-Alive: timeout=5, as
// Node's do), and that there was an answer.
func (l *lasting) note(resp *http.Response) {
	idle := keepAlive(resp.Header.Get("Keep-Alive"))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wall, l.running = l.clock()
	if idle > 0 {
		l.idle = max(idle-idleMargin, idle/2)
	}
}

// keepAlive is the timeout in a Keep-Alive header, or 0.
func keepAlive(header string) time.Duration {
	for part := range strings.SplitSeq(header, ",") {
		value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(part)), "timeout=")
		if !ok {
			continue
		}
		if seconds, err := strconv.ParseUint(value, 10, 16); err == nil {
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (l *lasting) CloseIdleConnections() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now.CloseIdleConnections()
}
