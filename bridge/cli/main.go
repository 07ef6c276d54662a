// Package cli is the command line: one file per command, each of which parses,
// calls one thing and prints. What was asked for goes to standard output, all
// else to standard error.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/vault"
)

// Process is what a command is given by the operating system.
type Process struct {
	Version string
	// Args are the arguments after the program's name.
	Args []string
	// Memory is what --vault memory keeps secrets in; nil: a vault of this run's
	// own. A program that runs several commands hands over the same one.
	Memory *vault.Vault
	// State opens what several bridges share. Only drawbridge-replica has it; nil:
	// drawbridge starts that.
	State OpenState
	// Goodbye is what the goodbye to a server may take after its client has gone;
	// 0: as little as clients wait for.
	Goodbye        time.Duration
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Main runs one command and returns the exit status: 0 done, 1 error, 2 usage,
// 10 sign-in needed, 11 server unreachable, 12 no keychain. It ends with ctx.
func Main(ctx context.Context, p Process) int {
	a := &app{Process: p}
	root := a.root()
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if exit := (exitError{}); errors.As(err, &exit) {
		return exit.status
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = fault.Wrap(err, fault.Internal, "Stopped before it was done.", "")
	}
	public := fault.Public(err)
	next := public.Next
	if next == "" && public.Code == fault.Internal && ctx.Err() == nil {
		next = "That was not foreseen: run it again with --verbose, and report what it says."
	}
	fmt.Fprintln(p.Stderr, "drawbridge: "+public.What)
	if next != "" {
		fmt.Fprintln(p.Stderr, "  "+next)
	}
	if a.verbose && public.Cause != nil {
		fmt.Fprintln(p.Stderr, "  cause: "+public.Cause.Error())
	}
	return public.Code.ExitStatus()
}

// Commands returns the tree of commands of that version, for what describes
// them. To run one there is Main.
func Commands(version string) *cobra.Command {
	return (&app{Process: Process{Version: version}}).root()
}

func (a *app) root() *cobra.Command {
	version := false
	root := &cobra.Command{
		Use:   "drawbridge",
		Short: "Sign in once; every MCP client on this computer can use the server.",
		Long: `Drawbridge signs you in to remote MCP servers in the browser, keeps the tokens in
the keychain of this computer, and connects MCP clients to those servers.

What you ask for goes to standard output, all else to standard error. The exit
status is 0 when it is done, 1 after an error, 2 when the command line cannot be
understood, 10 when somebody has to sign in, 11 when a server cannot be reached,
and 12 without a keychain.`,
		Example: `  drawbridge add github https://mcp.example.com/mcp   add a server
  drawbridge login github                             sign in, in the browser
  drawbridge install claude-desktop github            let Claude Desktop use it
  drawbridge status                                   who is signed in, until when`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return noCommand(cmd, args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				_, err := fmt.Fprint(a.Stdout, a.versionLine())
				return err
			}
			return cmd.Help()
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true // completion is our own
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fault.Wrap(err, fault.Usage, optionWords(err), "Run: "+cmd.CommandPath()+" --help")
	})
	root.SetHelpCommand(helpCommand(root))
	// Not cobra's own: that one prints with text/template, whose look at methods by
	// name makes the linker keep every method there is.
	root.Flags().BoolVar(&version, "version", false, "print the version")
	f := root.PersistentFlags()
	f.StringVar(&a.configDir, "config-dir", "", "keep the settings in `DIR` (default: DRAWBRIDGE_CONFIG_DIR, or your settings folder)")
	f.StringVar(&a.stateDir, "state-dir", "", "keep all else but secrets in `DIR` (default: DRAWBRIDGE_STATE_DIR, or your state folder)")
	f.StringVar(&a.vaultKind, "vault", "", "keep secrets in the keychain, in a file, or in memory (`KIND`; default: as the settings say)")
	root.PersistentPreRun = a.attend
	f.BoolVarP(&a.verbose, "verbose", "v", false, "say more on standard error, causes of errors included")
	for _, group := range []struct{ id, title string }{
		{"servers", "Servers:"}, {"sign-in", "Signing in:"}, {"clients", "Clients:"}, {"more", "More:"},
	} {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
	}
	root.AddCommand(
		a.add(), a.remove(), a.list(), a.importFrom(),
		a.login(), a.logout(), a.status(), a.token(), a.headers(), a.inspect(), a.accounts(), a.use(), a.doctor(),
		a.stdio(), a.serve(), a.clients(), a.install(), a.uninstall(), a.sessions(), a.activity(),
		a.key(), a.hmac(), a.mint(), a.exchange(), a.signInSecret(), a.deny(), a.audit(),
		a.agent(), a.vault(), a.demo(), a.completion(), a.version(),
	)
	root.SetHelpCommandGroupID("more")
	a.complete(root)
	describeHelpFlags(root)
	return root
}

// exactly wants these arguments, named as in the usage line.
func exactly(names ...string) cobra.PositionalArgs {
	return between(len(names), names...)
}

// between wants at least least of these arguments.
func between(least int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return fault.New(fault.Usage, fmt.Sprintf("%s is missing.", names[len(args)]), "Run: "+cmd.CommandPath()+" --help")
		case len(args) > len(names):
			return fault.New(fault.Usage, fmt.Sprintf("%q is one argument too many.", args[len(names)]), "Run: "+cmd.CommandPath()+" --help")
		}
		return nil
	}
}
