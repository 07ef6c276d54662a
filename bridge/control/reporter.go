package control

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"drawbridge/bridge/config"
)

const (
	// reportQueue is how many calls wait for an agent that is slow; further ones
	// are dropped and counted. Pointers wait, for most sessions have none.
	reportQueue = 1024
	// reportPage is how many calls one line tells at most.
	reportPage = 256
	// lookForAgent is how often an agent that is not there is looked for.
	lookForAgent = 10 * time.Second
	// lastWords bounds the wait for the last calls to be taken at the end.
	lastWords = 15 * time.Millisecond
)

// Reporter tells the agent, if one is running, of one session and its calls. It
// starts none, and no caller ever waits for it: what an agent does not take in
// time is dropped. Make it with Report, end it with Close.
type Reporter struct {
	client *Client
	socket string
	every  time.Duration // see lookForAgent
	calls  chan *Call
	told   chan struct{} // holds one: the session is to be told again
	end    context.CancelFunc
	done   chan struct{}
	closed chan struct{} // closed when there will be no more calls

	mu      sync.Mutex
	session Session
	dropped uint64
}

// Report begins to tell the agent of these folders of a session.
func Report(p config.Paths, s Session) *Reporter { return report(p, s, lookForAgent) }

func report(p config.Paths, s Session, every time.Duration) *Reporter {
	s.PID = os.Getpid()
	ctx, end := context.WithCancel(context.Background())
	r := &Reporter{
		client: Dial(p), socket: p.Socket(), calls: make(chan *Call, reportQueue), told: make(chan struct{}, 1),
		every: every, end: end, done: make(chan struct{}), closed: make(chan struct{}), session: s,
	}
	go r.run(ctx)
	return r
}

// Update changes what is known of the session. It does not wait.
func (r *Reporter) Update(change func(*Session)) {
	r.mu.Lock()
	change(&r.session)
	r.mu.Unlock()
	select {
	case r.told <- struct{}{}:
	default: // it is to be told already
	}
}

// Call tells of a call that has ended. It does not wait.
func (r *Reporter) Call(c Call) {
	select {
	case r.calls <- &c:
	default:
		r.mu.Lock()
		r.dropped++
		r.mu.Unlock()
	}
}

// Close ends the report, which ends the session for the agent. It waits a moment
// for the last calls to be taken.
func (r *Reporter) Close() {
	close(r.closed)
	timer := time.AfterFunc(lastWords, r.end)
	defer timer.Stop()
	<-r.done
	r.end()
	r.client.Close()
}

func (r *Reporter) run(ctx context.Context) {
	defer close(r.done)
	for {
		if _, err := os.Stat(r.socket); err == nil {
			r.stream(ctx)
		}
		r.forget()
		select {
		case <-ctx.Done():
			return
		case <-r.closed:
			return
		case <-time.After(r.every):
		}
	}
}

// forget lets go of calls that no agent was there for.
func (r *Reporter) forget() {
	for {
		select {
		case <-r.calls:
		default:
			r.mu.Lock()
			r.dropped = 0
			r.mu.Unlock()
			return
		}
	}
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
			if resp, err = r.client.http.Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}
		_ = body.CloseWithError(io.ErrClosedPipe) // who writes stops
	}()
	defer func() {
		_ = out.Close()
		<-sent
	}()
	enc := json.NewEncoder(out)
	say := func(line reportLine) bool { return enc.Encode(line) == nil }
	if !say(r.who()) {
		return
	}
	for {
		select {
		case <-r.told:
			if !say(r.who()) {
				return
			}
		case c := <-r.calls:
			if !say(r.page(*c)) {
				return
			}
		case <-r.closed:
			for len(r.calls) > 0 && say(r.page(*<-r.calls)) {
			}
			return
		case <-ctx.Done():
			return
		}
	}
}

func (r *Reporter) who() reportLine {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.session
	return reportLine{Session: &s}
}

// page is a line with the call and those that wait behind it.
func (r *Reporter) page(c Call) reportLine {
	line := reportLine{Calls: []Call{c}}
	for len(line.Calls) < reportPage {
		select {
		case c := <-r.calls:
			line.Calls = append(line.Calls, *c)
			continue
		default:
		}
		break
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	line.Dropped, r.dropped = r.dropped, 0
	return line
}
