package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/era"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/front/stdio"
	"drawbridge/bridge/network"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/session"
)

func (a *app) stdio() *cobra.Command {
	var flags serverFlags
	var url, account string
	noAgent := false
	cmd := &cobra.Command{
		Use: "stdio NAME | stdio --url URL", GroupID: "clients",
		Short: "Connect an MCP client on standard input and output to a server",
		Long: `Speak MCP on standard input and output and pass every message on to the server,
with a fresh access token. MCP clients start this; see drawbridge install.

NAME@ACCOUNT connects to one of its accounts. With NAME alone the rule of the
nearest folder above the one that the client works in counts, else the server's
default: see drawbridge use.

With --url the server need not be added first. Its sign-in is kept by the URL,
the client id and the scopes, so that several processes share one.`,
		Example: `  drawbridge stdio notes
  drawbridge stdio notes@work
  drawbridge stdio --url https://notes.example.com/mcp --scope notes.read`,
		Args: between(0, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.paths()
			if err != nil {
				return err
			}
			who, err := a.stdioServer(cmd, p, &flags, url, account, args)
			if err != nil {
				return err
			}
			return a.bridge(cmd.Context(), p, who, noAgent)
		},
	}
	flags.register(cmd)
	flags.comforts.register(cmd)
	cmd.Flags().StringVar(&url, "url", "", "the server's `URL`, instead of the name of an added one")
	accountFlag(cmd, &account)
	cmd.Flags().BoolVar(&noAgent, "no-agent", false, "start no agent: sign in from this process when it has to be")
	return cmd
}

// stdioServer is the added server that was named, or one made of the options,
// and the account at it.
func (a *app) stdioServer(cmd *cobra.Command, p config.Paths, flags *serverFlags, url, account string, args []string) (whom, error) {
	if (len(args) == 1) == (url != "") {
		return whom{}, fault.New(fault.Usage, "Either the NAME of a server or --url is wanted.", "Run: "+cmd.CommandPath()+" --help")
	}
	if url != "" {
		choice := config.Choice{Account: config.DefaultAccount, Source: config.BuiltIn}
		if account != "" {
			choice = config.Choice{Account: account, Source: config.Asked}
		}
		server, err := flags.server(cmd, "", url)
		return whom{server, choice}, errors.Join(err, config.CheckAccount(choice.Account))
	}
	settings, err := config.Load(p)
	if err != nil {
		return whom{}, err
	}
	who, err := a.whom(settings, args[0], account)
	if err != nil {
		return who, err
	}
	if used := flags.used(cmd); len(used) > 0 {
		return who, fault.New(fault.Usage, fmt.Sprintf("--%s goes with --url.", used[0]),
			"An added server keeps its own; change it with: drawbridge login "+who.label())
	}
	if err := flags.comforts.apply(&who.server); err != nil {
		return who, err
	}
	extra, err := parseHeaders(flags.headers)
	who.server.Headers = merged(who.server.Headers, extra)
	return who, err
}

// logLimit bounds the wait for the last lines of the log to be read.
const logLimit = 20 * time.Millisecond

// bridge passes messages until the client closes its end.
func (a *app) bridge(ctx context.Context, p config.Paths, who whom, noAgent bool) error {
	server := who.server
	// A client that dies closes the output before the input; a process that the
	// broken pipe killed could be in the middle of a renewal. (Not ignored but
	// caught: programs that we start inherit what is ignored.)
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)

	lines := stdio.NewLog(a.Stderr)
	defer lines.Close(logLimit)
	a.Stderr = lines
	log := a.log()
	m, err := a.manager(p, log)
	if err != nil {
		return err
	}
	defer closeManager(m)
	account := m.Account(server, who.Account)
	log.Debug("account chosen", "account", account.Name(), "by", who.Source, "folder", who.Folder)
	if err := keepSecrets(ctx, account); err != nil {
		return err
	}
	thrift := newThrift()
	defer thrift.end()
	noAgent = noAgent || a.ownVault(p)
	report := watch(control.NewReports(p), account, "stdio")
	defer report.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer stdio.WatchClient(cancel)()
	err = stdio.Serve(ctx, a.Stdin, a.Stdout, log, func(w *stdio.Writer) stdio.Session {
		s := a.join(p, account, joining{report: report, noAgent: noAgent}, log, func(_ json.RawMessage, raw []byte) error { return thrift.after(w.Send(raw)) })
		if a.Goodbye > 0 {
			return goodbye{s, a.Goodbye}
		}
		return s
	})
	if errors.Is(err, context.Canceled) {
		return nil // asked to end by a signal
	}
	return err
}

