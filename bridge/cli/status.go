package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// serverStatus is one account of a server in the JSON of `list` and `status`.
type serverStatus struct {
	Name      string      `json:"name"`
	URL       string      `json:"url"`
	Account   string      `json:"account"`
	Default   bool        `json:"default"`
	State     string      `json:"state"`
	Identity  *who        `json:"identity,omitempty"`
	Issuer    string      `json:"issuer,omitempty"`
	ClientID  string      `json:"clientId,omitempty"`
	Scopes    []string    `json:"scopes,omitempty"`
	ExpiresAt *time.Time  `json:"expiresAt,omitempty"`
	Renewable bool        `json:"renewable"`
	Problem   *problemOut `json:"problem,omitempty"`
}

type who struct {
	Subject string `json:"subject,omitempty"`
	Email   string `json:"email,omitempty"`
	Name    string `json:"name,omitempty"`
	Tenant  string `json:"tenant,omitempty"`
}

type problemOut struct {
	Code fault.Code `json:"code"`
	What string     `json:"what"`
	Next string     `json:"next,omitempty"`
}

func (a *app) now() time.Time { return time.Now() }

// row is one account of a server.
type row struct {
	credential.Facts
	// isDefault: it counts when nobody names another and no folder rule does.
	isDefault bool
}

// label is how a person names it.
func (r row) label() string { return r.Server.Label(r.Account) }

// rows reads the settings and what is known of each account, without the
// keychain. A server nobody has signed in to has a row, too.
func (a *app) rows() (*config.Settings, []row, error) {
	p, err := a.paths()
	if err != nil {
		return nil, nil, err
	}
	settings, err := config.Load(p)
	if err != nil {
		return nil, nil, err
	}
	m := credential.NewManager(credential.Config{Paths: p, Log: a.quietLog(), Version: a.Version})
	known, _ := m.AllFacts() // what cannot be read is said below
	out := make([]row, 0, len(settings.Servers))
	for _, server := range settings.Servers {
		for _, name := range credential.AccountsOf(server, known, settings.Accounts(server)...) {
			f, err := m.Account(server, name).Facts()
			if err != nil { // one damaged file must not hide the others
				a.warn(fault.Wrap(err, fault.Storage, fmt.Sprintf("What is known of %s cannot be read.", server.Label(name)), "Its next use or sign-in writes it anew."))
				f = credential.Facts{}
			}
			f.Server, f.Account = server, name
			out = append(out, row{f, config.SameAccount(name, server.DefaultName())})
		}
	}
	return settings, out, nil
}

