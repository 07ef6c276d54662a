package oauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

const (
	// holdTimeout is how long a browser waits for the outcome, or an answer for
	// somebody to Wait for it.
	holdTimeout = 90 * time.Second
	// drainTimeout bounds how long Close lets pages be written. They are small and
	// nobody is waited for by then: only a busy machine takes any of it.
	drainTimeout = 12 * time.Second
	// maxHeld is how many browser requests wait at a time.
	maxHeld = 32
)

// Callback listens on loopback for the redirect back from the authorization
// server (RFC 8252 §7.3). Start it before the browser is opened, Close it when
// the sign-in is over.
type Callback struct {
	// Onward is told of an address that the person has to open next, when there is
	// no browser here to be sent there (see Paste). Set it before Wait; nil tells nobody.
	Onward func(address string)

	listener net.Listener
	server   *http.Server
	host     string // as the Host header must say
	path     string
	served   chan struct{} // closed when the server's goroutine has ended
	closing  chan struct{} // closed when Close begins
	drained  chan struct{} // closed when closing and no request is held

	mu      sync.Mutex
	closed  bool
	held    int
	waits   []*attempt
	changed chan struct{} // closed and replaced when waits grows
}

// attempt is one authorization that somebody waits for.
type attempt struct {
	state    secret.String
	arrived  chan url.Values // of capacity 1: the first answer
	answered bool            // under Callback.mu
	pasted   bool            // under Callback.mu: by Paste
	once     sync.Once
	done     chan struct{} // closed when page is set
	page     Page
}

// over is true when the browser has its page.
func (at *attempt) over() bool {
	select {
	case <-at.done:
		return true
	default:
		return false
	}
}

func (at *attempt) finish(p Page) {
	at.once.Do(func() {
		at.page = p
		close(at.done)
	})
}

// Answer is a redirect back with a code. The browser that brought it waits until
// Finish; it may be called once, further calls do nothing.
type Answer struct {
	Code secret.String
	// Authorization is the one that was answered: what Wait was given, or the one
	// that took its place.
	Authorization *Authorization
	attempt       *attempt
}

// SendOn sends the browser that brought an answer on to another authorization,
// for which Wait is called next. Where the answer was pasted, the person is told.
func (cb *Callback) SendOn(an *Answer, next *Authorization) {
	cb.Expect(next) // who is quick answers before anybody waits
	an.attempt.finish(Page{onward: next.URL})
	if cb.Onward != nil && cb.wasPasted(an.attempt) {
		cb.Onward(next.URL)
	}
}

// Finish gives the browser its last page. Callback.Close lets it be written.
func (an *Answer) Finish(p Page) { an.attempt.finish(p) }

// ListenCallback listens on addr, which must be loopback ("127.0.0.1:0" for a
// free port), for redirects to path. ctx bounds the start only; Close ends it.
func ListenCallback(ctx context.Context, addr, path string) (*Callback, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || !isLoopbackHost(host) || !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("listen for the callback on %s: not a loopback address and a path", addr)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the callback: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("listen for the callback: %w", err)
	}
	cb := &Callback{
		listener: listener, host: net.JoinHostPort(host, port), path: path,
		served: make(chan struct{}), closing: make(chan struct{}), drained: make(chan struct{}), changed: make(chan struct{}),
	}
	cb.server = &http.Server{
		// No ReadTimeout: it would also end the wait for the outcome.
		Handler: cb, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10,
	}
	cb.server.SetKeepAlivesEnabled(false)
	go func() {
		defer close(cb.served)
		_ = cb.server.Serve(listener) // ends with Close
	}()
	return cb, nil
}

// RedirectURI is the address to register and to send.
func (cb *Callback) RedirectURI() string { return "http://" + cb.host + cb.path }

// Close stops listening, lets pages that are ready be written (for drainTimeout
// at the most) and waits until everything has ended.
func (cb *Callback) Close() error {
	cb.mu.Lock()
	if cb.closed {
		cb.mu.Unlock()
		<-cb.served
		return nil
	}
	cb.closed = true
	close(cb.closing)
	if cb.held == 0 {
		close(cb.drained)
	}
	cb.mu.Unlock()
	_ = cb.listener.Close()
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	select {
	case <-cb.drained:
	case <-timer.C:
	}
	err := cb.server.Close()
	<-cb.served
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Wait waits for the answer to a. Only a request with a's state counts; others
// get a page that says so, and the wait goes on. The issuer is checked before
// anything else is believed (RFC 9207). After an error the browser has its page
// already; after an Answer it waits for Finish.
//
// When the server knows no prompt=select_account, the browser is sent on with
// another authorization (see AuthorizationRequest.SelectAccount).
//
// Errors are *fault.Error: SignInRefused when the person or the server said no,
// Refused for an answer that must not be used, SignInTimeout when ctx's deadline
// passed (context.DeadlineExceeded is in the chain). If ctx was cancelled the
// error wraps context.Canceled; if the callback was closed, net.ErrClosed.
func (cb *Callback) Wait(ctx context.Context, a *Authorization) (*Answer, error) {
	return cb.wait(ctx, a, cb.await(a))
}

func (cb *Callback) wait(ctx context.Context, a *Authorization, at *attempt) (*Answer, error) {
	select {
	case q := <-at.arrived:
		if a.refusesPrompt(q) {
			next := cb.await(a.instead) // before the browser can come back with its answer
			at.finish(Page{onward: a.instead.URL})
			if cb.Onward != nil && cb.wasPasted(at) {
				cb.Onward(a.instead.URL)
			}
			return cb.wait(ctx, a.instead, next)
		}
		code, err := a.answer(q)
		if err != nil {
			f := fault.Public(err)
			at.finish(Page{Title: "Not signed in", Text: strings.TrimSpace(f.What + " " + f.Next)})
			return nil, err
		}
		return &Answer{Code: code, Authorization: a, attempt: at}, nil
	case <-cb.closing:
		at.finish(pageGivenUp)
		return nil, fmt.Errorf("wait for the browser: %w", net.ErrClosed)
	case <-ctx.Done():
		at.finish(pageGivenUp)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fault.Wrap(ctx.Err(), fault.SignInTimeout, "Nobody finished the sign-in in the browser in time.", "Start it again.")
		}
		return nil, fmt.Errorf("wait for the browser: %w", ctx.Err())
	}
}

