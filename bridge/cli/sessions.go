package cli

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

func (a *app) sessions() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "sessions", GroupID: "clients",
		Short: "List the MCP clients that are connected now",
		Long: fmt.Sprintf(`List the MCP clients that are connected through Drawbridge now: to which server
and account, since when, and how many calls they have made.

The running agent knows them, up to %d at once. Without one there is nothing to
list: it is not started for this.`, control.MaxSessions),
		Example: "  drawbridge sessions\n  drawbridge sessions --json",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.runningAgent()
			if err != nil {
				return err
			}
			defer client.Close()
			list := []control.Session{}
			for change, err := range client.Activity(cmd.Context(), ^uint64(0)>>1, false) {
				if err != nil {
					return err
				}
				if change.Sessions != nil {
					list = change.Sessions
				}
			}
			if asJSON {
				return a.printJSON(list)
			}
			if len(list) == 0 {
				fmt.Fprintln(a.Stderr, "No client is connected.")
				return nil
			}
			w := tabwriter.NewWriter(a.Stdout, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "CLIENT\tSERVER\tMCP\tSINCE\tCALLS\tFAILED\tLAST FAILURE")
			for _, s := range list {
				fmt.Fprintf(w, "%s\t%s@%s\t%s\t%s\t%d\t%d\t%s\n", dash(printable(clientOf(s))), printable(s.Server), s.Account,
					dash(printable(s.Era)), clock(s.Since, a.now()), s.Calls, s.Failures, dash(printable(s.LastFailure)))
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if len(list) >= control.MaxSessions {
				fmt.Fprintf(a.Stderr, "The agent keeps track of %d; there may be more. The local bridge counts all of its own (drawbridge_sessions of /metrics), and drawbridge audit has their calls.\n", control.MaxSessions)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func clientOf(s control.Session) string {
	if s.ClientVersion == "" {
		return s.Client
	}
	return s.Client + " " + s.ClientVersion
}

// runningAgent is a client of the agent, which must be running.
func (a *app) runningAgent() (*control.Client, error) {
	p, err := a.paths()
	if err != nil {
		return nil, err
	}
	return control.Dial(p), nil
}

func (a *app) activity() *cobra.Command {
	asJSON, follow, last := false, false, 50
	cmd := &cobra.Command{
		Use: "activity", GroupID: "clients",
		Short: "Show the last calls of the MCP clients",
		Long: fmt.Sprintf(`Show the last calls that MCP clients made through Drawbridge: when, which client,
which server, which method and tool, how long it took, how it ended. Arguments and
results are not kept.

The running agent knows the last %d of them, for as long as it runs. As
JSON, each line is one call.`, control.MaxCalls),
		Example: "  drawbridge activity\n  drawbridge activity --follow\n  drawbridge activity --last 1000 --json",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if last < 0 {
				return fault.New(fault.Usage, "--last wants a number that is not negative.", "Run: drawbridge activity --help")
			}
			client, err := a.runningAgent()
			if err != nil {
				return err
			}
			defer client.Close()
			return a.showActivity(cmd, client, asJSON, follow, last)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one call a line")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with the calls to come, until interrupted")
	cmd.Flags().IntVarP(&last, "last", "n", last, "show the last `N` calls first")
	return cmd
}

// showActivity prints the last calls that there are, and then, when following,
// each as it comes.
func (a *app) showActivity(cmd *cobra.Command, client *control.Client, asJSON, follow bool, last int) error {
	out := activityOut{app: a, asJSON: asJSON}
	var past []control.Call
	seq := uint64(0)
	for change, err := range client.Activity(cmd.Context(), 0, false) {
		if err != nil {
			return err
		}
		past = append(past, change.Calls...)
		if n := len(past); n > 0 {
			seq = past[n-1].Seq
		}
		past = past[max(0, len(past)-last):]
	}
	for _, c := range past {
		out.print(c)
	}
	if !follow {
		if len(past) == 0 && !asJSON {
			fmt.Fprintln(a.Stderr, "No calls yet.")
		}
		return nil
	}
	for change, err := range client.Activity(cmd.Context(), seq, true) {
		if err != nil {
			if cmd.Context().Err() != nil {
				return nil // interrupted, as it is meant to be
			}
			return err
		}
		for _, c := range change.Calls {
			out.print(c)
		}
	}
	return nil
}

type activityOut struct {
	*app
	asJSON, headed bool
}

func (o *activityOut) print(c control.Call) {
	if o.asJSON {
		_ = json.NewEncoder(o.Stdout).Encode(c)
		return
	}
	const line = "%-8s  %-10s  %9s  %-24s  %-24s  %s\n"
	if !o.headed {
		fmt.Fprintf(o.Stdout, line, "TIME", "STATUS", "TOOK", "CLIENT", "SERVER", "CALL")
		o.headed = true
	}
	what := c.Method
	if c.Tool != "" {
		what += " " + c.Tool
	}
	if c.Reason != "" {
		what += " (" + c.Reason + ")"
	}
	fmt.Fprintf(o.Stdout, line, c.At.Local().Format("15:04:05"), c.Status, fmt.Sprintf("%.1f ms", c.Took),
		dash(printable(c.Client)), printable(c.Server)+"@"+c.Account, printable(what))
}