// rowsOf are the rows of the server that is named or, when an account is named,
// too, of that one alone.
func (a *app) rowsOf(settings *config.Settings, rows []row, arg, flag string) ([]row, error) {
	who, err := a.whom(settings, arg, flag)
	if err != nil {
		return nil, err
	}
	var out []row
	for _, r := range rows {
		named := who.Source != config.Asked || config.SameAccount(r.Account, who.Account)
		if r.Server.Name == who.server.Name && named {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		return nil, fault.New(fault.NotSignedIn, fmt.Sprintf("%s has no account %q.", who.server.Name, who.Account),
			"Sign in to it: drawbridge login "+who.label())
	}
	return out, nil
}

func (a *app) list() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, GroupID: "servers",
		Short: "List the servers",
		Long: `List the servers with what is known of each: whether somebody is signed in, and
who. Nothing is asked over the network, and the keychain is not opened.`,
		Example: "  drawbridge list\n  drawbridge list --json",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			_, all, err := a.rows()
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(statuses(all, a.now()))
			}
			if len(all) == 0 {
				fmt.Fprintln(a.Stderr, "No servers yet. Add one: drawbridge add NAME URL")
				return nil
			}
			w := tabwriter.NewWriter(a.Stdout, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tSTATE\tACCOUNT\tURL")
			for _, f := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.label(), stateWords(f.Facts, a.now()), dash(printable(f.Display())), f.Server.URL)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) status() *cobra.Command {
	asJSON, account := false, ""
	cmd := &cobra.Command{
		Use: "status [NAME]", GroupID: "sign-in",
		Short: "Show who is signed in, with what rights, until when",
		Long: `Show who is signed in, with what rights, until when. With a NAME, the exit status
is 10 when somebody has to sign in to the account of that server that counts here:
see drawbridge accounts. The keychain is not asked.`,
		Example: "  drawbridge status\n  drawbridge status notes --json\n  drawbridge status notes@work",
		Args:    between(0, "NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			settings, all, err := a.rows()
			if err != nil {
				return err
			}
			if len(args) == 0 && account != "" {
				return fault.New(fault.Usage, "--account wants the NAME of a server.", "Run: drawbridge status NAME --account "+account)
			}
			if len(args) == 1 {
				if all, err = a.rowsOf(settings, all, args[0], account); err != nil {
					return err
				}
			}
			if asJSON {
				if err := a.printJSON(statuses(all, a.now())); err != nil {
					return err
				}
			} else {
				a.printStatus(all)
			}
			if len(args) == 0 {
				return nil
			}
			who, err := a.whom(settings, args[0], account)
			if err != nil {
				return err
			}
			for _, r := range all {
				if config.SameAccount(r.Account, who.Account) {
					return needed(r, a.now())
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	accountFlag(cmd, &account)
	return cmd
}

// needed is the error when a person has to sign in, for the exit status.
func needed(r row, now time.Time) error {
	what := fmt.Sprintf("Nobody is signed in to %s.", r.label())
	switch {
	case works(r.Facts, now), r.State == credential.Open:
		return nil
	case r.State == credential.SignedIn, r.State == credential.SignInNeeded:
		what = fmt.Sprintf("%s needs you to sign in again.", r.label())
	}
	return fault.New(fault.SignInNeeded, what, "Sign in: drawbridge login "+r.label())
}

func (a *app) printStatus(all []row) {
	if len(all) == 0 {
		fmt.Fprintln(a.Stderr, "No servers yet. Add one: drawbridge add NAME URL")
	}
	for i, f := range all {
		if i > 0 {
			fmt.Fprintln(a.Stdout)
		}
		fmt.Fprintf(a.Stdout, "%s  %s\n", f.label(), f.Server.URL)
		fmt.Fprintf(a.Stdout, "  %s\n", describe(f.Facts, a.now()))
		if f.State == credential.SignedIn {
			fmt.Fprintf(a.Stdout, "  provider  %s\n", printable(f.Issuer))
			if f.Tenant != "" {
				fmt.Fprintf(a.Stdout, "  tenant    %s\n", printable(f.Tenant))
			}
			fmt.Fprintf(a.Stdout, "  scopes    %s\n", dash(printable(strings.Join(f.Scopes, " "))))
		}
		if f.Problem != nil && f.State == credential.SignedIn {
			fmt.Fprintf(a.Stdout, "  trouble   %s %s\n", printable(f.Problem.What), printable(f.Problem.Next))
		}
	}
}

func statuses(all []row, now time.Time) []serverStatus {
	out := make([]serverStatus, 0, len(all))
	for _, r := range all {
		out = append(out, r.status(now))
	}
	return out
}

func (r row) status(now time.Time) serverStatus {
	f := r.Facts
	s := serverStatus{
		Name: f.Server.Name, URL: f.Server.URL, Account: f.Account, Default: r.isDefault, State: string(f.State),
		Issuer: f.Issuer, ClientID: f.ClientID, Scopes: f.Scopes, Renewable: f.Renewable,
	}
	switch {
	case f.State == "":
		s.State = string(credential.SignedOut)
	case f.State == credential.SignedIn && !works(f, now):
		s.State = string(credential.SignInNeeded)
	}
	if f.Display() != "" {
		s.Identity = &who{Subject: f.Subject, Email: f.Email, Name: f.Name, Tenant: f.Tenant}
	}
	if !f.ExpiresAt.IsZero() {
		s.ExpiresAt = &f.ExpiresAt
	}
	if f.Problem != nil {
		s.Problem = &problemOut{Code: f.Problem.Code, What: f.Problem.What, Next: f.Problem.Next}
	}
	return s
}

func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