// Expect enters a before its address is shown to anybody, so that an answer may
// come before Wait does, from a browser or pasted.
func (cb *Callback) Expect(a *Authorization) { cb.await(a) }

// await is the attempt for a, which it enters unless one is open already. One that
// is over, with an answer that came late perhaps, makes room for the new one.
func (cb *Callback) await(a *Authorization) *attempt {
	cb.mu.Lock()
	defer cb.mu.Unlock()
	at := &attempt{state: a.State, arrived: make(chan url.Values, 1), done: make(chan struct{})}
	for i, known := range cb.waits {
		if !known.state.Equal(a.State) {
			continue
		}
		if !known.over() {
			return known
		}
		cb.waits = slices.Delete(cb.waits, i, i+1)
		break
	}
	cb.waits = append(cb.waits, at)
	close(cb.changed)
	cb.changed = make(chan struct{})
	return at
}

// ServeHTTP implements http.Handler for the browser.
func (cb *Callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !strings.EqualFold(r.Host, cb.host):
		// A name that somebody made point to loopback (DNS rebinding).
		http.Error(w, "Misdirected request.", http.StatusMisdirectedRequest)
		return
	case r.URL.Path != cb.path:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "Only GET is answered here.", http.StatusMethodNotAllowed)
		return
	case !cb.enter():
		http.Error(w, "Too many requests.", http.StatusServiceUnavailable)
		return
	}
	defer cb.leave()
	page, status := cb.outcome(r)
	if page.onward != "" {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		http.Redirect(w, r, page.onward, http.StatusSeeOther)
		_ = http.NewResponseController(w).Flush() // Close may come next
		return
	}
	page.write(w, status)
}

// outcome hands the answer to whoever waits for it and waits for the page.
func (cb *Callback) outcome(r *http.Request) (Page, int) {
	timer := time.NewTimer(holdTimeout)
	defer timer.Stop()
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(q["state"]) != 1 {
		return pageNotAwaited, http.StatusBadRequest
	}
	var at *attempt
	for at == nil {
		found, pending, changed := cb.find(secret.New(q.Get("state")))
		if at = found; at != nil {
			break
		}
		if pending {
			return pageNotAwaited, http.StatusBadRequest
		}
		// The browser may be quicker than whoever opened it: Wait is about to come.
		select {
		case <-changed:
		case <-cb.closing:
			return pageNotAwaited, http.StatusBadRequest
		case <-timer.C:
			return pageNotAwaited, http.StatusBadRequest
		case <-r.Context().Done():
			return pageNotAwaited, http.StatusBadRequest
		}
	}
	// A reload brings the same answer again: only the first one counts, and all
	// of them see how it went.
	cb.mu.Lock()
	first := !at.answered
	at.answered = true
	cb.mu.Unlock()
	if first {
		at.arrived <- q
	}
	select {
	case <-at.done:
	case <-cb.closing:
		select {
		case <-at.done: // Finish came just before Close
		default:
			return pageGivenUp, http.StatusOK
		}
	case <-timer.C:
		return pageStillWorking, http.StatusOK
	case <-r.Context().Done():
		return pageGivenUp, http.StatusOK
	}
	return at.page, http.StatusOK
}

// find looks for the attempt with the state. pending is true when another one is
// still without its answer, so that this request cannot be an early one.
func (cb *Callback) find(state secret.String) (found *attempt, pending bool, changed <-chan struct{}) {
	cb.mu.Lock()
	defer cb.mu.Unlock()
	for _, at := range cb.waits {
		if at.state.Equal(state) {
			return at, false, nil
		}
		pending = pending || !at.answered
	}
	return nil, pending, cb.changed
}

func (cb *Callback) enter() bool {
	cb.mu.Lock()
	defer cb.mu.Unlock()
	if cb.closed || cb.held >= maxHeld {
		return false
	}
	cb.held++
	return true
}

func (cb *Callback) leave() {
	cb.mu.Lock()
	defer cb.mu.Unlock()
	cb.held--
	if cb.closed && cb.held == 0 {
		close(cb.drained)
	}
}
