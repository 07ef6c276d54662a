package main

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"sync"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/token"
)

// Agent is what the window needs of the resident process. *control.Client
// fulfils it.
type Agent interface {
	Snapshot(ctx context.Context) (control.Snapshot, error)
	Changes(ctx context.Context) iter.Seq2[control.Change, error]
	AddServer(ctx context.Context, server config.Server) error
	SetClientSecret(ctx context.Context, name string, s secret.String) error
	RemoveServer(ctx context.Context, name string) (*control.Problem, error)
	RemoveAccount(ctx context.Context, key string) (*control.Problem, error)
	StartSignIn(ctx context.Context, req control.SignInRequest) (control.SignIn, error)
	CancelSignIn(ctx context.Context, id string) error
	SignOut(ctx context.Context, target control.Target) (*control.Problem, error)
	SignOutEverywhere(ctx context.Context) ([]control.Outcome, error)
	Token(ctx context.Context, key string) (token.Report, error)
	TokenDifference(ctx context.Context, key string) (*token.Difference, error)
	AskToken(ctx context.Context, key string) (control.TokenAnswer, error)
	CopyToken(ctx context.Context, key string) error
	Capture(ctx context.Context, session string, on bool) error
	Captured(ctx context.Context, seq uint64) (control.Captured, error)
	Activity(ctx context.Context, after uint64, follow bool) iter.Seq2[control.ActivityChange, error]
	MCPClients(ctx context.Context) ([]control.MCPClient, error)
	PreviewEntry(ctx context.Context, change control.EntryChange) (control.EntryPreview, error)
	ApplyEntry(ctx context.Context, change control.EntryChange) (control.EntryResult, error)
	Doctor(ctx context.Context, target control.Target, progress func(report.Line)) (report.Report, error)
	SetPreferences(ctx context.Context, change control.PreferencesChange) (control.Preferences, error)
	Browsers(ctx context.Context) ([]control.Browser, error)
	Places(ctx context.Context) (control.Places, error)
	OpenFolder(ctx context.Context, folder control.Folder) error
	SetConnection(ctx context.Context, name string, change control.ConnectionChange) (control.Connection, error)
	TryDemo(ctx context.Context) (control.SignIn, error)
}

// AppConfig is what an App is made of. Every field is needed.
type AppConfig struct {
	// Connect finds the agent, or starts one. It must have done what it can
	// within the deadline of its context.
	Connect func(ctx context.Context) (Agent, error)
	// Emit sends an event to the page.
	Emit func(event string, payload any)
	// Quit closes the window: the person has quit Drawbridge in the tray.
	Quit func()
	// SaveAs asks the person where a file is to go and proposes a name; "" means
	// that they changed their mind.
	SaveAs func(name string) (path string, err error)
	// OpenFile asks the person for a file; "" means that they changed their mind.
	OpenFile func(title string) (path string, err error)
	// Confirm asks the person in a dialog of the system, which the page can neither
	// draw over nor answer, and reports whether they agreed.
	Confirm func(title, question string) (yes bool, err error)
}

// The events that the page listens to.
const (
	// EventConnected carries nothing: another agent speaks from now on, its
	// sequence numbers start anew.
	EventConnected = "connected"
	// EventChange carries a control.Change.
	EventChange = "change"
	// EventAway carries the control.Problem that keeps the agent from answering.
	EventAway = "away"
	// EventLink carries nothing: TakeLink has a link that was followed.
	EventLink = "link"
)

const (
	// callTime bounds one call of the page. Signing out and explaining a token
	// talk to the network; the client's own deadlines are shorter.
	callTime = time.Minute
	// everywhereTime bounds signing out everywhere, which asks every provider; it
	// is longer than the client's own deadline.
	everywhereTime = 6 * time.Minute
	// connectTime bounds finding or starting the agent.
	connectTime = 15 * time.Second
	// reconnectAfter is the pause before an agent that is away is looked for again.
	reconnectAfter = 3 * time.Second
	// reconnectAtOnce is the same for one that was there a moment ago.
	reconnectAtOnce = 200 * time.Millisecond
)

