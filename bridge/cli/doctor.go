package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/doctor"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/secret"
)

// doctorFlags are the options of doctor alone.
type doctorFlags struct {
	serverFlags
	account, trace                      string
	asJSON, register, signIn, noBrowser bool
}

func (a *app) doctor() *cobra.Command {
	var flags doctorFlags
	cmd := &cobra.Command{
		Use: "doctor NAME | URL", GroupID: "sign-in",
		Short: "Find out why a server cannot be used, clause by clause",
		Long: `Walk the way from a server's address to the first request with a token: the
refusal, the metadata of the server and of its authorization server, the
registration, the sign-in, an MCP session. Each line names the clause of the
specification, what was received, and what to do.

Nothing is changed: no client is registered, no browser opens, nothing is stored.
With --register a client is registered to see whether that works; with --sign-in
you sign in on the way. Who is signed in already is used for the last part; for
that, a token may be renewed.

The trace of --trace is the HTTP traffic without secrets: read it, then attach it
to a bug report. Tokens, codes, cookies and all that is not known to be harmless
are left out.

The exit status is 0 when nothing is red, 1 when something is, 10 when all that
is missing is that you sign in, 11 when a server cannot be reached.`,
		Example: `  drawbridge doctor notes
  drawbridge doctor https://notes.example.com/mcp --register
  drawbridge doctor notes --json --trace notes.txt`,
		Args: exactly("NAME or URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.examine(cmd, args[0], &flags)
		},
	}
	cmd.Flags().BoolVar(&flags.asJSON, "json", false, "print the report as JSON, at the end")
	cmd.Flags().StringVar(&flags.trace, "trace", "", "write the HTTP traffic, without secrets, to `FILE`")
	cmd.Flags().BoolVar(&flags.register, "register", false, "register a client, to see whether the server does that")
	cmd.Flags().BoolVar(&flags.signIn, "sign-in", false, "sign in on the way, in the browser")
	cmd.Flags().BoolVar(&flags.noBrowser, "no-browser", false, "with --sign-in, print the address instead of opening a browser")
	accountFlag(cmd, &flags.account)
	flags.serverFlags.register(cmd)
	return cmd
}

// examine runs the doctor and prints what it finds.
func (a *app) examine(cmd *cobra.Command, arg string, flags *doctorFlags) error {
	ctx := cmd.Context()
	p, err := a.paths()
	if err != nil {
		return err
	}
	who, err := a.patient(cmd, p, arg, flags)
	if err != nil {
		return err
	}
	if flags.trace != "" { // before somebody signs in for nothing
		if err := config.WriteFile(flags.trace, nil); err != nil {
			return err
		}
	}
	trace := &doctor.Trace{}
	m, err := a.traced(p, trace)
	if err != nil {
		return err
	}
	defer closeManager(m)
	print := a.doctorPrinter()
	cfg := a.doctorConfig(m.Account(who.server, who.Account))
	cfg.Log, cfg.Trace, cfg.Register, cfg.SignIn, cfg.UI = a.quietLog(), trace, flags.register, flags.signIn, a.doctorUI(who, flags.noBrowser)
	if !flags.asJSON {
		cfg.Progress = print.line
	}
	r := doctor.Run(ctx, cfg)
	if flags.trace != "" {
		if err := config.WriteFile(flags.trace, traceText(trace, r)); err != nil {
			return err
		}
	}
	if flags.asJSON {
		if err := a.printJSON(r); err != nil {
			return err
		}
	} else {
		print.summary(r)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if status := doctorStatus(r.Outcome); status != 0 {
		return exitError{status}
	}
	return nil
}

// doctorConfig has the doctor walk as a session with the account would.
func (a *app) doctorConfig(account *credential.Account) doctor.Config {
	cfg := doctor.Config{
		Server: account.Server(), Account: account.Account(), Credential: account, HTTP: reachHTTP(account, remote.NewHTTPOver), Version: a.Version,
	}
	if files := newHeaderFiles(cfg.Server.HeaderFiles); len(files) > 0 {
		cfg.MoreHeaders = files.read
	}
	return cfg
}

// agentsDoctor is the doctor for the window: it changes nothing.
func (a *app) agentsDoctor(m *credential.Manager) func(context.Context, config.Server, string, func(report.Line)) (report.Report, error) {
	return func(ctx context.Context, server config.Server, account string, progress func(report.Line)) (report.Report, error) {
		trace := &doctor.Trace{}
		cfg := a.doctorConfig(m.Account(server, account))
		cfg.Log, cfg.Progress, cfg.Trace = a.log(), progress, trace
		r := doctor.Run(ctx, cfg)
		text := traceText(trace, r)
		if over := len(text) - shownTrace; over > 0 {
			text = fmt.Appendf(text[:shownTrace], "\n… %d bytes more; `drawbridge doctor --trace FILE` has all of them.\n", over)
		}
		r.Trace = strings.ToValidUTF8(string(text), "�")
		return r, nil
	}
}

// shownTrace bounds the trace that goes to the window, in bytes.
const shownTrace = 1 << 20

// traceText is the trace of a walk as a person may pass it on.
func traceText(trace *doctor.Trace, r report.Report) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "# drawbridge %s doctor %s, %s. Secrets are left out; read it before you pass it on.\n\n", r.Version, r.URL, r.StartedAt.UTC().Format("2006-01-02T15:04:05Z"))
	_, _ = trace.WriteTo(&text) // a buffer takes all
	return text.Bytes()
}

