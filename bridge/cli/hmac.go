package cli

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"drawbridge/bridge/audit"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
)

// hmacSecrets is where secrets are when neither a file nor the environment has
// them; *credential.Manager is one.
type hmacSecrets interface {
	HMACSecrets(ctx context.Context) (current, previous secret.String, err error)
}

// signingSecrets are the secret that signs and, from the keychain, the one before
// it that still counts. The environment is emptied of its one.
func signingSecrets(ctx context.Context, file string, kept hmacSecrets) ([]secret.String, error) {
	if file != "" {
		s, err := secretFrom(file)
		return []secret.String{s}, err
	}
	s := secret.New(os.Getenv(hmacVariable))
	_ = os.Unsetenv(hmacVariable)
	if !s.IsZero() {
		return []secret.String{s}, nil
	}
	current, previous, err := kept.HMACSecrets(ctx)
	switch {
	case err != nil:
		return nil, err
	case current.IsZero():
		return nil, fault.New(fault.Usage, "The guard hmac has no secret.",
			"Make one: drawbridge hmac generate. Or give --hmac-secret-file, or set "+hmacVariable+".")
	case previous.IsZero():
		return []secret.String{current}, nil
	}
	return []secret.String{current, previous}, nil
}

// signingSecrets is signingSecrets for a command that has no vault open.
func (a *app) signingSecrets(ctx context.Context, file string) ([]secret.String, error) {
	return signingSecrets(ctx, file, lazily{a})
}

// lazily opens the vault only when it is asked.
type lazily struct{ a *app }

// HMACSecrets implements hmacSecrets.
func (l lazily) HMACSecrets(ctx context.Context) (current, previous secret.String, err error) {
	err = l.a.withManager(func(m *credential.Manager) error {
		current, previous, err = m.HMACSecrets(ctx)
		return err
	})
	return current, previous, err
}

func (a *app) withManager(do func(m *credential.Manager) error) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	m, err := a.manager(p, a.log())
	if err != nil {
		return err
	}
	defer closeManager(m)
	return do(m)
}

func (a *app) hmac() *cobra.Command {
	cmd := &cobra.Command{
		Use: "hmac", GroupID: "clients",
		Short: "Keep the secret of --guard hmac in the keychain",
		Long: `Keep in the keychain the secret with which drawbridge mint signs tokens and the
guard hmac of drawbridge serve checks them. It is never shown; a file or
` + hmacVariable + ` goes before it. A running bridge takes a new one when it is started again.`,
		Example: "  drawbridge hmac generate\n  drawbridge hmac set < secret.txt\n  drawbridge hmac status\n  drawbridge hmac rotate\n  drawbridge hmac forget --previous",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.hmacGenerate(), a.hmacSet(), a.hmacRotate(), a.hmacStatus(), a.hmacForget())
	return cmd
}

// generated is a secret of 48 random bytes, which is more than SHA-256 and
// SHA-384 can use, as text.
func generated() secret.String {
	raw := make([]byte, 48)
	_, _ = rand.Read(raw) // never fails
	return secret.New(base64.RawURLEncoding.EncodeToString(raw))
}

func (a *app) hmacGenerate() *cobra.Command {
	return &cobra.Command{
		Use: "generate", Short: "Make a secret and keep it in the keychain",
		Long:    "Make a random secret and keep it in the keychain. It is not shown. One that is there already stays; see drawbridge hmac rotate.",
		Example: "  drawbridge hmac generate", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withManager(func(m *credential.Manager) error {
				current, _, err := m.HMACSecrets(cmd.Context())
				if err != nil {
					return err
				}
				if !current.IsZero() {
					return fault.New(fault.Usage, "There is a secret already: "+keyID(current)+".", "To change it: drawbridge hmac rotate")
				}
				return a.keepHMAC(cmd.Context(), m, generated())
			})
		},
	}
}

func (a *app) hmacSet() *cobra.Command {
	return &cobra.Command{
		Use: "set", Short: "Keep a secret of your own, from standard input",
		Long: fmt.Sprintf(`Keep a secret from standard input, %d bytes or more, in the keychain; line ends at its
end do not count. The one that it replaces still counts until drawbridge hmac
forget --previous.`, guard.MinSecret),
		Example: "  drawbridge hmac set < secret.txt", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := io.ReadAll(io.LimitReader(a.Stdin, 64<<10))
			s := strings.TrimRight(string(raw), "\r\n")
			if err != nil || len(s) < guard.MinSecret {
				return fault.New(fault.Usage, fmt.Sprintf("A secret has %d bytes or more.", guard.MinSecret), "Run: drawbridge hmac set < FILE, or drawbridge hmac generate")
			}
			return a.withManager(func(m *credential.Manager) error { return a.keepHMAC(cmd.Context(), m, secret.New(s)) })
		},
	}
}

func (a *app) hmacRotate() *cobra.Command {
	return &cobra.Command{
		Use: "rotate", Short: "Make a new secret; the one before still counts",
		Long: `Make a new secret. Tokens that the one before has signed are good until they end,
at a bridge that was started again; drawbridge hmac forget --previous ends them.`,
		Example: "  drawbridge hmac rotate", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withManager(func(m *credential.Manager) error { return a.keepHMAC(cmd.Context(), m, generated()) })
		},
	}
}

func (a *app) keepHMAC(ctx context.Context, m *credential.Manager, s secret.String) error {
	if err := m.SetHMACSecret(ctx, s); err != nil {
		return err
	}
	a.note(audit.Entry{Event: "key created", Mode: "hmac", Name: keyID(s)})
	fmt.Fprintf(a.Stderr, "The keychain has the secret %s. A bridge that is running takes it when it is started again.\n", keyID(s))
	return nil
}

func (a *app) hmacStatus() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "status", Short: "Say which secrets there are, by their names",
		Long:    "Say which secrets the keychain has. A secret's name, which tokens have as kid, is the start of its hash.",
		Example: "  drawbridge hmac status", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withManager(func(m *credential.Manager) error {
				current, previous, err := m.HMACSecrets(cmd.Context())
				if err != nil {
					return err
				}
				out := struct {
					Current  string `json:"current,omitempty"`
					Previous string `json:"previous,omitempty"`
				}{}
				if !current.IsZero() {
					out.Current = keyID(current)
				}
				if !previous.IsZero() {
					out.Previous = keyID(previous)
				}
				if asJSON {
					return a.printJSON(out)
				}
				_, err = fmt.Fprintf(a.Stdout, "current   %s\nprevious  %s\n", dash(out.Current), dash(out.Previous))
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) hmacForget() *cobra.Command {
	previous := false
	cmd := &cobra.Command{
		Use: "forget", Short: "Delete the secrets, or the one before only",
		Long:    "Delete the secrets from the keychain. What they have signed opens nothing at a bridge that is started after that.",
		Example: "  drawbridge hmac forget --previous", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withManager(func(m *credential.Manager) error {
				if err := m.DropHMACSecrets(cmd.Context(), !previous); err != nil {
					return err
				}
				a.note(audit.Entry{Event: "revoked", Mode: "hmac", Reason: "secret"})
				fmt.Fprintln(a.Stderr, "Deleted.")
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&previous, "previous", false, "only the one that was before the present one")
	return cmd
}
