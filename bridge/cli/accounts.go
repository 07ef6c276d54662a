package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
)

// accountOut is one account in the JSON of `accounts`.
type accountOut struct {
	Name      string        `json:"name"`
	URL       string        `json:"url"`
	Account   string        `json:"account"`
	State     string        `json:"state"`
	Identity  *who          `json:"identity,omitempty"`
	ExpiresAt *time.Time    `json:"expiresAt,omitempty"`
	Default   bool          `json:"default"`
	Here      bool          `json:"here"`
	Because   config.Source `json:"because,omitempty"` // of the one that counts here
	Folders   []string      `json:"folders,omitempty"`
}

func (a *app) accounts() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "accounts [NAME]", GroupID: "sign-in",
		Short: "List the accounts of the servers, and which counts here",
		Long: `List the accounts of the servers, or of one: who is signed in, and which account
counts when a command or a client names only the server.

That is, the first that there is: the account that is named, as NAME@ACCOUNT or
with --account; the rule of the nearest folder above the working folder; the
server's default; the account "default". See drawbridge use.`,
		Example: "  drawbridge accounts\n  drawbridge accounts notes --json\n  drawbridge login notes@work     add an account",
		Args:    between(0, "NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			settings, rows, err := a.rows()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if rows, err = a.rowsOf(settings, rows, args[0], ""); err != nil {
					return err
				}
			}
			out := accountsOut(settings, rows, a.now())
			if asJSON {
				return a.printJSON(out)
			}
			if len(rows) == 0 {
				fmt.Fprintln(a.Stderr, "No servers yet. Add one: drawbridge add NAME URL")
				return nil
			}
			w := tabwriter.NewWriter(a.Stdout, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ACCOUNT\tSTATE\tIDENTITY\tSUBJECT\tTENANT\tCOUNTS")
			for i, o := range out {
				id := who{}
				if o.Identity != nil {
					id = *o.Identity
				}
				fmt.Fprintf(w, "%s@%s\t%s\t%s\t%s\t%s\t%s\n", o.Name, o.Account, stateWords(rows[i].Facts, a.now()),
					dash(printable(firstOf(id.Email, id.Name))), dash(printable(id.Subject)), dash(printable(id.Tenant)), dash(o.counts()))
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// counts says where the account is the one that counts.
func (o accountOut) counts() string {
	var words []string
	switch {
	case o.Here && o.Because == config.ByFolder:
		words = append(words, "here, by the folder's rule")
	case o.Here:
		words = append(words, "here")
	}
	if o.Default {
		words = append(words, "by default")
	}
	for _, folder := range o.Folders {
		words = append(words, "in "+printable(folder))
	}
	return strings.Join(words, ", ")
}

func accountsOut(settings *config.Settings, rows []row, now time.Time) []accountOut {
	here := workingFolder()
	out := make([]accountOut, 0, len(rows))
	for _, r := range rows {
		s := r.status(now)
		o := accountOut{
			Name: s.Name, URL: s.URL, Account: s.Account, State: s.State, Identity: s.Identity, ExpiresAt: s.ExpiresAt, Default: s.Default,
		}
		if choice := settings.Choose(r.Server, here); config.SameAccount(choice.Account, r.Account) {
			o.Here, o.Because = true, choice.Source
		}
		for _, rule := range settings.Folders {
			if strings.EqualFold(rule.Server, r.Server.Name) && config.SameAccount(rule.Account, r.Account) {
				o.Folders = append(o.Folders, rule.Folder)
			}
		}
		out = append(out, o)
	}
	return out
}

// warnOfSame says when two accounts of a server are one person: the browser may
// have signed in whom it knew.
func (a *app) warnOfSame(account *credential.Account) {
	f, err := account.Facts()
	if err != nil || f.Subject == "" {
		return
	}
	for _, other := range account.Others() {
		same := other.Issuer == f.Issuer && other.Subject == f.Subject && other.Tenant == f.Tenant
		if same && other.State == credential.SignedIn {
			fmt.Fprintf(a.Stderr, "%s is the same person as %s. To be somebody else there: drawbridge logout %s, then drawbridge login %s --select-account\n",
				account.Name(), account.Server().Label(other.Account), account.Name(), account.Name())
			return
		}
	}
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