// App is what the window's page can call. Each method is a call to the agent;
// none of them knows a token. Errors reach the page as control.Problem.
type App struct {
	config AppConfig
	retry  chan struct{} // the page asks to look for the agent again
	turn   chan struct{} // held by whoever connects or changes agent

	agent Agent // guarded by turn; nil while there is none

	mu   sync.Mutex
	link *Link           // followed, and not taken yet
	ctx  context.Context // of the running window; nil before start
	stop context.CancelFunc
	done chan struct{}
	// doctors end the walks of the doctor that are under way, by their runs.
	doctors map[string]context.CancelFunc
	// asking is held while a question of Confirm is open.
	asking sync.Mutex
	// undo is how servers were reached before the last change here, by name.
	undo map[string]control.Connection
	// feed is the last stream of activity that the page asked for; see FollowActivity.
	feed  activityFeed
	tasks sync.WaitGroup // what the page has begun and the window's end ends
}

// NewApp makes an App. Nothing runs and nothing is opened before start: the
// generator of the window's bindings makes one too.
func NewApp(c AppConfig) *App {
	return &App{config: c, retry: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
}

// start follows the agent's changes until ctx ends or close is called.
func (a *App) start(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done != nil {
		return
	}
	a.ctx, a.stop = context.WithCancel(ctx)
	a.done = make(chan struct{})
	go a.follow(a.ctx, a.done)
}

// close ends what start began and waits for it.
func (a *App) close() {
	a.mu.Lock()
	done := a.done
	if a.stop != nil {
		a.stop()
	}
	a.mu.Unlock()
	if done == nil {
		return
	}
	<-done
	a.tasks.Wait()
}

// follow passes the agent's changes on to the page. An agent that was there is
// looked for again at once and without a word; only when that does not help is
// the page told, and then a new attempt is made every few seconds or when the
// page asks.
func (a *App) follow(ctx context.Context, done chan struct{}) {
	defer close(done)
	for ctx.Err() == nil {
		heard, err := a.followOnce(ctx)
		if errors.Is(err, errQuit) {
			a.config.Quit() // another agent would undo what the person did
			return
		}
		pause := reconnectAtOnce
		if !heard {
			a.emit(ctx, EventAway, awayProblem(err))
			pause = reconnectAfter
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-a.retry:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// errQuit means that the agent ended because it was told to.
var errQuit = errors.New("the person quit Drawbridge")

// followOnce follows one agent to its end. heard tells whether it said anything.
func (a *App) followOnce(ctx context.Context) (heard bool, err error) {
	agent, err := a.connect(ctx)
	if err != nil {
		return false, err
	}
	defer a.forget(ctx)
	for change, err := range agent.Changes(ctx) {
		if err != nil {
			return heard, err
		}
		if change.Quit {
			return heard, errQuit
		}
		if !heard {
			a.emit(ctx, EventConnected, nil)
			heard = true
		}
		a.emit(ctx, EventChange, change)
	}
	return heard, nil
}

// emit does not speak to a window that is closing.
func (a *App) emit(ctx context.Context, event string, payload any) {
	if ctx.Err() == nil {
		a.config.Emit(event, payload)
	}
}

// connect returns the agent, finding or starting it first when there is none.
func (a *App) connect(ctx context.Context) (Agent, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if a.agent != nil {
		return a.agent, nil
	}
	agent, err := a.config.Connect(ctx)
	if err != nil {
		return nil, err
	}
	a.agent = agent
	return agent, nil
}

// forget makes the next connect look again.
func (a *App) forget(ctx context.Context) {
	select {
	case a.turn <- struct{}{}:
		a.agent = nil
		<-a.turn
	case <-ctx.Done():
	}
}

// call gives do the agent and a context that ends with the window or after
// callTime.
func (a *App) call(do func(context.Context, Agent) error) error { return a.callWithin(callTime, do) }

// callWithin is call with another limit.
func (a *App) callWithin(limit time.Duration, do func(context.Context, Agent) error) error {
	a.mu.Lock()
	ctx := a.ctx
	a.mu.Unlock()
	if ctx == nil {
		return fault.New(fault.AgentAway, "The window is not ready yet.", "Try again in a moment.")
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	agent, err := a.connect(ctx)
	if err == nil {
		err = do(ctx, agent)
	}
	if errors.Is(err, context.DeadlineExceeded) && fault.CodeOf(err) == fault.Internal {
		return fault.Wrap(err, fault.AgentAway, "Drawbridge's agent did not answer in time.", "Try again.")
	}
	return err
}

// formatError makes what the page gets for an error: a control.Problem as JSON
// text, since Wails' runtime makes a JavaScript Error of it, whose message can
// only be text.
func formatError(err error) any {
	raw, err := json.Marshal(control.ProblemOf(err))
	if err != nil {
		return "" // three strings can always be written
	}
	return string(raw)
}

// awayProblem says why there is no agent.
func awayProblem(err error) *control.Problem {
	if fault.CodeOf(err) == fault.Internal || err == nil {
		err = fault.New(fault.AgentAway, "Drawbridge's agent is not answering.",
			"Try again; if it stays away, run `drawbridge agent` in a terminal to see why.")
	}
	return control.ProblemOf(err)
}

// Snapshot is how everything stands now.
func (a *App) Snapshot() (s control.Snapshot, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		s, err = agent.Snapshot(ctx)
		return err
	})
	return s, err
}

// Reconnect looks for the agent again at once instead of after a pause.
func (a *App) Reconnect() {
	select {
	case a.retry <- struct{}{}:
	default: // asked already
	}
}

// AddAccount begins to sign in to another account of the server with the name.
// The account is there once somebody has signed in.
func (a *App) AddAccount(name, account string) (s control.SignIn, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		if err := config.CheckAccount(account); err != nil {
			return err
		}
		s, err = agent.StartSignIn(ctx, control.SignInRequest{Target: control.Named(name).As(account)})
		return err
	})
	return s, err
}

// RemoveAccount signs out of the account with the key and forgets it; the server
// and its other accounts stay. The Problem is as for RemoveServer.
func (a *App) RemoveAccount(key string) (warning *control.Problem, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		warning, err = agent.RemoveAccount(ctx, key)
		return err
	})
	return warning, err
}

