package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// secretVariable hands over a client secret: an argument would show in the list
// of processes.
const secretVariable = "DRAWBRIDGE_CLIENT_SECRET"

// takeClientSecret reads the client secret and takes it out of the environment,
// which the agent and the browser that we may start would inherit.
func takeClientSecret() secret.String {
	s := secret.New(os.Getenv(secretVariable))
	_ = os.Unsetenv(secretVariable)
	return s
}

func (a *app) add() *cobra.Command {
	var flags serverFlags
	cmd := &cobra.Command{
		Use: "add NAME URL", GroupID: "servers",
		Short: "Add a remote MCP server",
		Long: `Add a remote MCP server to the settings. Nobody is asked anything yet: sign in
with drawbridge login NAME. The exit status is 2 for a NAME or URL that cannot be used.`,
		Example: `  drawbridge add notes https://notes.example.com/mcp
  drawbridge add files https://files.example.com/mcp --ignore-tool 'delete*' --timeout 5m
  DRAWBRIDGE_CLIENT_SECRET=… drawbridge add crm https://crm.example.com/mcp --client-id 1234`,
		Args: exactly("NAME", "URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := flags.server(cmd, args[0], args[1])
			if err != nil {
				return err
			}
			p, err := a.paths()
			if err != nil {
				return err
			}
			if err := server.Check(); err != nil {
				return err
			}
			settings, err := config.Load(p)
			if err != nil {
				return err
			}
			if err := settings.Add(server); err != nil { // before a secret is stored for it
				return err
			}
			if secretsGiven() {
				m, err := a.manager(p, a.quietLog())
				if err != nil {
					return err
				}
				if err := keepSecrets(cmd.Context(), m.Account(server, "")); err != nil {
					return err
				}
			}
			if err := config.Update(cmd.Context(), p, func(s *config.Settings) error { return s.Add(server) }); err != nil {
				return err
			}
			fmt.Fprintf(a.Stderr, "Added %s. Sign in with: drawbridge login %s\n", server.Name, server.Name)
			return nil
		},
	}
	flags.register(cmd)
	flags.comforts.register(cmd)
	return cmd
}

func (a *app) remove() *cobra.Command {
	account := ""
	cmd := &cobra.Command{
		Use: "remove NAME", Aliases: []string{"rm"}, GroupID: "servers",
		Short: "Sign out of a server and remove it, or one of its accounts",
		Long: `Revoke and delete the tokens of a server, of all its accounts, then take it out of
the settings. NAME@ACCOUNT removes one account and leaves the others and the server.

When its tokens cannot be deleted, because the keychain is locked or away, nothing
is removed and the exit status is 12. Entries in the settings of MCP clients stay:
see drawbridge uninstall.`,
		Example: "  drawbridge remove notes\n  drawbridge remove notes@work",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, account, err := splitName(args[0], account)
			if err != nil {
				return err
			}
			return a.removeServer(cmd.Context(), name, account)
		},
	}
	accountFlag(cmd, &account)
	return cmd
}

// removeServer removes one account of a server, or, without one, the server.
func (a *app) removeServer(ctx context.Context, name, account string) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	settings, err := config.Load(p)
	if err != nil {
		return err
	}
	server, err := settings.Find(name)
	if err != nil {
		return err
	}
	m, err := a.manager(p, a.quietLog())
	if err != nil {
		return err
	}
	defer closeManager(m)
	known, err := m.AllFacts()
	a.warn(err)
	accounts := credential.AccountsOf(server, known, settings.Accounts(server)...)
	if account != "" {
		if !slices.ContainsFunc(accounts, func(there string) bool { return config.SameAccount(there, account) }) {
			return fault.New(fault.NotSignedIn, fmt.Sprintf("%s has no account %q.", server.Name, account), "See `drawbridge accounts "+server.Name+"`.")
		}
		accounts = []string{account}
	}
	for _, account := range accounts {
		signOutErr, err := forget(ctx, m.Account(server, account))
		if err != nil {
			return err
		}
		a.warn(signOutErr)
	}
	if account != "" {
		err = config.Update(ctx, p, func(s *config.Settings) error { s.Unuse(server, account); return nil })
		if err == nil {
			fmt.Fprintf(a.Stderr, "Removed the account %s@%s.\n", server.Name, account)
		}
		return err
	}
	if server.ClientID != "" || settings.BridgeFor(server.Name).Exchange != nil {
		if err := m.ForgetServer(ctx, server); err != nil {
			return notRemoved(err, server.Name, "a client secret may be")
		}
	}
	if err := config.Update(ctx, p, func(s *config.Settings) error { return s.Remove(name) }); err != nil {
		return err
	}
	fmt.Fprintf(a.Stderr, "Removed %s.\n", server.Name)
	return nil
}

// forget signs out and deletes all that is kept. notRevoked is what went wrong
// at the authorization server only. Without a keychain it is an error, unless
// nothing was ever put there.
func forget(ctx context.Context, account *credential.Account) (notRevoked, err error) {
	err = account.SignOut(ctx)
	if errors.Is(err, credential.ErrNotRevoked) {
		notRevoked, err = err, nil
	}
	if err == nil {
		err = account.Forget(ctx)
	}
	if !fault.Is(err, fault.NoKeychain) && !fault.Is(err, fault.KeychainLocked) {
		return notRevoked, err
	}
	facts, factsErr := account.Facts()
	signedIn := facts.State == credential.SignedIn || facts.State == credential.SignInNeeded
	if factsErr == nil && !signedIn {
		return nil, nil
	}
	return nil, notRemoved(err, account.Name(), "its tokens are")
}

// notRemoved says what still is in the keychain that could not be opened.
func notRemoved(err error, name, what string) error {
	public := fault.Public(err)
	return fault.Wrap(err, public.Code, fmt.Sprintf("%s was not removed: %s in the keychain. %s", name, what, public.What), public.Next)
}

// warn shows a failure that did not keep the command from being done.
func (a *app) warn(err error) {
	if err == nil {
		return
	}
	p := fault.Public(err)
	fmt.Fprintln(a.Stderr, p.What)
	if p.Next != "" {
		fmt.Fprintln(a.Stderr, "  "+p.Next)
	}
}