// goodbye is a session with another limit to its goodbye; see Process.Goodbye.
type goodbye struct {
	stdio.Session
	limit time.Duration
}

func (g goodbye) Close(time.Duration) { g.Session.Close(g.limit) }

// joining is what one session is made of beside its account.
type joining struct {
	report  *control.Reporter
	noAgent bool
	// hidden are tools that the client may not use; nil: none.
	hidden func(tool string) bool
	// headers go with each request, beside those of the settings.
	headers map[string]string
	// credential takes the place of the account's; nil: none does. Nobody is asked
	// to sign in then, and nothing is remembered of what the server said: it may say
	// something else to the next caller.
	credential session.Credential
	// heard is told of each request that was answered; nil: nobody.
	heard func(session.Call)
}

func (j joining) called() func(session.Call) {
	told := tell(j.report)
	if j.heard == nil {
		return told
	}
	return func(c session.Call) {
		told(c)
		j.heard(c)
	}
}

// join connects a client to an account's server, whichever era each of them
// speaks.
func (a *app) join(p config.Paths, account *credential.Account, j joining, log *slog.Logger, send era.Send) *watched {
	server, report := account.Server(), j.report
	server.Headers = merged(server.Headers, j.headers)
	var who session.Credential = account
	if j.credential != nil {
		who = j.credential
	}
	reach := remote.Config{
		HTTP: a.shared.to(account), URL: server.URL, Bearer: who, Headers: server.Headers, UserAgent: "drawbridge/" + a.Version, Log: log,
	}
	if files := newHeaderFiles(server.HeaderFiles); len(files) > 0 {
		reach.MoreHeaders = files.read
	}
	hide := j.hidden
	if len(server.IgnoreTools) > 0 {
		hide = func(tool string) bool { return server.Hides(tool) || j.hidden != nil && j.hidden(tool) }
	}
	var signIn func(context.Context, bool) (session.SignInStarted, error)
	if !j.noAgent && j.credential == nil {
		signIn = func(ctx context.Context, open bool) (session.SignInStarted, error) {
			return a.startSignIn(ctx, p, account, open)
		}
	}
	var old atomic.Pointer[func() bool] // whether the server turned out to speak HTTP+SSE; asked only when it has answered
	memory := described{account, server.Headers, func() string { return transportName((*old.Load())()) }, log}
	var remembered session.Memory = memory
	var descriptions era.Descriptions = memory
	need := func(ctx context.Context) { a.needSignIn(ctx, p, account, j.noAgent, log) }
	if j.credential != nil {
		remembered, descriptions, need = nil, nil, nil
	}
	connect := func(send era.Send) (era.Session, *era.Remote) {
		conn, eras, isOld := a.connection(p, server, reach)
		old.Store(&isOld)
		return session.New(session.Config{
			Remote: agreed{conn, isOld, report}, Credential: who, Log: log, Called: j.called(),
			Send: func(raw []byte) error { return send(nil, raw) }, SendFor: send,
			Memory: remembered, CallLimit: server.CallTimeout(), Hide: hide, SignIn: signIn,
			NeedSignIn: need,
		}), eras
	}
	return &watched{to: report, Session: era.NewClient(era.ClientConfig{Connect: connect, Send: send, Descriptions: descriptions, Log: log})}
}

// connections are those that the sessions of one process share, by account.
type connections struct {
	reports *control.Reports // to the agent

	mu sync.Mutex
	by map[*credential.Account]*http.Client
}

