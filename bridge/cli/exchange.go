package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// exchangeVariable hands over the secret of the client that exchanges tokens.
const exchangeVariable = "DRAWBRIDGE_EXCHANGE_SECRET"

func (a *app) exchange() *cobra.Command {
	cmd := &cobra.Command{
		Use: "exchange", GroupID: "clients",
		Short: "Let callers of the local bridge be themselves at a server",
		Long: `Let callers of drawbridge serve be themselves at a server: their token is
exchanged, at an authorization server that allows it (RFC 8693), for one that the
server takes. The signed-in account is not used then, and the caller's own token
never goes to the server. A running bridge takes a change within a second.`,
		Example: "  drawbridge exchange set notes --issuer https://login.example.com --client-id bridge --resource https://notes.example.com/mcp\n  drawbridge exchange show notes\n  drawbridge exchange off notes",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.exchangeSet(), a.exchangeShow(), a.exchangeOff())
	return cmd
}

func (a *app) exchangeSet() *cobra.Command {
	x := config.Exchange{}
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Exchange callers' tokens for those of a server",
		Long: `Exchange callers' tokens for those of a server. The secret of the client comes in
` + exchangeVariable + ` and is kept in the keychain.`,
		Example: "  drawbridge exchange set notes --issuer https://login.example.com --client-id bridge --resource https://notes.example.com/mcp",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s := secret.New(os.Getenv(exchangeVariable))
			_ = os.Unsetenv(exchangeVariable)
			return a.withManager(func(m *credential.Manager) error {
				server, err := a.changeExchange(cmd.Context(), m, args[0], &x, s)
				if err != nil {
					return err
				}
				fmt.Fprintf(a.Stderr, "Callers' tokens are exchanged for those of %s from now on.\n", server.Name)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&x.Issuer, "issuer", "", "the authorization server's issuer `URL`")
	f.StringVar(&x.TokenEndpoint, "token-endpoint", "", "its token endpoint, this `URL` instead of the discovered one")
	f.StringVar(&x.ClientID, "client-id", "", "the bridge's client `ID` there")
	f.StringVar(&x.Audience, "audience", "", "the server's `NAME` there")
	f.StringVar(&x.Resource, "resource", "", "the server's `URI`")
	f.StringArrayVar(&x.Scopes, "scope", nil, "ask for this `SCOPE` (repeatable)")
	f.StringVar(&x.SubjectType, "subject-type", "", "what callers' tokens are there: access_token (default), jwt or id_token (`KIND`)")
	return cmd
}

func (a *app) exchangeShow() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show how tokens are exchanged for those of a server", Long: "Show how callers' tokens are exchanged for those of a server, without the secret.",
		Example: "  drawbridge exchange show notes", Args: exactly("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := a.paths()
			if err != nil {
				return err
			}
			settings, err := config.Load(p)
			if err != nil {
				return err
			}
			server, err := settings.Find(args[0])
			if err != nil {
				return err
			}
			x := settings.BridgeFor(server.Name).Exchange
			if asJSON {
				return a.printJSON(x)
			}
			if x == nil {
				_, err := fmt.Fprintf(a.Stdout, "%s is used with the signed-in account.\n", server.Name)
				return err
			}
			for _, line := range [][2]string{
				{"issuer", x.Issuer},
				{"endpoint", x.TokenEndpoint},
				{"client", x.ClientID},
				{"audience", x.Audience},
				{"resource", x.Resource},
				{"scopes", strings.Join(x.Scopes, " ")},
				{"of", x.SubjectType},
			} {
				if line[1] != "" {
					fmt.Fprintf(a.Stdout, "%-9s %s\n", line[0], printable(line[1]))
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) exchangeOff() *cobra.Command {
	return &cobra.Command{
		Use: "off NAME", Short: "Use the signed-in account again", Long: "Use the signed-in account for callers again, and forget the secret of the client.",
		Example: "  drawbridge exchange off notes", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withManager(func(m *credential.Manager) error {
				server, err := a.changeExchange(cmd.Context(), m, args[0], nil, secret.String{})
				if err != nil {
					return err
				}
				fmt.Fprintf(a.Stderr, "%s is used with the signed-in account from now on.\n", server.Name)
				return nil
			})
		},
	}
}

// exchangeSecrets keeps the secrets of the clients that exchange tokens;
// *credential.Manager does.
type exchangeSecrets interface {
	ExchangeSecret(ctx context.Context, server config.Server) (secret.String, error)
	SetExchangeSecret(ctx context.Context, server config.Server, value secret.String) error
}

// putBack bounds the way back to the secret that was before.
const putBack = 30 * time.Second

// changeExchange puts another exchange and its secret in the place of what was, or
// none. The keychain may ask a person, for minutes, so that it is done with before
// the settings are locked; when they cannot be written then, the secret that was
// there comes back.
func (a *app) changeExchange(ctx context.Context, m exchangeSecrets, name string, x *config.Exchange, s secret.String) (server config.Server, err error) {
	p, err := a.paths()
	if err != nil {
		return server, err
	}
	unlock, err := config.Lock(ctx, p, "exchange.lock", "Another Drawbridge is changing an exchange.")
	if err != nil {
		return server, err
	}
	defer unlock()
	settings, err := config.Load(p)
	if err != nil {
		return server, err
	}
	if server, err = settings.Find(name); err != nil {
		return server, err
	}
	if x != nil {
		if err := x.Check(server.AllowHTTP); err != nil {
			return server, err
		}
	}
	old, err := m.ExchangeSecret(ctx, server)
	if err != nil && !errors.Is(err, vault.ErrDamaged) { // a damaged one is replaced
		return server, err
	}
	if err := m.SetExchangeSecret(ctx, server, s); err != nil {
		return server, err
	}
	err = config.Update(ctx, p, func(settings *config.Settings) error {
		if _, err := settings.Find(name); err != nil {
			return err
		}
		settings.SetExchange(server.Name, x)
		return nil
	})
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putBack)
		defer cancel()
		err = errors.Join(err, m.SetExchangeSecret(ctx, server, old))
	}
	return server, err
}
