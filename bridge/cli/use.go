package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// useOut is the JSON of `use`.
type useOut struct {
	Name string `json:"name"`
	// Account counts from now on, in Folder or, without one, where no rule does.
	Account string `json:"account"`
	Folder  string `json:"folder,omitempty"`
	Changed bool   `json:"changed"`
}

func (a *app) use() *cobra.Command {
	var folder, account string
	takeBack, asJSON := false, false
	cmd := &cobra.Command{
		Use: "use NAME@ACCOUNT | use --clear NAME", GroupID: "sign-in",
		Short: "Choose the account that counts, everywhere or in a folder",
		Long: `Choose the account of a server that counts when a command or a client names only
the server: everywhere or, with --folder, in a folder and below it. Of several
folders the nearest one wins. With --clear, take the choice back.

A client that runs keeps the account that it was started with.`,
		Example: `  drawbridge use notes@work                      the default of notes
  drawbridge use notes@client --folder .         in this project
  drawbridge use --clear notes --folder .`,
		Args: exactly("NAME@ACCOUNT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, account, err := splitName(args[0], account)
			switch {
			case err != nil:
				return err
			case takeBack && account != "":
				return fault.New(fault.Usage, "--clear wants the NAME alone: what is chosen is taken back, whichever it is.", "Run: drawbridge use --clear "+name)
			case !takeBack && account == "":
				return fault.New(fault.Usage, "Which account?", "Name it: drawbridge use "+name+"@ACCOUNT. See `drawbridge accounts "+name+"`.")
			}
			if cmd.Flags().Changed("folder") {
				if folder, err = absolute(folder, !takeBack); err != nil {
					return err
				}
			}
			return a.choose(cmd, useOut{Name: name, Account: account, Folder: folder}, asJSON)
		},
	}
	cmd.Flags().StringVar(&folder, "folder", "", "in this folder and below it: `DIR`")
	cmd.Flags().BoolVar(&takeBack, "clear", false, "take the choice back")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	accountFlag(cmd, &account)
	return cmd
}

// absolute is the folder's full path; one that is to be chosen for must be there.
func absolute(folder string, must bool) (string, error) {
	path, err := filepath.Abs(folder)
	if err != nil || folder == "" {
		return "", fault.Wrap(err, fault.Usage, fmt.Sprintf("%q is no folder.", folder), "Give its full path.")
	}
	if info, err := os.Stat(path); must && (err != nil || !info.IsDir()) {
		return "", fault.New(fault.Usage, fmt.Sprintf("There is no folder %s.", path), "Give one that is there.")
	}
	return path, nil
}

func (a *app) choose(cmd *cobra.Command, o useOut, asJSON bool) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	var after *config.Settings
	err = config.Update(cmd.Context(), p, func(s *config.Settings) (err error) {
		after = s
		o.Changed, err = s.Use(o.Name, o.Account, o.Folder)
		return err
	})
	if err != nil {
		return err
	}
	server, err := after.Find(o.Name)
	if err != nil {
		return err
	}
	// What counts now: another rule or the default, when one was taken back.
	o.Name, o.Account = server.Name, after.Choose(server, o.Folder).Account
	m := credential.NewManager(credential.Config{Paths: p, Log: a.quietLog(), Version: a.Version})
	if f, err := m.Account(server, o.Account).Facts(); err == nil && f.State != credential.SignedIn && f.State != credential.Open {
		fmt.Fprintf(a.Stderr, "Nobody is signed in to %s yet: drawbridge login %s\n", server.Label(o.Account), server.Label(o.Account))
	}
	if asJSON {
		return a.printJSON(o)
	}
	where := "by default"
	if o.Folder != "" {
		where = "in " + o.Folder
	}
	fmt.Fprintf(a.Stderr, "%s means %s@%s %s.\n", server.Name, server.Name, o.Account, where)
	return nil
}
