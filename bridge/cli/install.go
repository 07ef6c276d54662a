package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"drawbridge/bridge/clients"
	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// claudeDesktop is the name of the only client so far.
const claudeDesktop = "claude-desktop"

func clientNamed(name string) (clients.Client, error) {
	if name != claudeDesktop {
		return clients.Client{}, fault.New(fault.Usage, fmt.Sprintf("Drawbridge does not know how to set up %q.", name),
			"Known: "+claudeDesktop+". For others, set the command `drawbridge stdio NAME` in the client.")
	}
	return clients.ClaudeDesktop(clients.HostEnv()), nil
}

func (a *app) install() *cobra.Command {
	dryRun, replace, account := false, false, ""
	cmd := &cobra.Command{
		Use: "install CLIENT NAME", GroupID: "clients",
		Short: "Let a client use a server: write the entry into its settings",
		Long: `Write the entry that starts ` + "`drawbridge stdio NAME`" + ` into a client's settings.
Everything else in the file stays as it is, and a backup is made beside it.
NAME@ACCOUNT writes an entry of its own, NAME-ACCOUNT, for that account.
Clients: ` + claudeDesktop + `.`,
		Example: `  drawbridge install claude-desktop notes --dry-run   show the change
  drawbridge install claude-desktop notes
  drawbridge uninstall claude-desktop notes           take it back`,
		Args: exactly("CLIENT", "NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			client, err := clientNamed(args[0])
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
			change, err := client.Plan(entry)
			if err != nil {
				return err
			}
			return a.applyChange(client, change, dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would change")
	accountFlag(cmd, &account)
	cmd.Flags().BoolVar(&replace, "replace", false, "take the place of an entry of this name that is not Drawbridge's")
	return cmd
}

func (a *app) uninstall() *cobra.Command {
	dryRun, account := false, ""
	cmd := &cobra.Command{
		Use: "uninstall CLIENT NAME", GroupID: "clients",
		Short: "Take an entry out of a client's settings again",
		Long: `Take the entry that install wrote out of a client's settings. Everything else in
the file stays as it is, and an entry that is not Drawbridge's is left alone.
Clients: ` + claudeDesktop + `.`,
		Example: `  drawbridge uninstall claude-desktop notes`,
		Args:    exactly("CLIENT", "NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			client, err := clientNamed(args[0])
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
			change, err := client.PlanRemoval(clients.EntryName(name))
			if err != nil {
				return err
			}
			return a.applyChange(client, change, dryRun)
		},
	}
	accountFlag(cmd, &account)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would change")
	return cmd
}

func (a *app) applyChange(client clients.Client, change clients.Change, dryRun bool) error {
	if change.Empty() {
		fmt.Fprintf(a.Stderr, "Nothing to change in %s.\n", change.Path())
		return nil
	}
	if dryRun {
		_, err := fmt.Fprint(a.Stdout, change.Diff())
		return err
	}
	backup, err := change.Apply()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stderr, "Changed %s.\n", change.Path())
	if backup != "" {
		fmt.Fprintf(a.Stderr, "The file as it was: %s\n", backup)
	}
	fmt.Fprintf(a.Stderr, "Restart %s to let it take effect.\n", client.Title())
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
