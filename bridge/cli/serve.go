package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/audit"
	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/era"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/front/localhttp"
	"drawbridge/bridge/guard"
	"drawbridge/bridge/serve"
)

// defaultListen is where the local bridge listens when nobody says otherwise.
const defaultListen = "127.0.0.1:7420"

func (a *app) serve() *cobra.Command {
	var flags guardFlags
	var signIn signInFlags
	var state stateFlag
	c := serve.Config{}
	noAudit, endWithInput := false, false
	cmd := &cobra.Command{
		Use: "serve", GroupID: "clients",
		Short: "Let clients that speak HTTP reach your servers, through a guard",
		Long: `Serve MCP over HTTP to clients on this computer: /NAME/mcp (Streamable HTTP) and
/NAME/sse (for clients of 2024), for each server that was added. NAME@ACCOUNT
names one of its accounts.

Nothing is open: every request has to show an API key (the default; make one with
drawbridge key create) or a token that --guard says how to check. Other computers
are let in only with --tls-cert, --tls-key and a guard. Who may do what is the
"bridge" part of the settings file; see docs/guides.

With --guard jwt or introspection clients sign in at the issuer. Where it
registers no clients, --sign-in-client-id lets them sign in through the bridge,
which the issuer has to know: its redirect address there is the bridge's own with
/oauth/callback.`,
		Example: `  drawbridge key create vscode
  drawbridge serve                                   http://127.0.0.1:7420, API keys
  drawbridge serve --socket ~/.drawbridge.sock
  drawbridge serve --guard jwt --preset okta --issuer https://example.okta.com/oauth2/default --audience bridge`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state.elsewhere(a) {
				return a.replica(cmd.Context())
			}
			p, err := a.paths()
			if err != nil {
				return err
			}
			seen := stampOf(p.SettingsFile())
			settings, err := config.Load(p)
			if err != nil {
				return err
			}
			if c.Listen == "" && c.Socket == "" {
				c.Listen = defaultListen
			}
			a.attended = true
			log := a.log()
			m, err := a.manager(p, log)
			if err != nil {
				return err
			}
			defer closeManager(m)
			a.shared = &connections{reports: control.NewReports(p), by: map[*credential.Account]*http.Client{}}
			if !noAudit {
				record, err := audit.Open(p.Audit(), 0, func(err error) { log.Error("the record cannot be written", "error", err) })
				if err != nil {
					return fault.Wrap(err, fault.Storage, "The record of the local bridge cannot be opened.", "Check that the folder "+p.Audit()+" is yours, or give --no-audit.")
				}
				defer func() {
					ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
					defer cancel()
					record.Close(ctx)
				}()
				c.Audit = record
			}
			var told *decisions
			if c.Audit != nil {
				told = &decisions{add: c.Audit.Add}
				defer told.end() // when nobody asks any more, and before the record's end
			}
			ctx := cmd.Context()
			if endWithInput {
				var end context.CancelFunc
				ctx, end = untilInputEnds(ctx, a.Stdin)
				defer end()
			}
			shared, err := state.open(ctx, a, p)
			if err != nil {
				return err
			}
			defer func() { _ = shared.Close() }()
			if c.Guard, err = a.buildGuard(ctx, p, settings, m, flags, shared, told, &c, log); err != nil {
				return err
			}
			c.Sessions = shared.Sessions
			exchanged, err := a.exchanges(ctx, settings, m, log)
			if err != nil {
				return err
			}
			c.Shown = exchanged
			c.Mirrored = func() localhttp.Mirrored { return &era.ParamBook{} }
			c.Log, c.Knows = log, func(name string) bool {
				s, err := config.Load(p)
				if err != nil {
					return false
				}
				_, err = s.Find(name)
				return err == nil
			}
			if settings.Bridge != nil {
				if err := settings.Bridge.CheckMetadata(); err != nil {
					return err
				}
			}
			c.Described = func() map[string]json.RawMessage {
				s, err := config.Load(p)
				if err != nil || s.Bridge == nil || s.Bridge.CheckMetadata() != nil {
					return nil
				}
				return s.Bridge.Metadata
			}
			if proxy, err := a.authProxy(ctx, signIn, flags, m, shared, &c, log); err != nil {
				return err
			} else if proxy != nil {
				c.SignIn = proxy
			}
			c.Open = func(ctx context.Context, at localhttp.Target, caller guard.Caller, _ bool, send localhttp.Send) (localhttp.Session, error) {
				return a.openFor(p, m, exchanged, at, caller, c.Audit, send, log)
			}
			c.Ready = func(addresses []string) { a.sayServing(settings, addresses, c.Unguarded) }
			changed := a.followSettings(p, c.Guard, exchanged, m, log)
			following, stop := context.WithCancel(ctx)
			var work sync.WaitGroup
			work.Go(func() { follow(following, p.SettingsFile(), seen, func() { changed(following) }) })
			err = serve.Run(ctx, c)
			stop()
			work.Wait()
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Listen, "listen", "", "listen on `HOST:PORT` (default "+defaultListen+", unless --socket is given)")
	f.StringVar(&c.Socket, "socket", "", "listen on a unix socket at `PATH` that only you may use")
	f.StringVar(&c.Cert, "tls-cert", "", "certificate `FILE` in PEM, read again when it changes")
	f.StringVar(&c.Key, "tls-key", "", "the certificate's key `FILE`")
	f.StringVar(&c.RedirectHTTP, "redirect-http", "", "listen without TLS on `HOST:PORT` too, only to send clients to the https address")
	f.StringVar(&c.PublicURL, "public-url", "", "the `URL` by which clients know the bridge, when it is another than the address")
	f.StringArrayVar(&c.Hosts, "allow-host", nil, "answer to this `NAME` in the Host header, too (repeatable)")
	f.StringArrayVar(&c.Origins, "allow-origin", nil, "let pages of this `ORIGIN` call, such as https://console.example.com (repeatable)")
	f.Int64Var(&c.MaxBody, "max-body", localhttp.DefaultMaxBody, "largest message of a client, in `BYTES`")
	f.BoolVar(&noAudit, "no-audit", false, "keep no record of who did what")
	f.BoolVar(&endWithInput, withInput, false, "end when standard input ends")
	_ = f.MarkHidden(withInput)
	flags.register(cmd)
	signIn.register(cmd)
	state.register(cmd)
	return cmd
}

