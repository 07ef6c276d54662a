package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/audit"
	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/guard"
)

func (a *app) key() *cobra.Command {
	cmd := &cobra.Command{
		Use: "key", GroupID: "clients",
		Short: "Make, list, renew and end the API keys of the local bridge",
		Long: `Make, list, renew and end the API keys that let clients into drawbridge serve.
A key is shown once; Drawbridge keeps only its hash. What you end opens nothing
within a second, also at a bridge that is running.`,
		Example: "  drawbridge key create vscode\n  drawbridge key create ci --server notes --tool 'get_*' --expires 720h\n  drawbridge key list\n  drawbridge key revoke vscode",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.keyCreate(), a.keyList(), a.keyRevoke(), a.keyRotate())
	return cmd
}

func (a *app) apiKeys() (*guard.FileKeys, error) {
	p, err := a.paths()
	if err != nil {
		return nil, err
	}
	return guard.NewFileKeys(apiKeysFile(p), nil, nil), nil
}

func (a *app) keyCreate() *cobra.Command {
	k, life, asJSON := guard.APIKey{}, time.Duration(0), false
	cmd := &cobra.Command{
		Use: "create CLIENT", Short: "Make a key for a client and show it, once",
		Long:    "Make a key for a client and print it on standard output. It is shown this once.",
		Example: "  drawbridge key create vscode\n  drawbridge key create ci --server notes --tool 'get_*' --role viewer --expires 720h",
		Args:    exactly("CLIENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			k.Client = args[0]
			if strings.TrimSpace(k.Client) == "" || len(k.Client) > 64 {
				return fault.New(fault.Usage, "A client's name has 1 to 64 characters.", "Such as: drawbridge key create vscode")
			}
			if err := guard.CheckRules([]guard.Rule{{Servers: k.Servers, Tools: k.Tools}}); err != nil {
				return fault.Wrap(err, fault.Usage, "A pattern cannot be understood: "+err.Error()+".", "Use * and ? only.")
			}
			if life < 0 {
				return fault.New(fault.Usage, "--expires is how long from now on, and cannot be negative.", "Such as: --expires 720h")
			}
			a.warnOfUnknown(k.Servers)
			now := time.Now()
			if life > 0 {
				k.Expires = now.Add(life)
			}
			keys, err := a.apiKeys()
			if err != nil {
				return err
			}
			made, text := guard.NewAPIKey(k, now)
			if err := keys.Add(cmd.Context(), made); err != nil {
				return err
			}
			a.note(audit.Entry{Event: "key created", Client: made.Client, Reason: "API key " + made.ID})
			return a.showKey(made, text, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&k.Servers, "server", nil, "it opens this `SERVER` only; * and ? are patterns (repeatable)")
	f.StringArrayVar(&k.Tools, "tool", nil, "it may call tools of this `PATTERN` only (repeatable)")
	f.StringArrayVar(&k.Roles, "role", nil, "it has this `ROLE` in the rules of the settings (repeatable)")
	f.DurationVar(&life, "expires", 0, "it ends after this `TIME`, such as 720h; default: never")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// warnOfUnknown tells a person of servers that a key opens and that are not there,
// which may be a slip; it may also be that they come later.
func (a *app) warnOfUnknown(servers []string) {
	p, err := a.paths()
	if err != nil {
		return
	}
	settings, err := config.Load(p)
	if err != nil {
		return
	}
	for _, name := range servers {
		if _, err := settings.Find(name); err != nil && !strings.ContainsAny(name, "*?[") {
			fmt.Fprintf(a.Stderr, "There is no server %q now; the key opens it once there is.\n", name)
		}
	}
}

func (a *app) showKey(k guard.APIKey, text string, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.Stdout).Encode(struct {
			Key     string    `json:"key"`
			ID      string    `json:"id"`
			Client  string    `json:"client"`
			Expires time.Time `json:"expires,omitzero"`
		}{text, k.ID, k.Client, k.Expires})
	}
	fmt.Fprintf(a.Stderr, "Key %s for %s. It is shown this once; send it as \"Authorization: Bearer KEY\".\n", k.ID, printable(k.Client))
	_, err := fmt.Fprintln(a.Stdout, text)
	return err
}

func (a *app) keyList() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys", Long: "List the keys, without what they open the door with.",
		Example: "  drawbridge key list\n  drawbridge key list --json", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			keys, err := a.apiKeys()
			if err != nil {
				return err
			}
			all, err := keys.List()
			if err != nil {
				return err
			}
			if asJSON {
				for i := range all {
					all[i].Hash = ""
				}
				if all == nil {
					all = []guard.APIKey{}
				}
				return json.NewEncoder(a.Stdout).Encode(all)
			}
			if len(all) == 0 {
				fmt.Fprintln(a.Stderr, "There is no key. Make one: drawbridge key create CLIENT")
				return nil
			}
			now := time.Now()
			w := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tCLIENT\tSERVERS\tTOOLS\tROLES\tSTATE")
			for _, k := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, printable(k.Client), orAll(k.Servers), orAll(k.Tools), dash(strings.Join(k.Roles, ",")), keyState(k, now))
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func orAll(patterns []string) string {
	if len(patterns) == 0 {
		return "all"
	}
	return strings.Join(patterns, ",")
}

