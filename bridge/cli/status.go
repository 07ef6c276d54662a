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

// serverStatus is one server in the JSON of `list` and `status`.
type serverStatus struct {
	Name      string      `json:"name"`
	URL       string      `json:"url"`
	Account   string      `json:"account"`
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
}

type problemOut struct {
	Code fault.Code `json:"code"`
	What string     `json:"what"`
	Next string     `json:"next,omitempty"`
}

func (a *app) now() time.Time { return time.Now() }

// facts reads the settings and what is known of each server, without the keychain.
func (a *app) facts() ([]credential.Facts, error) {
	p, err := a.paths()
	if err != nil {
		return nil, err
	}
	settings, err := config.Load(p)
	if err != nil {
		return nil, err
	}
	m := credential.NewManager(credential.Config{Paths: p, Log: a.quietLog(), Version: a.Version})
	all := make([]credential.Facts, 0, len(settings.Servers))
	for _, server := range settings.Servers {
		f, err := m.Account(server, "").Facts()
		if err != nil { // one damaged file must not hide the others
			a.warn(fault.Wrap(err, fault.Storage, fmt.Sprintf("What is known of %s cannot be read.", server.Name), "Its next use or sign-in writes it anew."))
			f = credential.Facts{Account: config.DefaultAccount}
		}
		f.Server = server
		all = append(all, f)
	}
	return all, nil
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
			all, err := a.facts()
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
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Server.Name, stateWords(f, a.now()), dash(printable(f.Display())), f.Server.URL)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) status() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "status [NAME]", GroupID: "sign-in",
		Short: "Show who is signed in, with what rights, until when",
		Long: `Show who is signed in, with what rights, until when. With a NAME, the exit status
is 10 when somebody has to sign in to that server. The keychain is not asked.`,
		Example: "  drawbridge status\n  drawbridge status notes --json",
		Args:    between(0, "NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := a.facts()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if all, err = only(all, args[0]); err != nil {
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
			if len(args) == 1 {
				return needed(all[0], a.now())
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// needed is the error when a person has to sign in, for the exit status.
func needed(f credential.Facts, now time.Time) error {
	what := fmt.Sprintf("Nobody is signed in to %s.", f.Server.Name)
	switch {
	case works(f, now), f.State == credential.Open:
		return nil
	case f.State == credential.SignedIn, f.State == credential.SignInNeeded:
		what = fmt.Sprintf("%s needs you to sign in again.", f.Server.Name)
	}
	return fault.New(fault.SignInNeeded, what, "Sign in: drawbridge login "+f.Server.Name)
}

func only(all []credential.Facts, name string) ([]credential.Facts, error) {
	for _, f := range all {
		if strings.EqualFold(f.Server.Name, name) {
			return []credential.Facts{f}, nil
		}
	}
	_, err := (&config.Settings{}).Find(name) // the same words as everywhere
	return nil, err
}

func (a *app) printStatus(all []credential.Facts) {
	if len(all) == 0 {
		fmt.Fprintln(a.Stderr, "No servers yet. Add one: drawbridge add NAME URL")
	}
	for i, f := range all {
		if i > 0 {
			fmt.Fprintln(a.Stdout)
		}
		fmt.Fprintf(a.Stdout, "%s  %s\n", f.Server.Name, f.Server.URL)
		fmt.Fprintf(a.Stdout, "  %s\n", describe(f, a.now()))
		if f.State == credential.SignedIn {
			fmt.Fprintf(a.Stdout, "  provider  %s\n", printable(f.Issuer))
			fmt.Fprintf(a.Stdout, "  scopes    %s\n", dash(printable(strings.Join(f.Scopes, " "))))
		}
		if f.Problem != nil && f.State == credential.SignedIn {
			fmt.Fprintf(a.Stdout, "  trouble   %s %s\n", printable(f.Problem.What), printable(f.Problem.Next))
		}
	}
}

func statuses(all []credential.Facts, now time.Time) []serverStatus {
	out := make([]serverStatus, 0, len(all))
	for _, f := range all {
		s := serverStatus{
			Name: f.Server.Name, URL: f.Server.URL, Account: f.Account, State: string(f.State),
			Issuer: f.Issuer, ClientID: f.ClientID, Scopes: f.Scopes, Renewable: f.Renewable,
		}
		switch {
		case f.State == "":
			s.State = string(credential.SignedOut)
		case f.State == credential.SignedIn && !works(f, now):
			s.State = string(credential.SignInNeeded)
		}
		if f.Display() != "" {
			s.Identity = &who{Subject: f.Subject, Email: f.Email, Name: f.Name}
		}
		if !f.ExpiresAt.IsZero() {
			s.ExpiresAt = &f.ExpiresAt
		}
		if f.Problem != nil {
			s.Problem = &problemOut{Code: f.Problem.Code, What: f.Problem.What, Next: f.Problem.Next}
		}
		out = append(out, s)
	}
	return out
}

func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
