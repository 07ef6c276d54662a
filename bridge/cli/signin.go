package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

func (a *app) login() *cobra.Command {
	var flags serverFlags
	noBrowser, choose, newClient, account, url := false, false, false, "", ""
	cmd := &cobra.Command{
		Use: "login NAME | login --url URL", GroupID: "sign-in",
		Short: "Sign in to a server, in the browser",
		Long: `Sign in to a server: your browser opens on the sign-in page of its provider, and
the tokens go into the keychain. Whoever is signed in already stays so until
the new sign-in has succeeded. A server that asks nobody to sign in is no error.

NAME@ACCOUNT signs in to another account of the server, which need not be there
yet. Somebody else than the account belongs to is refused: sign out first.

With --no-browser, or where no browser can be opened (SSH, a container), the
address to open is printed. A browser on another computer ends on a page that it
cannot open: paste that page's address here, and the sign-in goes on.

Options about the server take the place of those that it was added with, and stay.

The exit status is 11 when the server or its provider cannot be reached, 12
without a keychain, and 1 when the sign-in was refused or came to nothing.`,
		Example: `  drawbridge login notes
  drawbridge login notes@work             another account
  drawbridge login notes --no-browser     print the address to open, anywhere
  drawbridge login crm --client-id 1234   with a client that you registered`,
		Args: between(0, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(cmd, &flags, url, account, args, func(account *credential.Account) error {
				if err := keepSecrets(cmd.Context(), account); err != nil {
					return err
				}
				return a.signIn(cmd.Context(), account, noBrowser, choose, newClient)
			})
		},
	}
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, "print the address on standard output instead of opening a browser")
	cmd.Flags().BoolVar(&choose, "select-account", false, "choose who signs in, although the browser may be signed in already")
	cmd.Flags().BoolVar(&newClient, "new-client", false, "register Drawbridge anew at the provider first")
	accountFlag(cmd, &account)
	cmd.Flags().StringVar(&url, "url", "", "the server's `URL`, instead of the name of an added one: as for drawbridge stdio --url")
	flags.register(cmd)
	return cmd
}

// withServer runs do with the account that is meant by NAME, NAME@ACCOUNT or
// --url. Options about an added server go into the settings.
func (a *app) withServer(cmd *cobra.Command, flags *serverFlags, url, account string, args []string, do func(*credential.Account) error) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	var who whom
	used := flags.used(cmd)
	if url == "" && len(args) == 1 && len(used)+len(flags.headers) > 0 {
		name, _, err := splitName(args[0], account)
		if err != nil {
			return err
		}
		if err := config.Update(cmd.Context(), p, func(s *config.Settings) error {
			server, err := s.Find(name)
			if err != nil {
				return err
			}
			if server, err = flags.apply(cmd, server); err != nil {
				return err
			}
			return s.Replace(server)
		}); err != nil {
			return err
		}
		settings, err := config.Load(p)
		if err != nil {
			return err
		}
		if who, err = a.whom(settings, args[0], account); err != nil {
			return err
		}
	} else if who, err = a.stdioServer(cmd, p, flags, url, account, args); err != nil {
		return err
	}
	m, err := a.manager(p, a.quietLog())
	if err != nil {
		return err
	}
	defer closeManager(m)
	return do(m.Account(who.server, who.Account))
}

func (a *app) signIn(ctx context.Context, account *credential.Account, noBrowser, choose, newClient bool) error {
	if f, err := account.Facts(); err == nil && len(f.Wanted) > 0 && f.Problem != nil {
		fmt.Fprintln(a.Stderr, printable(f.Problem.What))
	} else if err == nil && works(f, a.now()) {
		fmt.Fprintf(a.Stderr, "You are signed in to %s%s already; this signs in anew.\n", account.Name(), as(f))
	}
	ui := a.signInUI(account.Name(), noBrowser)
	ui.SelectAccount, ui.NewClient = choose, newClient
	err := account.SignIn(ctx, ui)
	if errors.Is(err, credential.ErrOpen) {
		fmt.Fprintf(a.Stderr, "%s asks nobody to sign in: use it as it is.\n", account.Name())
		return nil
	}
	if err != nil {
		return err
	}
	facts, err := account.Facts()
	if err != nil {
		return err
	}
	fmt.Fprintln(a.Stderr, describe(facts, a.now()))
	a.warnOfSame(account)
	return nil
}