func keyState(k guard.APIKey, now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked " + clock(k.Revoked, now)
	case k.Expires.IsZero():
		return "good"
	case now.Before(k.Expires):
		return "good until " + clock(k.Expires, now)
	}
	return "expired " + clock(k.Expires, now)
}

func noKey(err error, name string) error {
	if errors.Is(err, guard.ErrSeveralAPIKeys) {
		return fault.New(fault.Usage, fmt.Sprintf("The client %q has several keys.", name), "Name one by its id: drawbridge key list")
	}
	if errors.Is(err, guard.ErrNoAPIKey) {
		return fault.New(fault.Usage, fmt.Sprintf("There is no good key of the id or client %q.", name), "See: drawbridge key list")
	}
	return err
}

func (a *app) keyRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID|CLIENT", Short: "End a key, or all of a client",
		Long:    "End a key, or all keys of a client. It opens nothing from within a second on.",
		Example: "  drawbridge key revoke vscode", Args: exactly("ID|CLIENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := a.apiKeys()
			if err != nil {
				return err
			}
			revoked, err := keys.Revoke(cmd.Context(), args[0])
			if err != nil {
				return noKey(err, args[0])
			}
			for _, k := range revoked {
				fmt.Fprintf(a.Stderr, "Revoked key %s of %s.\n", k.ID, printable(k.Client))
				a.note(audit.Entry{Event: "revoked", Client: k.Client, Reason: "API key " + k.ID})
			}
			return nil
		},
	}
}

func (a *app) keyRotate() *cobra.Command {
	grace, asJSON := time.Hour, false
	cmd := &cobra.Command{
		Use: "rotate ID|CLIENT", Short: "Make a new key with the rights of an old one",
		Long:    "Make a new key with the rights and the lifetime of an old one and print it. The old one goes on for a while, so that the client can be changed.",
		Example: "  drawbridge key rotate vscode\n  drawbridge key rotate k3x7a2mq4t --grace 10m", Args: exactly("ID|CLIENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if grace < 0 {
				return fault.New(fault.Usage, "--grace cannot be negative.", "To end the old key at once: --grace 0")
			}
			keys, err := a.apiKeys()
			if err != nil {
				return err
			}
			made, text, err := keys.Rotate(cmd.Context(), args[0], grace)
			if err != nil {
				return noKey(err, args[0])
			}
			a.note(audit.Entry{Event: "key created", Client: made.Client, Reason: "API key " + made.ID + " in place of another"})
			return a.showKey(made, text, asJSON)
		},
	}
	cmd.Flags().DurationVar(&grace, "grace", grace, "how long the old key goes on")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