// doctorStatus is the exit status for a report.
func doctorStatus(o report.Outcome) int {
	switch o {
	case report.Healthy:
		return 0
	case report.NeedsSignIn:
		return fault.SignInNeeded.ExitStatus()
	case report.Unreachable:
		return fault.Unreachable.ExitStatus()
	}
	return 1
}

// patient is the server that is meant: an added one, or one made of a URL and
// the options.
func (a *app) patient(cmd *cobra.Command, p config.Paths, arg string, flags *doctorFlags) (whom, error) {
	if strings.Contains(arg, "://") {
		choice := config.Choice{Account: config.DefaultAccount, Source: config.BuiltIn}
		if flags.account != "" {
			choice = config.Choice{Account: flags.account, Source: config.Asked}
			if err := config.CheckAccount(flags.account); err != nil {
				return whom{}, err
			}
		}
		server, err := flags.server(cmd, "", arg)
		return whom{server, choice}, err
	}
	settings, err := config.Load(p)
	if err != nil {
		return whom{}, err
	}
	if used := flags.used(cmd); len(used) > 0 {
		return whom{}, fault.New(fault.Usage, fmt.Sprintf("--%s goes with a URL.", used[0]), "An added server keeps its own.")
	}
	return a.whom(settings, arg, flags.account)
}

// traced makes a manager whose requests are in the trace. Without a vault the
// walk goes on: what needs it says so.
func (a *app) traced(p config.Paths, trace *doctor.Trace) (*credential.Manager, error) {
	cfg := credential.Config{Paths: p, HTTP: remote.NewHTTP(), Log: a.quietLog(), Version: a.Version, Wrap: trace.Wrap}
	v, err := a.openVault(p)
	switch {
	case err == nil:
		cfg.Vault = v
	case fault.Is(err, fault.Usage), fault.Is(err, fault.BadSettings):
		return nil, err
	default:
		cfg.Vault = noVault{err}
	}
	return credential.NewManager(cfg), nil
}

// noVault is a vault that cannot be opened.
type noVault struct{ err error }

func (v noVault) Get(context.Context, string) (secret.String, error) { return secret.String{}, v.err }
func (v noVault) Set(context.Context, string, secret.String) error   { return v.err }
func (v noVault) Delete(context.Context, string) error               { return v.err }

func (a *app) doctorUI(who whom, noBrowser bool) credential.UI {
	ui := credential.UI{Open: a.openBrowser, Show: func(url string, opened bool) {
		if opened {
			fmt.Fprintf(a.Stderr, "Your browser is open on the sign-in. If it is not, open:\n  %s\n", url)
		} else {
			fmt.Fprintf(a.Stderr, "Open this address in a browser to sign in:\n  %s\n%s\n", url, pasteHere)
		}
	}, Pasted: a.pastedLines(), Mistaken: a.mistaken}
	if noBrowser {
		ui.Open = nil
	}
	return ui
}

// doctorPrinter prints a report as it grows.
type doctorPrinter struct {
	app     *app
	section report.Section
	colour  bool
}

func (a *app) doctorPrinter() *doctorPrinter {
	out, isFile := a.Stdout.(*os.File)
	return &doctorPrinter{app: a, colour: isFile && term.IsTerminal(int(out.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// verdicts are shown by shape, word and colour.
var verdicts = map[report.Status]struct{ mark, word, colour string }{
	report.OK:      {"✓", "ok", "32"},
	report.Warn:    {"!", "warning", "33"},
	report.Fail:    {"✗", "failed", "31"},
	report.Skipped: {"–", "not tried", "2"},
}

func (p *doctorPrinter) paint(s, colour string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// line prints one line of the report.
func (p *doctorPrinter) line(l report.Line) {
	w := p.app.Stdout
	if l.Section != p.section {
		if p.section != "" {
			fmt.Fprintln(w)
		}
		p.section = l.Section
		for _, s := range report.Sections {
			if s.Section == l.Section {
				fmt.Fprintln(w, p.paint(s.Title, "1"))
			}
		}
	}
	v := verdicts[l.Status]
	fmt.Fprintf(w, "  %s  %s  %s\n", p.paint(fmt.Sprintf("%s %-9s", v.mark, v.word), v.colour), printable(l.Title), p.paint("["+l.Ref+"]", "2"))
	if l.Got != "" {
		fmt.Fprintf(w, "               %s\n", printable(l.Got))
	}
	if l.Remedy != "" {
		fmt.Fprintf(w, "             → %s\n", printable(l.Remedy))
	}
}

// summary prints the end of the report.
func (p *doctorPrinter) summary(r report.Report) {
	words := map[report.Outcome]string{
		report.Healthy: "Nothing is wrong.", report.NeedsSignIn: "All that is missing is that you sign in: drawbridge login " + r.Name,
		report.Broken: "It cannot work like this.", report.Unreachable: "A server cannot be reached.",
	}[r.Outcome]
	if r.Outcome == report.Healthy && r.Count(report.Warn) > 0 {
		words = "It works, but not all of it is as it should be."
	}
	fmt.Fprintf(p.app.Stdout, "\n%s %d ok, %d warnings, %d failed, %d not tried.\n",
		p.paint(words, "1"), r.Count(report.OK), r.Count(report.Warn), r.Count(report.Fail), r.Count(report.Skipped))
}
