// Package doctor walks the way from a server's address to the first MCP request
// with a token, clause by clause, and says of each what was received and what
// to do. It asks with the functions that the way itself uses, so that its
// verdict is Drawbridge's own. Unless it is told to, it changes nothing: it
// registers no client, opens no browser and stores nothing. It must not read
// the settings or the vault; a token it gets from a credential.
package doctor

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/token"
)

// walkLimit bounds a walk without a person in it.
const walkLimit = 2 * time.Minute

// Credential is the account that is looked at; *credential.Account is one.
type Credential interface {
	Bearer(ctx context.Context) (secret.String, error)
	Facts() (credential.Facts, error)
	Report(ctx context.Context) (token.Report, error)
	SignIn(ctx context.Context, ui credential.UI) error
	// For tokens that are bound to a key.
	remote.Prover
}

// Config is what a walk needs. Server and Credential are required.
type Config struct {
	Server     config.Server
	Account    string
	Credential Credential
	// Register lets it register a client to see whether it can; the client is
	// not used. SignIn lets a person sign in, with UI.
	Register bool
	SignIn   bool
	UI       credential.UI
	// HTTP is for requests to the server and its authorization server: with the
	// trust, certificate and proxy of the server's settings. nil is remote.NewHTTP.
	HTTP *http.Client
	// MoreHeaders are remote.Config's; nil: none.
	MoreHeaders func() (map[string]string, error)
	// Trace remembers the traffic; nil for one of its own.
	Trace   *Trace
	Version string
	Log     *slog.Logger
	// Progress is told of each line as it is found; nil for nobody.
	Progress func(report.Line)
}

// walk is one walk and what it has learned so far.
type walk struct {
	Config
	oauth   *oauth.Client
	http    *http.Client
	lines   []report.Line
	section report.Section
	from    int // exchanges before the present step

	away      bool // somebody did not answer
	open      bool // the server asks for no sign-in
	challenge oauth.Challenge
	resource  oauth.ResourceMetadata
	found     oauth.Discovery
	usable    bool // found is complete
	needed    bool // nobody is signed in
	bearer    secret.String
}

// Run walks. It ends with ctx, at the latest after two minutes, not counting a
// person's time in the browser. The report says also what went wrong.
func Run(ctx context.Context, cfg Config) report.Report {
	if cfg.Trace == nil {
		cfg.Trace = &Trace{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	for _, v := range cfg.Server.Headers {
		cfg.Trace.Hide(secret.New(v)) // an API key, perhaps
	}
	if cfg.HTTP == nil {
		cfg.HTTP = remote.NewHTTP()
	}
	recorded := *cfg.HTTP
	recorded.Transport = cfg.Trace.Wrap(cfg.HTTP.Transport)
	w := &walk{Config: cfg, http: &recorded}
	asking := credential.OAuthConfig(cfg.Server)
	asking.HTTP, asking.UserAgent, asking.Log, asking.Wrap = cfg.HTTP, w.userAgent(), cfg.Log, cfg.Trace.Wrap
	w.oauth = oauth.NewClient(asking)
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, walkLimit)
	w.look(limited)
	cancel()
	if w.SignIn && !w.open && w.usable {
		w.signIn(ctx)
	}
	limited, cancel = context.WithTimeout(ctx, walkLimit)
	defer cancel()
	w.use(limited)
	cfg.HTTP.CloseIdleConnections()
	return report.Report{
		Name: cfg.Server.Name, URL: w.shownURL(), Account: cfg.Account, Version: cfg.Version,
		StartedAt: began.Round(0), Millis: time.Since(began).Milliseconds(), Outcome: w.outcome(), Lines: w.lines, Found: w.learned(),
	}
}

// look is all that needs no sign-in.
func (w *walk) look(ctx context.Context) {
	w.begin(report.Server)
	if !w.firstRequest(ctx) {
		return
	}
	w.begin(report.Resource)
	if !w.resourceMetadata(ctx) {
		return
	}
	w.begin(report.Issuer)
	if !w.serverMetadata(ctx) {
		return
	}
	w.begin(report.Registration)
	w.registration(ctx)
}

// use is what needs one, or a server that wants none.
func (w *walk) use(ctx context.Context) {
	w.begin(report.Authorization)
	if !w.open {
		w.signedIn(ctx)
	}
	w.begin(report.MCP)
	w.firstCall(ctx)
}

func (w *walk) begin(s report.Section) { w.section, w.from = s, w.Trace.count() }

// add notes a line. It rests on the exchanges since the section began, unless
// it names others.
func (w *walk) add(l report.Line) {
	l.Section = w.section
	if l.Exchanges == nil {
		for _, e := range w.Trace.since(w.from) {
			l.Exchanges = append(l.Exchanges, e.n)
		}
	}
	l.Got, l.Remedy = w.Trace.Redact(l.Got), strings.TrimSpace(l.Remedy)
	w.lines = append(w.lines, l)
	if w.Progress != nil {
		w.Progress(l)
	}
}

// fail notes an error where it happened. A server that does not answer is no
// line for it alone: the rest of the walk is then not possible.
func (w *walk) fail(l report.Line, err error) {
	p := fault.Public(err)
	if p.Code == fault.Unreachable {
		w.away = true
	}
	l.Status, l.Got, l.Remedy = report.Fail, p.What, p.Next
	if p.Cause != nil && p.Code != fault.Internal {
		if detail := w.detail(p.Cause); detail != "" {
			l.Got += " (" + detail + ")"
		}
	}
	w.add(l)
}

// detail is what of a cause a person debugging wants: the network's word, or
// the code of the authorization server.
func (w *walk) detail(err error) string {
	var t *oauth.TokenError
	if errors.As(err, &t) {
		return t.Error()
	}
	s := err.Error()
	if i := strings.Index(s, "looked at "); i >= 0 {
		return s[i:]
	}
	if i := strings.LastIndex(s, `": `); i >= 0 { // after net/http's own `Get "URL": `
		s = s[i+3:]
	}
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return s
}

// failed reports whether the section has a red line.
func (w *walk) failed(s report.Section) bool {
	return slices.ContainsFunc(w.lines, func(l report.Line) bool { return l.Section == s && l.Status == report.Fail })
}

func (w *walk) outcome() report.Outcome {
	red := slices.ContainsFunc(w.lines, func(l report.Line) bool { return l.Status == report.Fail })
	switch {
	case red && w.away:
		return report.Unreachable
	case red:
		return report.Broken
	case w.needed:
		return report.NeedsSignIn
	}
	return report.Healthy
}

func (w *walk) userAgent() string {
	if w.Version == "" {
		return "drawbridge"
	}
	return "drawbridge/" + w.Version
}

// shownURL is the server's address without its query, which may hold a key.
func (w *walk) shownURL() string {
	address, _, _ := strings.Cut(w.Server.URL, "?")
	return address
}

// label is how a person names the account on a command line.
func (w *walk) label() string {
	if w.Server.Name == "" {
		return w.shownURL()
	}
	return w.Server.Label(w.Account)
}