// to is the HTTP client for the connections to an account's server.
func (c *connections) to(account *credential.Account) *http.Client {
	if c == nil {
		return reachHTTP(account, remote.NewHTTPOver)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[account] == nil {
		c.by[account] = reachHTTP(account, remote.NewHTTPForMany)
	}
	return c.by[account]
}

// reachHTTP is the HTTP client for a server's connections. With settings that
// cannot be used each request fails and says so, for the MCP client to show.
func reachHTTP(account *credential.Account, by func(*http.Transport) *http.Client) *http.Client {
	t, err := account.Transport()
	if err != nil {
		return &http.Client{Transport: network.Broken(err)}
	}
	return by(t)
}

// connection speaks to a server by the transport and in the era that its
// settings name, or that it turns out to speak. Without the second result it is
// one that only the older era has. isOld reports whether it is HTTP+SSE.
func (a *app) connection(p config.Paths, server config.Server, c remote.Config) (_ session.Remote, _ *era.Remote, isOld func() bool) {
	var conn era.Conn
	switch server.Transport {
	case config.TransportHTTP:
		conn, isOld = remote.NewConn(c), func() bool { return false }
	case config.TransportSSE:
		return remote.NewLegacy(c), nil, func() bool { return true }
	default:
		auto := remote.NewAuto(c)
		conn, isOld = auto, auto.IsLegacy
	}
	eras := era.NewRemote(era.Config{
		Conn: conn, Endpoint: server.URL, Memory: era.Memory{Dir: p.Eras()}, Protocol: era.Protocol(server.Protocol),
		Name: "drawbridge", Version: a.Version, Log: c.Log,
	})
	return eras, eras, isOld
}

// needSignIn gets a person to sign in: the agent, which outlives this process,
// decides how; without one this process opens the browser itself.
func (a *app) needSignIn(ctx context.Context, p config.Paths, account *credential.Account, noAgent bool, log *slog.Logger) {
	if !noAgent {
		client, err := control.Ensure(ctx, p, a.spawnAgent)
		if err == nil {
			defer client.Close()
			target := control.Named(account.Server().Name)
			if account.Server().Name == "" {
				target = control.Unnamed(account.Server())
			}
			answer, err := client.Need(ctx, target.As(account.Account()))
			if err == nil {
				log.Info("sign-in needed", "server", account.Name(), "action", answer.Action)
				return
			}
			log.Warn("the agent cannot help", "error", err)
		} else {
			log.Warn("no agent; signing in from here", "error", err)
		}
	}
	err := account.SignIn(ctx, credential.UI{Open: a.openBrowser, Show: func(url string, opened bool) {
		if !opened {
			fmt.Fprintf(a.Stderr, "Open this address on this computer to sign in to %s:\n  %s\n", account.Name(), url)
		}
	}})
	if err != nil && ctx.Err() == nil {
		log.Warn("not signed in", "server", account.Name(), "error", err)
	}
}

// startSignIn has the agent start a sign-in and waits until the person has a page
// to go to, in a browser that it opens, or not.
func (a *app) startSignIn(ctx context.Context, p config.Paths, account *credential.Account, open bool) (session.SignInStarted, error) {
	client, err := control.Ensure(ctx, p, a.spawnAgent)
	if err != nil {
		return session.SignInStarted{}, err
	}
	defer client.Close()
	target := control.Named(account.Server().Name)
	if account.Server().Name == "" {
		target = control.Unnamed(account.Server())
	}
	s, err := client.StartSignIn(ctx, control.SignInRequest{Target: target.As(account.Account()), NoBrowser: !open})
	if err != nil {
		return session.SignInStarted{}, err
	}
	shown, cancel := context.WithCancel(ctx)
	defer cancel()
	last, err := client.WaitSignIn(shown, s.ID, func(now control.SignIn) {
		if s = now; s.URL != "" {
			cancel()
		}
	})
	switch {
	case s.URL != "" || err != nil && ctx.Err() != nil:
		return session.SignInStarted{URL: s.URL, Code: s.Code, Opened: s.BrowserOpened}, nil
	case err != nil:
		return session.SignInStarted{}, err
	}
	return session.SignInStarted{}, last.Problem.Err()
}