// RemoveServer signs out of all accounts of the server with the name and takes it out of the
// settings. The Problem, if any, says what of the signing out did not work.
func (a *App) RemoveServer(name string) (warning *control.Problem, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		warning, err = agent.RemoveServer(ctx, name)
		return err
	})
	return warning, err
}

// StartSignIn begins to sign in at the server with the key, or joins the
// sign-in that is under way there. It does not wait for the person.
func (a *App) StartSignIn(key string) (control.SignIn, error) {
	return a.signIn(control.SignInRequest{Target: control.Keyed(key)})
}

// CancelSignIn ends the sign-in with the ID.
func (a *App) CancelSignIn(id string) error {
	return a.call(func(ctx context.Context, agent Agent) error { return agent.CancelSignIn(ctx, id) })
}

// SignOut signs out of the server with the key. The Problem, if any, says that
// the credential is gone from here but could not be revoked.
func (a *App) SignOut(key string) (warning *control.Problem, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		warning, err = agent.SignOut(ctx, control.Keyed(key))
		return err
	})
	return warning, err
}

// SignOutEverywhere ends every sign-in on this computer and says of each how it
// went. The agent goes on with it when the window closes.
func (a *App) SignOutEverywhere() (outcomes []control.Outcome, err error) {
	err = a.callWithin(everywhereTime, func(ctx context.Context, agent Agent) error {
		outcomes, err = agent.SignOutEverywhere(ctx)
		return err
	})
	return outcomes, err
}
