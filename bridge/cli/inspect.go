package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/token"
)

func (a *app) inspect() *cobra.Command {
	asJSON, account := false, ""
	cmd := &cobra.Command{
		Use: "inspect [NAME | -]", GroupID: "sign-in",
		Short: "Explain an access token: its claims, times and signature",
		Long: `Explain the stored access token of a server, or, with -, a token on standard
input (which is neither stored nor sent anywhere; its signature is not checked).
The token itself is never printed. Without an argument it is the token of the only
server. The exit status is 10 when nobody is signed in.`,
		Example: `  drawbridge inspect notes
  drawbridge token notes | drawbridge inspect -`,
		Args: between(0, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := a.nameOrOnly(args)
			if err != nil {
				return err
			}
			report, err := a.report(cmd.Context(), name, account)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(report)
			}
			if err := printReport(a.Stdout, report, a.now()); err != nil || report.Format != "opaque" || name == "-" {
				return err
			}
			return a.withAccount(name, account, func(account *credential.Account) error {
				in, err := account.Introspect(cmd.Context())
				return printIntrospection(a.Stdout, in, err)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	accountFlag(cmd, &account)
	return cmd
}

// nameOrOnly is the argument, or the name of the only server that there is.
func (a *app) nameOrOnly(args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	p, err := a.paths()
	if err != nil {
		return "", err
	}
	settings, err := config.Load(p)
	if err != nil {
		return "", err
	}
	if len(settings.Servers) == 1 {
		return settings.Servers[0].Name, nil
	}
	return "", fault.New(fault.Usage, "Which server?", "Name one of `drawbridge list`, or - for a token on standard input.")
}

func (a *app) report(ctx context.Context, name, account string) (token.Report, error) {
	if name == "-" {
		pasted, err := a.pasted()
		if err != nil {
			return token.Report{}, err
		}
		return token.Explain(ctx, pasted, nil), nil
	}
	var report token.Report
	err := a.withAccount(name, account, func(account *credential.Account) (err error) {
		report, err = account.Report(ctx)
		return err
	})
	return report, err
}

// pasted reads one token from standard input, with what people copy along.
func (a *app) pasted() (secret.String, error) {
	raw, err := io.ReadAll(io.LimitReader(a.Stdin, token.MaxText+1))
	if err != nil {
		return secret.String{}, fmt.Errorf("read token: %w", err)
	}
	found, err := token.FromText(string(raw))
	switch {
	case errors.Is(err, token.ErrNoText):
		return secret.String{}, fault.New(fault.Usage, "There is no token on standard input.", "Pipe one in: drawbridge token NAME | drawbridge inspect -")
	case err != nil:
		return secret.String{}, fault.New(fault.Usage, "What came on standard input is not one token.", "Pipe in the token alone: it has no blanks and no line breaks.")
	}
	return found, nil
}

func printReport(out io.Writer, r token.Report, now time.Time) error {
	if r.Format == "opaque" {
		_, err := fmt.Fprintln(out, "The token is opaque: only the server that issued it can read it.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	section := func(title string, members []token.Member) {
		fmt.Fprintln(w, title)
		for _, m := range members {
			value := m.Value
			if m.Kind == "time" {
				if t, err := time.Parse(time.RFC3339, m.Value); err == nil {
					value = t.Local().Format("2006-01-02 15:04:05") + " (" + ago(t, now) + ")"
				}
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\n", m.Name, value, m.Explanation)
		}
	}
	section("Header", r.Header)
	section("Claims", r.Claims)
	fmt.Fprintln(w, "Checks")
	key := strings.TrimSpace(r.Signature.Algorithm + " " + r.Signature.KeyID)
	fmt.Fprintf(w, "  signature\t%s\t%s\n", r.Signature.Verdict, strings.TrimSpace(r.Signature.Reason+" ("+key+")"))
	for _, c := range r.Checks {
		word := "good"
		if !c.OK {
			word = "BAD"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", c.Name, word, c.Text)
	}
	return w.Flush()
}

func ago(t, now time.Time) string {
	if t.After(now) {
		return "in " + span(t.Sub(now))
	}
	return span(now.Sub(t)) + " ago"
}
