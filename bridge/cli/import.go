package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"drawbridge/bridge/adopt"
	"drawbridge/bridge/clients"
	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// importFlags are the options of import.
type importFlags struct {
	dryRun, asJSON, remove, yes, all bool
}

func (a *app) importFrom() *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use: "import mcp-remote", GroupID: "servers",
		Short: "Take over servers and sign-ins from mcp-remote",
		Long: `Take over what you have set up with mcp-remote: the servers that clients start
through it (Claude Desktop, Claude Code, Cursor, VS Code, Windsurf, and the
settings of the current folder), its options, and the sign-ins in ~/.mcp-auth,
which it keeps as plain files.

You see first what becomes of each server and each option; then you are asked. A
sign-in is taken over only when its tokens belong to the server and to its
provider beyond doubt; nothing is renewed. Servers that need an option that
Drawbridge does not have stay with mcp-remote, unless --all.

Quit the clients that use mcp-remote before, and start them again afterwards: a
sign-in that two programs renew is soon nobody's.

Without a terminal, --yes is needed. The exit status is 12 without a keychain.`,
		Example: `  drawbridge import mcp-remote --dry-run         show what would happen, change nothing
  drawbridge import mcp-remote                   show it and ask
  drawbridge import mcp-remote --yes --delete    ask nothing; delete the plain files`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := exactly("mcp-remote")(cmd, args); err != nil {
				return err
			}
			if args[0] != "mcp-remote" {
				return fault.New(fault.Usage, fmt.Sprintf("Drawbridge does not know how to import from %q.", args[0]), "Known: mcp-remote.")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.asJSON && !flags.dryRun && !flags.yes {
				return fault.New(fault.Usage, "--json asks no questions.", "Add --dry-run to look, or --yes to do it.")
			}
			return a.runImport(cmd.Context(), flags)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&flags.dryRun, "dry-run", false, "only show what would happen")
	f.BoolVar(&flags.yes, "yes", false, "ask nothing: take over, and replace the entries of Claude Desktop")
	f.BoolVar(&flags.remove, "delete", false, "delete the plain files of each sign-in that has been taken over")
	f.BoolVar(&flags.all, "all", false, "take servers too that are not likely to work")
	f.BoolVar(&flags.asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) runImport(ctx context.Context, flags importFlags) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	settings, err := config.Load(p)
	if err != nil {
		return err
	}
	m, err := a.manager(p, a.quietLog())
	if err != nil {
		return err
	}
	defer closeManager(m)
	folder, _ := os.Getwd() // without one, there are no settings of the current folder
	found := adopt.Look(adopt.Where{Env: clients.HostEnv(), Folder: folder, Getenv: os.LookupEnv, OwnHeaders: ownHeaders}, settings)
	signIns := 0
	for _, s := range found.Servers {
		if s.Stored != nil {
			signIns++
		}
	}
	if signIns > 0 {
		fmt.Fprintf(a.Stderr, "Checking %s with the servers …\n", count(signIns, "sign-in", "sign-ins"))
	}
	found.Verify(ctx, m)
	if err := ctx.Err(); err != nil {
		return err
	}
	command, err := ownPath()
	if err != nil {
		return err
	}
	out := importWords{app: a, found: found, flags: flags, paths: p, command: command}
	if flags.dryRun && flags.asJSON {
		return a.printJSON(out.json(nil))
	}
	if !flags.asJSON {
		out.plan()
	}
	if flags.dryRun {
		return out.diffs()
	}
	task := adopt.Task{Paths: p, Manager: m, Command: command, Delete: flags.remove, Replace: true, All: flags.all}
	if len(found.Selected(flags.all)) == 0 {
		if flags.asJSON {
			return a.printJSON(out.json(nil))
		}
		return nil
	}
	if !flags.yes {
		if goOn, err := out.questions(ctx, &task); err != nil || !goOn {
			return err
		}
	}
	done, err := found.Apply(ctx, task)
	if flags.asJSON && len(done) > 0 {
		if err := a.printJSON(out.json(done)); err != nil {
			return err
		}
	}
	out.done(done)
	if err != nil {
		return err
	}
	for _, d := range done {
		if d.Err != nil { // the first decides the exit status
			public := fault.Public(d.Err)
			return fault.Wrap(d.Err, public.Code, d.Server.Server.Name+" was not taken over as a whole. "+public.What, public.Next)
		}
	}
	return nil
}

// questions asks what to do, all of it before anything is done.
func (w importWords) questions(ctx context.Context, task *adopt.Task) (goOn bool, err error) {
	if !w.canAsk() {
		return false, fault.New(fault.Usage, "There is nobody to ask: standard input is not a terminal.",
			"Add --yes to take over what is listed, --delete to delete the plain files as well, or --dry-run to look only.")
	}
	servers := w.found.Selected(w.flags.all)
	signIns, entries := 0, 0
	for _, s := range servers {
		if s.SignIn.State == adopt.TakeOver {
			signIns++
		}
		entries += len(s.Replaceable())
	}
	question := fmt.Sprintf("Take over %s", count(len(servers), "server", "servers"))
	if signIns > 0 {
		question += fmt.Sprintf(" and %s", count(signIns, "sign-in", "sign-ins"))
	}
	if goOn, err = w.ask(ctx, question+"?"); err != nil || !goOn {
		return false, err
	}
	task.Replace = false
	if entries > 0 {
		if task.Replace, err = w.ask(ctx, fmt.Sprintf("Let Claude Desktop start Drawbridge instead (%s; a backup is made)?", count(entries, "entry", "entries"))); err != nil {
			return false, err
		}
	}
	if signIns > 0 && !task.Delete {
		task.Delete, err = w.ask(ctx, "Delete the plain files of what is taken over? mcp-remote is then signed out there.")
	}
	return err == nil, err
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