func (a *app) logout() *cobra.Command {
	everywhere, yes, account := false, false, ""
	cmd := &cobra.Command{
		Use: "logout NAME | logout --all", GroupID: "sign-in",
		Short: "Sign out: revoke the tokens and delete them",
		Long: `Sign out of a server: its provider is asked to revoke the tokens, and they are
deleted from the keychain in any case. The server stays in the settings. When
nobody is signed in there is nothing to do, and the exit status is 0.

With --all, sign out of every server and account on this computer: what will be
lost is listed first. Clients that run notice within a second.`,
		Example: "  drawbridge logout notes\n  drawbridge logout --all",
		Args: func(cmd *cobra.Command, args []string) error {
			if everywhere {
				return exactly()(cmd, args)
			}
			return exactly("NAME")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if everywhere {
				return a.signOutEverywhere(cmd.Context(), yes)
			}
			return a.withAccount(args[0], account, func(account *credential.Account) error {
				if p, err := a.paths(); err == nil {
					a.cancelSignIns(cmd.Context(), p, account.Key())
				}
				before, factsErr := account.Facts()
				err := account.SignOut(cmd.Context())
				switch {
				case errors.Is(err, credential.ErrNotRevoked):
					a.warn(err)
				case err != nil:
					return err
				case factsErr == nil && (before.State == credential.SignedIn || before.State == credential.SignInNeeded):
					fmt.Fprintf(a.Stderr, "Signed out of %s.\n", account.Name())
				default:
					fmt.Fprintf(a.Stderr, "Nobody was signed in to %s.\n", account.Name())
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&everywhere, "all", false, "sign out of everything on this computer")
	accountFlag(cmd, &account)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "with --all, do not ask")
	return cmd
}

func (a *app) headers() *cobra.Command {
	account := ""
	cmd := &cobra.Command{
		Use: "headers NAME", GroupID: "sign-in",
		Short: "Print the headers that a client needs to reach a server itself",
		Long: `Print the HTTP headers for a server as one JSON object, with a fresh access token:
what Claude Code's headersHelper and the like ask for. The client then speaks to
the server itself, and asks again when the token has ended.

The exit status is 10 when somebody has to sign in first, 11 when the provider
cannot be reached to renew the token, 12 without a keychain.`,
		Example: "  drawbridge headers notes\n  \"headersHelper\": \"drawbridge headers notes\"",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAccount(args[0], account, func(account *credential.Account) error {
				t, err := account.Bearer(cmd.Context())
				if err != nil {
					return err
				}
				if err := usableElsewhere(account); err != nil {
					return err
				}
				headers := map[string]string{}
				for name, value := range account.Server().Headers {
					headers[name] = value
				}
				if !t.IsZero() {
					headers["Authorization"] = "Bearer " + t.Reveal()
				} else if f, err := account.Facts(); err != nil || f.State != credential.Open {
					return fault.New(fault.NotSignedIn, fmt.Sprintf("Nobody is signed in to %s.", account.Name()), "Sign in: drawbridge login "+account.Name())
				}
				return json.NewEncoder(a.Stdout).Encode(headers)
			})
		},
	}
	accountFlag(cmd, &account)
	cmd.Flags().Bool("json", true, "print JSON, which it always does")
	return cmd
}

func (a *app) token() *cobra.Command {
	account := ""
	cmd := &cobra.Command{
		Use: "token NAME", GroupID: "sign-in",
		Short: "Print a fresh access token",
		Long: `Print a fresh access token on standard output, renewing it first when its end is
near. Whoever has it can act as you until it ends.

The exit status is 10 when somebody has to sign in first, 11 when the provider
cannot be reached to renew it, 12 without a keychain.`,
		Example: `  curl -H "Authorization: Bearer $(drawbridge token notes)" https://notes.example.com/mcp`,
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAccount(args[0], account, func(account *credential.Account) error {
				t, err := account.Bearer(cmd.Context())
				if err != nil {
					return err
				}
				if f, err := account.Facts(); t.IsZero() && err == nil && f.State == credential.Open {
					return fault.New(fault.Unsupported, fmt.Sprintf("%s asks nobody to sign in, so there is no token.", account.Name()), "Use it without one.")
				}
				if t.IsZero() {
					return fault.New(fault.NotSignedIn, fmt.Sprintf("Nobody is signed in to %s.", account.Name()), "Sign in: drawbridge login "+account.Name())
				}
				if err := usableElsewhere(account); err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.Stdout, t.Reveal())
				return err
			})
		},
	}
	accountFlag(cmd, &account)
	return cmd
}

// usableElsewhere refuses to hand out a token that is bound to a key (RFC 9449):
// who has the token alone can do nothing with it.
func usableElsewhere(account *credential.Account) error {
	if !account.Bound() {
		return nil
	}
	return fault.New(fault.Unsupported, fmt.Sprintf("The tokens of %s are bound to a key that stays in Drawbridge (DPoP): no other program can use one.", account.Name()),
		"Let the client use drawbridge stdio, or sign in for tokens that are not bound: drawbridge login "+account.Name()+" --dpop never")
}
