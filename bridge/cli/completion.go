package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"drawbridge/bridge/clients"
	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

// completion prints what makes a shell complete drawbridge's command lines.
func (a *app) completion() *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", GroupID: "more",
		Short: "Print the script that makes a shell complete commands, servers and clients",
		Long: `Print the script with which a shell completes commands, options, and the names of
servers, accounts and clients. SHELL is bash, zsh, fish or powershell. Packages
bring the scripts of the first three along.`,
		Example: `  source <(drawbridge completion bash)
  drawbridge completion zsh > "${fpath[1]}/_drawbridge"
  drawbridge completion fish > ~/.config/fish/completions/drawbridge.fish`,
		Args:      exactly("SHELL"),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.Stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.Stdout)
			case "fish":
				return root.GenFishCompletion(a.Stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.Stdout)
			}
			return fault.New(fault.Usage, fmt.Sprintf("There is no completion for %q.", args[0]), "Known: bash, zsh, fish, powershell.")
		},
	}
}

// complete makes the arguments of commands complete: names of servers, and of
// clients where a client comes first. A damaged settings file completes nothing.
func (a *app) complete(root *cobra.Command) {
	nothing := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	servers := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return a.serverNames(), cobra.ShellCompDirectiveNoFileComp
	}
	entries := func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		switch len(args) {
		case 0:
			var ids []string
			for _, c := range clients.All(clients.HostEnv()) {
				ids = append(ids, c.ID()+"\t"+c.Title())
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		case 1:
			return servers(cmd, args, start)
		}
		return nothing(cmd, args, start)
	}
	first := func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return servers(cmd, args, start)
		}
		return nothing(cmd, args, start)
	}
	for _, cmd := range root.Commands() {
		switch {
		case cmd.ValidArgsFunction != nil || len(cmd.ValidArgs) > 0:
		case slices.Contains([]string{"install", "uninstall"}, cmd.Name()):
			cmd.ValidArgsFunction = entries
		case slices.Contains([]string{"remove", "login", "logout", "status", "token", "accounts", "use", "inspect", "stdio", "doctor"}, cmd.Name()):
			cmd.ValidArgsFunction = first
		case !cmd.HasSubCommands():
			cmd.ValidArgsFunction = nothing
		}
	}
}

// serverNames are the names in the settings, with each account as NAME@ACCOUNT.
func (a *app) serverNames() []string {
	p, err := a.paths()
	if err != nil {
		return nil
	}
	settings, err := config.Load(p)
	if err != nil {
		return nil
	}
	var names []string
	for _, server := range settings.Servers {
		names = append(names, server.Name+"\t"+server.URL)
		for _, account := range settings.Accounts(server) {
			names = append(names, server.Name+"@"+account)
		}
	}
	return names
}
