package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"drawbridge/bridge/audit"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

func (a *app) signInSecret() *cobra.Command {
	cmd := &cobra.Command{
		Use: "sign-in-secret", GroupID: "clients",
		Short: "Keep the secret of serve --sign-in-client-id in the keychain",
		Long: `Keep in the keychain the secret of the client that drawbridge serve
--sign-in-client-id is at the issuer. It is never shown; a file or
` + signInVariable + ` goes before it. A running bridge takes a new one when it is
started again.`,
		Example: "  drawbridge sign-in-secret set < secret.txt\n  drawbridge sign-in-secret status\n  drawbridge sign-in-secret forget",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "set", Short: "Keep the secret, from standard input", Long: "Keep the secret from standard input in the keychain; line ends at its end do not count.",
		Example: "  drawbridge sign-in-secret set < secret.txt", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := io.ReadAll(io.LimitReader(a.Stdin, 64<<10))
			s := secret.New(strings.TrimRight(string(raw), "\r\n"))
			if err != nil || s.IsZero() {
				return fault.New(fault.Usage, "There is no secret on standard input.", "Run: drawbridge sign-in-secret set < FILE")
			}
			return a.withManager(func(m *credential.Manager) error {
				if err := m.SetSignInSecret(cmd.Context(), s); err != nil {
					return err
				}
				a.note(audit.Entry{Event: "key created", Mode: "sign-in"})
				fmt.Fprintln(a.Stderr, "Kept. A bridge that is running takes it when it is started again.")
				return nil
			})
		},
	}, &cobra.Command{
		Use: "status", Short: "Say whether there is one", Long: "Say whether the keychain has the secret.",
		Example: "  drawbridge sign-in-secret status", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withManager(func(m *credential.Manager) error {
				s, err := m.SignInSecret(cmd.Context())
				if err != nil {
					return err
				}
				says := "There is a secret."
				if s.IsZero() {
					says = "There is no secret."
				}
				_, err = fmt.Fprintln(a.Stdout, says)
				return err
			})
		},
	}, &cobra.Command{
		Use: "forget", Short: "Delete it", Long: "Delete the secret from the keychain.",
		Example: "  drawbridge sign-in-secret forget", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withManager(func(m *credential.Manager) error {
				if err := m.SetSignInSecret(cmd.Context(), secret.String{}); err != nil {
					return err
				}
				a.note(audit.Entry{Event: "revoked", Mode: "sign-in", Reason: "secret"})
				fmt.Fprintln(a.Stderr, "Deleted.")
				return nil
			})
		},
	})
	return cmd
}
