// Package agent is the resident process of a desktop session: it owns the
// sign-ins under way, so that they outlive a client that gives up waiting, keeps
// the snapshot that tray and window draw, and answers the control API. It must
// not know MCP, and holds no token itself.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"sync"
	"time"

	"drawbridge/bridge/band"
	"drawbridge/bridge/clients"
	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/desktop"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/token"
)

// IdleLimit is how long an agent that was started on demand stays when nobody
// uses it.
const IdleLimit = 10 * time.Minute

// Account is what the agent needs of a credential; *credential.Account is one.
type Account interface {
	Key() string
	Facts() (credential.Facts, error)
	SignIn(ctx context.Context, ui credential.UI) error
	SignOut(ctx context.Context) error
	RenewAhead(ctx context.Context, ahead time.Duration) error
	Forget(ctx context.Context) error
	Report(ctx context.Context) (token.Report, error)
	Said(ctx context.Context) (token.Said, error)
	Spoken() (version, over string)
	Ask(ctx context.Context) (credential.Answer, error)
	Lend(ctx context.Context, to func(access string) error) error
	SetClientSecret(ctx context.Context, s secret.String) error
}

// Accounts is where the agent gets accounts; see Credentials.
type Accounts interface {
	// Account is cheap.
	Account(server config.Server, account string) Account
	// ForgetServer deletes what belongs to a server and none of its accounts alone.
	ForgetServer(ctx context.Context, server config.Server) error
	// SignOutEverywhere ends every sign-in that is kept and deletes the stored
	// clients; the error is about what is of no single account.
	SignOutEverywhere(ctx context.Context) ([]credential.Outcome, error)
	// AllFacts reads what is known of every credential. What could be read
	// counts although there is an error.
	AllFacts() ([]credential.Facts, error)
}

// Credentials makes a manager's accounts the agent's.
func Credentials(m *credential.Manager) Accounts { return credentials{m} }

type credentials struct{ *credential.Manager }

func (c credentials) Account(server config.Server, account string) Account {
	return c.Manager.Account(server, account)
}

// Tray is the icon; *tray.Tray is one.
type Tray interface {
	// Run shows the icon until ctx ends, or returns an error at once.
	Run(ctx context.Context, feed *control.Feed, do control.Actions) error
	// Visible reports whether a person can see the icon now.
	Visible(ctx context.Context) bool
}

// Config is what an agent is made of. Paths and Accounts are required.
type Config struct {
	Paths    config.Paths
	Accounts Accounts
	// Tray is shown from the start, or, on demand, from the moment that
	// somebody wants the agent to stay. nil shows none.
	Tray Tray
	// OnDemand marks an agent that nobody asked for: it ends by itself after
	// IdleLimit without a sign-in, a client, or somebody who wants it to stay.
	OnDemand bool
	// Browser opens the address of a sign-in; nil is Browser.
	Browser func(ctx context.Context, address string) error
	// OpenWindow opens Drawbridge's window; nil is to say that there is none.
	OpenWindow func(ctx context.Context) error
	// Notify tells the person something and, where it offers an action, returns when
	// that is chosen, or is not wanted any more; nil is desktop.Notify.
	Notify func(ctx context.Context, n desktop.Notification) (chosen bool, err error)
	// Doctor finds out why a server cannot be used, without changing anything;
	// nil is to say that this agent cannot.
	Doctor  func(ctx context.Context, server config.Server, account string, progress func(report.Line)) (report.Report, error)
	Version string
	// Command is the absolute path of the lean binary, for the entries of MCP clients.
	Command string
	// Clients is where MCP clients keep their settings; the zero value is this host.
	Clients clients.Env
	// Demo is the absolute path of the demo's program; "" without one.
	Demo string
	// Alongside runs beside an agent that is to stay: it begins when no other agent
	// lives, and one that comes next waits for its return after ctx ended. nil: nothing.
	Alongside func(ctx context.Context)
	// Login starts the agent when the person logs in; nil is to say that it cannot.
	Login LoginItem
	// Log takes what a person debugging needs; nil is silence.
	Log *slog.Logger
	// Level is that of Log and follows the preferences; nil leaves it alone.
	Level *slog.LevelVar

	idle time.Duration // IdleLimit, unless a test is in a hurry
	lent time.Duration // CopiedFor, likewise
	// demoEnd is the demo's, unless a test has time.
	demoEnd time.Duration
	now     func() time.Time // for the pauses between two browsers; time.Now
}

