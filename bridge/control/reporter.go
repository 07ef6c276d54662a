package control

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/bridge/config"
)

const (
	// reportQueue is how many calls wait for an agent that is slow; further ones
	// are dropped and counted.
	reportQueue = 1024
	// reportPage is how many calls one line tells at most.
	reportPage = 256
	// maxWaiting is how many calls may wait that say what they were about.
	maxWaiting = 32
	// lookForAgent is how often an agent that is not there is looked for.
	lookForAgent = 10 * time.Second
	// lastWords bounds the wait for the last calls to be taken at the end.
	lastWords = 15 * time.Millisecond
)

// Reports is how the sessions of one process reach the agent: they look for it and
// connect to it in common.
type Reports struct {
	client *Client
	socket string
	every  time.Duration // see lookForAgent

	mu     sync.Mutex
	looked time.Time
	there  bool
	full   time.Time // when the agent said that it has enough sessions
}

// NewReports makes Reports for the agent of these folders. Nothing is sent yet.
func NewReports(p config.Paths) *Reports { return newReports(p, lookForAgent) }

func newReports(p config.Paths, every time.Duration) *Reports {
	return &Reports{client: Dial(p), socket: p.Socket(), every: every}
}

// isThere reports whether it is worth connecting. A tenth of the pause between
// two looks is not looked again: there may be 10,000 sessions.
func (t *Reports) isThere() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Sub(t.full) < t.every {
		return false
	}
	if now.Sub(t.looked) >= t.every/10 {
		_, err := os.Stat(t.socket)
		t.looked, t.there = now, err == nil
	}
	return t.there
}

func (t *Reports) hasEnough() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.full = time.Now()
}

// Reporter tells the agent, if one is running, of one session and its calls. It
// starts none, and no caller ever waits for it: what an agent does not take in
// time is dropped. While there is no agent it is a timer and no goroutine. Make it
// with Report, end it with Close.
type Reporter struct {
	to *Reports
	// capturing is the agent's order; see Capturing.
	capturing atomic.Bool

	mu      sync.Mutex
	session Session
	told    bool // the agent knows the session as it is
	calls   []Call
	dropped uint64
	closed  bool
	again   *time.Timer        // when it looks for the agent next; nil: it has not looked yet
	wake    chan struct{}      // holds one: there is something to tell; nil: nobody is told
	end     context.CancelFunc // of the look and the telling
	done    chan struct{}      // closed at its end; nil: it looks later
}

// Report begins to tell the agent of these folders of a session.
func Report(p config.Paths, s Session) *Reporter { return NewReports(p).Report(s) }

// Report begins to tell of a session.
func (t *Reports) Report(s Session) *Reporter {
	s.PID = os.Getpid()
	r := &Reporter{to: t, session: s}
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx := r.beginLocked() // at once: a session may be over before the look begins
	go r.look(ctx)
	return r
}

// Update changes what is known of the session. It does not wait.
func (r *Reporter) Update(change func(*Session)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.session)
	r.told = false
	r.ring()
}

// Call tells of a call that has ended. It does not wait.
func (r *Reporter) Call(c Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.calls) >= reportQueue {
		r.dropped++
		return
	}
	if len(r.calls) > maxWaiting {
		c.Content = nil // the agent is slow: contents would pile up
	}
	r.calls = append(r.calls, c)
	r.ring()
}

// Capturing reports whether the person has what this session's calls are about
// kept: only then is Call.Content wanted. It costs one load.
func (r *Reporter) Capturing() bool { return r.capturing.Load() }

// obey follows the agent's orders until there are no more.
func (r *Reporter) obey(orders io.Reader) {
	dec := json.NewDecoder(orders)
	for {
		var o order
		if dec.Decode(&o) != nil {
			return
		}
		r.capturing.Store(o.Capture)
	}
}

// ring wakes who tells. The caller holds mu.
func (r *Reporter) ring() {
	select {
	case r.wake <- struct{}{}:
	default: // nobody tells, or it is awake already
	}
}

// Close ends the report, which ends the session for the agent. It waits a moment
// for the last calls to be taken.
func (r *Reporter) Close() {
	r.mu.Lock()
	r.closed = true
	if r.again != nil {
		r.again.Stop()
	}
	r.ring()
	done, end := r.done, r.end
	r.mu.Unlock()
	if done != nil {
		timer := time.AfterFunc(lastWords, end)
		<-done
		timer.Stop()
		end()
	}
	r.to.client.Close()
}

// beginLocked makes ready for a look. The caller holds mu.
func (r *Reporter) beginLocked() context.Context {
	ctx, end := context.WithCancel(context.Background())
	r.wake, r.done, r.end, r.told = make(chan struct{}, 1), make(chan struct{}), end, false
	return ctx
}

// look tells the agent if it is there, and looks again later.
func (r *Reporter) look(ctx context.Context) {
	if r.to.isThere() {
		r.stream(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
	close(r.done)
	r.wake, r.done, r.end = nil, nil, nil
	r.calls, r.dropped = nil, 0 // for calls no agent was there for
	if !r.closed {
		r.again = time.AfterFunc(r.to.every, r.lookAgain)
	}
}

func (r *Reporter) lookAgain() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	ctx := r.beginLocked()
	r.mu.Unlock()
	r.look(ctx)
}

// stream tells one agent until it, or the session, ends.
func (r *Reporter) stream(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body, out := io.Pipe()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		defer cancel() // the agent is gone, or does not want it
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+host+reportPath, body)
		if err == nil {
			req.Header.Set("Content-Type", "application/json")
			var resp *http.Response
			req.Header.Set(ordersHeader, "1")
			if resp, err = r.to.client.http.Do(req); err == nil {
				r.obey(resp.Body)
				_ = resp.Body.Close()
				r.capturing.Store(false)
				if resp.StatusCode == http.StatusServiceUnavailable {
					r.to.hasEnough()
				}
			}
		}
		_ = body.CloseWithError(io.ErrClosedPipe) // who writes stops
	}()
	defer func() {
		_ = out.Close()
		<-sent
	}()
	enc := json.NewEncoder(out)
	for {
		line, over := r.next()
		switch {
		case line != nil:
			if enc.Encode(line) != nil {
				return
			}
			continue
		case over:
			return
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return
		}
	}
}

// next is what the agent is to be told now, or nil; over says that there will be
// no more.
func (r *Reporter) next() (line *reportLine, over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.told {
		s := r.session
		r.told = true
		return &reportLine{Session: &s}, false
	}
	if len(r.calls) == 0 {
		r.calls = nil
		return nil, r.closed
	}
	n := min(len(r.calls), reportPage)
	if i := slices.IndexFunc(r.calls[:n], func(c Call) bool { return c.Content != nil }); i >= 0 {
		n = i + 1 // contents are large: one a line
	}
	line = &reportLine{Calls: r.calls[:n:n], Dropped: r.dropped}
	r.calls, r.dropped = r.calls[n:], 0
	return line, false
}
