package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// whom is the account that a command is about.
type whom struct {
	server config.Server
	config.Choice
}

// label is how a person names it.
func (w whom) label() string { return w.server.Label(w.Account) }

// accountFlag names an account, as NAME@ACCOUNT does.
func accountFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "account", "", "the `ACCOUNT` of the server, as in NAME@ACCOUNT (see drawbridge accounts --help)")
}

// splitName takes NAME or NAME@ACCOUNT apart and adds what --account says.
func splitName(arg, flag string) (name, account string, err error) {
	name, account, err = config.SplitName(arg)
	if err != nil || flag == "" {
		return name, account, err
	}
	if err := config.CheckAccount(flag); err != nil {
		return "", "", err
	}
	if account != "" && !config.SameAccount(account, flag) {
		return "", "", fault.New(fault.Usage, fmt.Sprintf("%q and --account %q are two accounts.", arg, flag), "Name one of them.")
	}
	return name, flag, nil
}

// whom finds the account that is meant: the one that is named, else the folder
// rule's, else the server's default.
func (a *app) whom(settings *config.Settings, arg, flag string) (whom, error) {
	name, account, err := splitName(arg, flag)
	if err != nil {
		return whom{}, err
	}
	server, err := settings.Find(name)
	if err != nil {
		return whom{}, err
	}
	if account != "" {
		return whom{server, config.Choice{Account: account, Source: config.Asked}}, nil
	}
	return whom{server, settings.Choose(server, workingFolder())}, nil
}

// workingFolder is where the command, or the client that launched it, works; ""
// when that folder is gone.
func workingFolder() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return dir
}

// withAccount runs do with the account that is meant by NAME or NAME@ACCOUNT.
func (a *app) withAccount(arg, flag string, do func(*credential.Account) error) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	settings, err := config.Load(p)
	if err != nil {
		return err
	}
	who, err := a.whom(settings, arg, flag)
	if err != nil {
		return err
	}
	m, err := a.manager(p, a.quietLog())
	if err != nil {
		return err
	}
	defer closeManager(m)
	return do(m.Account(who.server, who.Account))
}
