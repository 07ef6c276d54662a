package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/test/harness"
)

const (
	tokenLife = 5 * time.Second
	// renewedAt is when a token is due: Drawbridge renews it a fifth of its life
	// ahead of its end, so that nobody waits for it.
	renewedAt = tokenLife * 4 / 5
	// callDeadline is what a client gives a call, as the SDK does.
	callDeadline = time.Minute
	// patience is the limit of what has to happen.
	patience = time.Minute
	name     = "everything"
)

// place is a world with Drawbridge signed in to a protected server.
type place struct {
	*harness.Rig
	t        *testing.T
	provider *harness.Provider
	gate     *harness.Gate
}

func signedIn(t *testing.T, o harness.ProviderOptions) place {
	t.Helper()
	return signedInAt(t, "oidc-provider", o)
}

func signedInAt(t *testing.T, engine string, o harness.ProviderOptions) place {
	t.Helper()
	rig := harness.New(t)
	if o.AccessTTL == 0 {
		o.AccessTTL = tokenLife
	}
	o.Seed = seed
	start := rig.StartProvider
	if engine != "oidc-provider" {
		start = func(o harness.ProviderOptions) *harness.Provider { return rig.StartEngine(engine, o) }
	}
	provider := start(o)
	p := place{rig, t, provider, rig.StartGate(provider, harness.GateOptions{})}
	p.SignIn(name, p.gate.URL)
	return p
}

// seed makes the dice of a run fall as in the last one.
const seed = 28

// client is one MCP client: it launches drawbridge, calls echo once a second,
// and launches it again when it was killed.
type client struct {
	p place
	n int

	mu   sync.Mutex
	pipe *harness.Pipe
	open chan struct{} // closed when initialize was answered
	old  map[*harness.Pipe]bool
	well map[*harness.Pipe]bool // a call was answered
}

// start launches drawbridge; calls wait until it has answered initialize.
func (c *client) start(l *load) {
	pipe := c.p.StartPipe(c.p.BrowserEnv(), "stdio", name)
	open := make(chan struct{})
	c.mu.Lock()
	c.pipe, c.open = pipe, open
	c.mu.Unlock()
	go func() {
		defer close(open)
		ctx, cancel := context.WithTimeout(context.Background(), callDeadline)
		defer cancel()
		const hello = `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"soak","version":"0"}}`
		m, err := pipe.Ask(ctx, "initialize", hello)
		switch {
		case err != nil && !c.replaced(pipe):
			l.fail(c, "initialize", err.Error())
		case err == nil && m.Error != nil:
			l.fail(c, "initialize", string(m.Error))
		case err == nil:
			_ = pipe.Tell("notifications/initialized")
		}
	}()
}

// opened waits until all that was launched has said initialize, and how that went.
func (l *load) opened() {
	for _, c := range l.clients {
		c.mu.Lock()
		open := c.open
		c.mu.Unlock()
		<-open
	}
}

// kill ends the process with SIGKILL.
func (c *client) kill() (harness.Killed, error) {
	c.mu.Lock()
	pipe := c.pipe
	c.old[pipe] = true
	c.mu.Unlock()
	return pipe.Kill()
}

func (c *client) works(pipe *harness.Pipe) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.well[pipe] = true
}

func (c *client) hasWorked(pipe *harness.Pipe) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.well[pipe]
}

func (c *client) replaced(pipe *harness.Pipe) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.old[pipe]
}

// load is a number of clients at work, and what they saw.
type load struct {
	p       place
	clients []*client
	begun   time.Time
	inStep  bool // all call at the same moment: they find out together that a token is due

	mu       sync.Mutex
	answered int
	cut      int // calls in flight when their own process was killed
	failures []failure
	took     []time.Duration
	calls    sync.WaitGroup
}

type failure struct {
	client int
	at     time.Duration // since the begin
	what   string
}

func (f failure) String() string { return fmt.Sprintf("client %d at %v: %s", f.client, f.at, f.what) }

// launch starts n clients.
func (p place) launch(n int) *load {
	l := &load{p: p, begun: time.Now()}
	for i := range n {
		c := &client{p: p, n: i, old: map[*harness.Pipe]bool{}, well: map[*harness.Pipe]bool{}}
		c.start(l)
		l.clients = append(l.clients, c)
	}
	return l
}

// run lets every client call once a second, whether the last call was answered
// or not, and waits for the answers.
func (l *load) run(lasts time.Duration) {
	var clients sync.WaitGroup
	for i, c := range l.clients {
		clients.Go(func() {
			if !l.inStep {
				time.Sleep(time.Second * time.Duration(i) / time.Duration(len(l.clients)))
			}
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for range int(lasts / time.Second) {
				l.calls.Go(func() { l.call(c) })
				<-tick.C
			}
		})
	}
	clients.Wait()
	l.calls.Wait()
}