// Agent is a running agent.
type Agent struct {
	cfg  Config
	log  *slog.Logger
	feed control.Feed
	// activity is what clients' processes tell of themselves.
	activity control.Activity
	// tokens is what the last two tokens of each credential said.
	tokens  succession
	service *control.Service
	// demo guards demoURL, the address of the demo while it runs, and demoRun, the
	// one that was started last.
	demo    sync.Mutex
	demoURL string
	demoRun *exec.Cmd
	stop    context.CancelFunc
	// life ends with the agent; work that outlives the request that began it
	// runs in it and is counted in tasks.
	life  context.Context
	tasks band.Band
	// stay is closed when the agent is to stay.
	stay     chan struct{}
	stayOnce sync.Once

	building sync.Mutex // one rebuild at a time
	lastGood *config.Settings

	mu      sync.Mutex
	pending map[string]*signIn // by credential key: under way
	signIns map[string]*signIn // by id: under way, or ended a while ago
	failed  map[string]failure
	needs   map[string]need
	// warned is the end of the sign-in that the person was warned of, by key.
	warned  map[string]time.Time
	asked   *askedFile
	lastEnd time.Time // when a sign-in last ended
}

// Run is the whole life of an agent: until ctx ends, somebody asks it to stop,
// or, on demand, it is of no use any more. It returns control.ErrRunning when
// another agent lives; that one then stays, with its tray, if this one was asked
// for by a person. Call it on the main goroutine, which macOS wants for the tray.
func Run(ctx context.Context, cfg Config) error {
	cfg = cfg.complete()
	l, err := control.Listen(ctx, cfg.Paths)
	if errors.Is(err, control.ErrRunning) && !cfg.OnDemand {
		client := control.Dial(cfg.Paths)
		defer client.Close()
		if err := client.Keep(ctx); err != nil {
			cfg.Log.Warn("the running agent was not asked to stay", "error", err)
		}
	}
	if err != nil {
		return err
	}
	defer l.Release()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a := newAgent(ctx, stop, cfg)
	if !cfg.OnDemand {
		a.keep()
	}
	a.service = control.NewService(a, a.log)
	w, err := watch(cfg.Paths, a.log)
	if err != nil {
		return err
	}
	defer w.close()
	a.rebuild() // before anybody can ask

	var served error
	a.tasks.Go(func() {
		defer stop()
		served = a.service.Serve(ctx, l)
	})
	r := newRenewals(cfg.Accounts, a.log)
	r.remember = a.remember
	r.ledger.tell = a.activity.SetRenewals
	a.tasks.Go(func() { r.run(ctx) })
	a.tasks.Go(func() {
		w.run(ctx, func() {
			a.rebuild()
			r.look()
		})
	})
	if cfg.OnDemand {
		a.tasks.Go(func() { a.endWhenIdle(ctx) })
	}
	if cfg.Alongside != nil {
		a.tasks.Go(func() {
			select {
			case <-a.stay: // before that it may end by itself, and this with it
				cfg.Alongside(ctx)
			case <-ctx.Done():
			}
		})
	}
	a.log.Info("agent started", "version", cfg.Version, "onDemand", cfg.OnDemand)
	a.showTray(ctx)
	<-ctx.Done()
	a.tasks.Wait()
	a.log.Info("agent ended")
	return served
}

