package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"drawbridge/bridge/clients"
	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// clientNamed is the client with the ID, and with another file if one is given.
func clientNamed(id, file string) (clients.Client, error) {
	c, err := clients.Named(clients.HostEnv(), id)
	if err != nil || file == "" {
		return c, err
	}
	file, err = filepath.Abs(file)
	return c.At(file), fault.Wrap(err, fault.Usage, "The path of --file cannot be found.", "Give it in full.")
}

// knownClients is the list of IDs, for help texts.
func knownClients() string {
	var ids []string
	for _, c := range clients.All(clients.Env{}) {
		ids = append(ids, c.ID())
	}
	half := len(ids) / 2
	return strings.Join(ids[:half], ", ") + ",\n" + strings.Join(ids[half:], ", ")
}

func fileFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "file", "", "write `FILE` of the client's form instead of its own, such as a project's")
}

func (a *app) install() *cobra.Command {
	dryRun, replace, asJSON, account, file := false, false, false, "", ""
	cmd := &cobra.Command{
		Use: "install CLIENT NAME", GroupID: "clients",
		Short: "Let a client use a server: write the entry into its settings",
		Long: `Write the entry that starts ` + "`drawbridge stdio NAME`" + ` into a client's settings.
Everything else in the file stays as it is, and a backup is made beside it.
NAME@ACCOUNT writes an entry of its own, NAME-ACCOUNT, for that account.
Clients: ` + knownClients() + `.`,
		Example: `  drawbridge install claude-desktop notes --dry-run   show the change
  drawbridge install claude-desktop notes
  drawbridge install vscode notes@work
  drawbridge install cursor notes --file .cursor/mcp.json
  drawbridge uninstall claude-desktop notes           take it back`,
		Args: exactly("CLIENT", "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := clientNamed(args[0], file)
			if err != nil {
				return err
			}
			p, err := a.paths()
			if err != nil {
				return err
			}
			settings, err := config.Load(p)
			if err != nil {
				return err
			}
			name, account, err := splitName(args[1], account)
			if err != nil {
				return err
			}
			server, err := settings.Find(name)
			if err != nil {
				return err
			}
			name = server.Name
			if account != "" {
				name += "@" + account
			}
			command, err := ownPath()
			if err != nil {
				return err
			}
			entry, err := clients.NewEntry(clients.HostEnv(), name, command, p)
			if err != nil {
				return err
			}
			entry.Replace = replace
			plan := func() (clients.Change, error) { return client.Plan(entry) }
			return a.makeChange(cmd.Context(), p, client, plan, dryRun, asJSON)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would change")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	accountFlag(cmd, &account)
	fileFlag(cmd, &file)
	cmd.Flags().BoolVar(&replace, "replace", false, "take the place of an entry of this name that is not Drawbridge's")
	return cmd
}

func (a *app) uninstall() *cobra.Command {
	dryRun, asJSON, account, file := false, false, "", ""
	cmd := &cobra.Command{
		Use: "uninstall CLIENT NAME", GroupID: "clients",
		Short: "Take an entry out of a client's settings again",
		Long: `Take the entry that install wrote out of a client's settings. Everything else in
the file stays as it is, and an entry that is not Drawbridge's is left alone.
Clients: ` + knownClients() + `.`,
		Example: `  drawbridge uninstall claude-desktop notes`,
		Args:    exactly("CLIENT", "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := clientNamed(args[0], file)
			if err != nil {
				return err
			}
			name, account, err := splitName(args[1], account)
			if err != nil {
				return err
			}
			if account != "" {
				name += "@" + account
			}
			p, err := a.paths()
			if err != nil {
				return err
			}
			plan := func() (clients.Change, error) { return client.PlanRemoval(clients.EntryName(name)) }
			return a.makeChange(cmd.Context(), p, client, plan, dryRun, asJSON)
		},
	}
	accountFlag(cmd, &account)
	fileFlag(cmd, &file)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would change")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// changeRow is a change of a client's settings as --json prints it.
type changeRow struct {
	Client string `json:"client"`
	Path   string `json:"path"`
	// Written is false with --dry-run, and when there is nothing to change.
	Written bool `json:"written"`
	// Diff is the change, in unified form, without other programs' secrets; "" when
	// there is none.
	Diff string `json:"diff"`
	// Backup is the file as it was; "" when none was made.
	Backup string `json:"backup,omitempty"`
	// After says what makes the change count.
	After string `json:"after,omitempty"`
}

func (a *app) makeChange(ctx context.Context, p config.Paths, client clients.Client, plan func() (clients.Change, error), dryRun, asJSON bool) error {
	change, backup, err := clients.Change{}, "", error(nil)
	if dryRun {
		change, err = plan()
	} else {
		change, backup, err = clients.Make(ctx, p, plan)
	}
	if err != nil {
		return err
	}
	row := changeRow{Client: client.ID(), Path: change.Path(), Backup: backup, Diff: change.Diff()}
	if !change.Empty() && !dryRun {
		row.Written, row.After = true, client.After()
	}
	switch {
	case asJSON:
		return a.printJSON(row)
	case change.Empty():
		fmt.Fprintf(a.Stderr, "Nothing to change in %s.\n", row.Path)
	case dryRun:
		_, err := fmt.Fprint(a.Stdout, row.Diff)
		return err
	default:
		fmt.Fprintf(a.Stderr, "Changed %s.\n", row.Path)
		if row.Backup != "" {
			fmt.Fprintf(a.Stderr, "The file as it was: %s\n", row.Backup)
		}
		fmt.Fprintln(a.Stderr, row.After)
	}
	return nil
}

// ownPath is the absolute path of this program, links resolved: clients start
// it with a PATH of their own.
func ownPath() (string, error) {
	path, err := os.Executable()
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	return path, fault.Wrap(err, fault.Internal, "The path of this program cannot be found.", "Start it by its full path.")
}