// openFor connects a client of the local bridge to a server.
func (a *app) openFor(p config.Paths, m *credential.Manager, exchanged *exchanges, at localhttp.Target, caller guard.Caller, record *audit.Log, send localhttp.Send, log *slog.Logger) (localhttp.Session, error) {
	settings, err := config.Load(p)
	if err != nil {
		return nil, err
	}
	server, err := settings.Find(at.Server)
	if fault.Is(err, fault.UnknownServer) {
		return nil, localhttp.ErrNoServer
	}
	if err != nil {
		return nil, err
	}
	name := at.Account
	if name == "" {
		name = settings.Choose(server, "").Account
	} else if config.CheckAccount(name) != nil {
		return nil, localhttp.ErrNoServer
	}
	account := m.Account(server, name)
	hidden := func(tool string) bool { return !caller.MayUse(at.Server, tool) }
	bridged := settings.BridgeFor(server.Name)
	who, release, err := exchanged.credentialFor(server, bridged.Exchange, at.Account, caller)
	if err != nil {
		return nil, err
	}
	signedIn := account.Account()
	if who != nil {
		signedIn = "" // nobody is
	}
	report := watch(a.shared.reports, account, "http")
	about := joining{report: report, noAgent: a.ownVault(p), hidden: hidden, credential: who, heard: answered(record, at.Server, signedIn, caller)}
	if bridged.TellCaller {
		about.headers = callerHeaders(caller.Identity)
	}
	join := a.join(p, account, about, log, func(id json.RawMessage, raw []byte) error { return send(id, raw) })
	return &reported{Session: join, end: func() {
		report.Close()
		release()
	}}, nil
}

// reported ends the report when the session ends.
type reported struct {
	localhttp.Session
	end func()
}

// Close implements localhttp.Session.
func (r *reported) Close(limit time.Duration) {
	r.Session.Close(limit)
	r.end()
}

// sayServing tells the person what is where.
func (a *app) sayServing(settings *config.Settings, addresses []string, unguarded bool) {
	for _, address := range addresses {
		fmt.Fprintf(a.Stderr, "Serving at %s\n", address)
	}
	for _, s := range settings.Servers {
		fmt.Fprintf(a.Stderr, "  /%s/mcp   %s\n", s.Name, s.URL)
	}
	if len(settings.Servers) == 0 {
		fmt.Fprintln(a.Stderr, "  No server has been added yet: drawbridge add NAME URL")
	}
	if unguarded {
		red, plain := "", ""
		if isTerminal(a.Stderr) {
			red, plain = "\x1b[1;31m", "\x1b[0m"
		}
		fmt.Fprintf(a.Stderr, "%sNO GUARD: every program and every page on this computer can use your signed-in accounts.%s\n", red, plain)
	}
}