// newAgent is an agent that nobody can ask yet; stop ends ctx, its life.
func newAgent(ctx context.Context, stop context.CancelFunc, cfg Config) *Agent {
	return &Agent{
		cfg: cfg, log: cfg.Log, stop: stop, life: ctx, stay: make(chan struct{}),
		pending: map[string]*signIn{}, signIns: map[string]*signIn{},
		failed: map[string]failure{}, lastGood: &config.Settings{}, needs: map[string]need{}, warned: map[string]time.Time{}, asked: loadAsked(cfg.Paths, cfg.Log),
	}
}

func (c Config) complete() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Browser == nil {
		c.Browser = Browser(c.Paths)
	}
	if c.Notify == nil {
		c.Notify = desktop.Notify
	}
	if c.idle == 0 {
		c.idle = IdleLimit
	}
	if c.lent == 0 {
		c.lent = CopiedFor
	}
	if c.demoEnd == 0 {
		c.demoEnd = demoEnd
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c
}

// showTray runs the tray on the calling goroutine, once the agent is to stay.
func (a *Agent) showTray(ctx context.Context) {
	if a.cfg.Tray == nil {
		return
	}
	select {
	case <-a.stay:
	case <-ctx.Done():
		return
	}
	for {
		s, changed := a.feed.Look()
		if s.Preferences == nil || s.Preferences.Tray {
			break
		}
		select {
		case <-changed: // the person may want it later
		case <-ctx.Done():
			return
		}
	}
	if err := a.cfg.Tray.Run(ctx, &a.feed, clicks{a}); err != nil {
		a.log.Warn("no tray icon; the agent goes on without", "error", err)
	}
}

func (a *Agent) keep() { a.stayOnce.Do(func() { close(a.stay) }) }

// endWhenIdle stops an agent that nobody has used for a while.
func (a *Agent) endWhenIdle(ctx context.Context) {
	tick := time.NewTicker(a.cfg.idle / 10)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-a.stay:
			return
		case <-ctx.Done():
			return
		}
		a.mu.Lock()
		busy := len(a.pending) > 0 || time.Since(a.lastEnd) < a.cfg.idle
		a.mu.Unlock()
		if !busy && a.service.Quiet() >= a.cfg.idle {
			a.log.Info("nobody needs the agent any more")
			a.stop()
			return
		}
	}
}

// clicks are a person's clicks on the tray.
type clicks struct{ a *Agent }

func (c clicks) SignIn(key string) {
	c.a.task("sign in", func(ctx context.Context) error {
		_, err := c.a.StartSignIn(ctx, control.SignInRequest{Target: control.Keyed(key)})
		return err
	})
}

func (c clicks) SignOut(key string) {
	c.a.task("sign out", func(ctx context.Context) error {
		problem, err := c.a.SignOut(ctx, control.Keyed(key))
		return errors.Join(err, problem.Err())
	})
}

func (c clicks) CancelSignIn(key string) {
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	if s, ok := c.a.pending[key]; ok {
		s.cancel(errCancelled)
	}
}

func (c clicks) CopyEntry(key string) {
	c.a.task("copy an entry", func(ctx context.Context) error { return c.a.copyEntry(ctx, key) })
}

func (c clicks) StartAtLogin(yes bool) {
	c.a.task("start at login", func(ctx context.Context) error {
		_, err := c.a.SetPreferences(ctx, control.PreferencesChange{StartAtLogin: &yes})
		return err
	})
}

func (c clicks) SignOutEverywhere() {
	c.a.task("sign out everywhere", func(ctx context.Context) error {
		outcomes, err := c.a.SignOutEverywhere(ctx)
		return errors.Join(err, summary(outcomes).Err())
	})
}

func (c clicks) Open() { c.a.task("open the window", c.a.OpenWindow) }
func (c clicks) Quit() { c.a.Stop() }

// task runs f in the agent's life and tells the person when it goes wrong.
func (a *Agent) task(what string, f func(context.Context) error) {
	a.tasks.Go(func() {
		err := f(a.life)
		if err == nil || a.life.Err() != nil {
			return
		}
		a.log.Warn("a click came to nothing", "what", what, "error", err)
		p := control.ProblemOf(err)
		a.notify(a.life, desktop.Notification{Title: p.What, Body: p.Next})
	})
}