// call is one call of echo.
func (l *load) call(c *client) {
	ctx, cancel := context.WithTimeout(context.Background(), callDeadline)
	defer cancel()
	begun := time.Now()
	c.mu.Lock()
	pipe, open := c.pipe, c.open
	c.mu.Unlock()
	<-open
	message := fmt.Sprintf("client %d", c.n)
	params := fmt.Sprintf(`{"name":"echo","arguments":{"message":%q}}`, message)
	m, err := pipe.Ask(ctx, "tools/call", params)
	for err == nil && m.NotYet() && !c.hasWorked(pipe) && ctx.Err() == nil { // then a client is told to try again
		time.Sleep(200 * time.Millisecond)
		m, err = pipe.Ask(ctx, "tools/call", params)
	}
	switch {
	case err != nil && c.replaced(pipe):
		l.mu.Lock()
		l.cut++
		l.mu.Unlock()
	case err != nil:
		l.fail(c, "call", err.Error())
	case m.Error != nil:
		l.fail(c, "call", string(m.Error))
	case !echoed(m.Result, message):
		l.fail(c, "call", "got the answer "+string(m.Result))
	default:
		c.works(pipe)
		l.mu.Lock()
		l.answered++
		l.took = append(l.took, time.Since(begun))
		l.mu.Unlock()
	}
}

func echoed(result json.RawMessage, message string) bool {
	var r struct {
		IsError bool
		Content []struct{ Text string }
	}
	return json.Unmarshal(result, &r) == nil && !r.IsError && len(r.Content) == 1 && r.Content[0].Text == "Echo: "+message
}

func (l *load) fail(c *client, what, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, failure{c.n, time.Since(l.begun).Round(time.Millisecond), what + ": " + text})
}

// wantNoFailure fails the test for each call that was not answered.
func (l *load) wantNoFailure() {
	l.p.t.Helper()
	for i, f := range l.failures {
		if i == 10 {
			l.p.t.Errorf("… and %d more", len(l.failures)-i)
			break
		}
		l.p.t.Errorf("%v", f)
	}
}

// wantOneSignIn fails the test when anybody was asked to sign in again, or a
// refresh token was used twice.
func (l *load) wantOneSignIn(c harness.ProviderCounts) {
	l.p.t.Helper()
	if opened := len(l.p.Opened()); opened != 1 || c.SignIns != 1 || c.Registrations != 1 {
		l.p.t.Errorf("browser opened %d times, %d sign-ins, %d registrations; want one of each", opened, c.SignIns, c.Registrations)
	}
	if c.Reuses != 0 || c.GrantsRevoked != 0 {
		l.p.t.Errorf("%d refresh tokens were used twice, %d grants revoked", c.Reuses, c.GrantsRevoked)
	}
	if twice := spentTwice(c.RefreshLog); len(twice) > 0 {
		l.p.t.Errorf("refresh tokens sent again after the provider had renewed them: %+v", twice)
	}
	if c.WithoutResource != 0 {
		l.p.t.Errorf("%d token requests had no resource", c.WithoutResource)
	}
}

// spentTwice is the requests with a refresh token for which the provider had
// issued another one before.
func spentTwice(log []harness.Refresh) (again []harness.Refresh) {
	spent := map[string]bool{}
	for _, r := range log {
		if spent[r.Token] {
			again = append(again, r)
		}
		if r.Outcome == "ok" {
			spent[r.Token] = true
		}
	}
	return again
}

// dueTimes is how often a token can have come to its time in the span: the
// most refreshes that are needed, one more for the beginning.
func dueTimes(span time.Duration) int { return int(span/renewedAt) + 1 }

// wantWorking fails the test when a client does not work again before a person
// has had time to sign in. It returns how many calls had failed before.
func (l *load) wantWorking() (failed int) {
	l.p.t.Helper()
	failed = len(l.failures)
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Second) {
		l.failures = nil
		for _, c := range l.clients {
			l.call(c)
		}
		if len(l.failures) == 0 || time.Now().After(deadline) {
			break
		}
	}
	l.wantNoFailure()
	return failed
}

// latency says how long the calls took.
func (l *load) latency() string {
	if len(l.took) == 0 {
		return "no call answered"
	}
	slices.Sort(l.took)
	ms := func(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
	n := len(l.took)
	return strings.Join([]string{"median " + ms(l.took[n/2]), "p99 " + ms(l.took[n*99/100]), "longest " + ms(l.took[n-1])}, ", ")
}

// total is the calls that had to be answered.
func (l *load) total() int { return l.answered + len(l.failures) }
