package cli

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/audit"
	"drawbridge/bridge/fault"
)

func (a *app) audit() *cobra.Command {
	cmd := &cobra.Command{
		Use: "audit", GroupID: "more",
		Short: "Read and verify the record of who did what",
		Long: `Read and verify the record of who did what: who called what through drawbridge
serve, and which accounts were signed in, renewed and revoked. Each line holds the
hash of the one before it, so that a change is noticed. It names callers,
accounts, servers, methods and tools; never a secret or an argument.`,
		Example: "  drawbridge audit tail\n  drawbridge audit verify\n  drawbridge audit export --csv > audit.csv",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.auditVerify(), a.auditTail(), a.auditExport())
	return cmd
}

func (a *app) auditVerify() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that no line was changed, added or taken out",
		Long: `Check that no line was changed, added or taken out. What was cut off at the end
cannot be seen from the record itself: note the hash that this prints and compare.`,
		Example: "  drawbridge audit verify", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			p, err := a.paths()
			if err != nil {
				return err
			}
			n, head, err := audit.Verify(p.Audit())
			var broken *audit.Broken
			if errors.As(err, &broken) {
				return fault.Wrap(err, fault.Storage, "The record was changed: "+broken.Error()+".", "Keep it as it is and find out who could write to "+p.Audit())
			}
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.Stdout).Encode(map[string]any{"entries": n, "head": head})
			}
			fmt.Fprintf(a.Stdout, "%d entries, unbroken. The last one's hash is %s\n", n, dash(head))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) auditTail() *cobra.Command {
	n, asJSON := 20, false
	cmd := &cobra.Command{
		Use: "tail", Short: "Show the last entries", Long: "Show the last entries of the record.",
		Example: "  drawbridge audit tail -n 50\n  drawbridge audit tail --json", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			p, err := a.paths()
			if err != nil {
				return err
			}
			var last []audit.Entry
			err = audit.Read(p.Audit(), func(e audit.Entry) error {
				if last = append(last, e); len(last) > max(n, 1) {
					last = last[1:]
				}
				return nil
			})
			for _, e := range last {
				if asJSON {
					if err := json.NewEncoder(a.Stdout).Encode(e); err != nil {
						return err
					}
					continue
				}
				what := e.Server
				if e.Account != "" {
					what += "@" + e.Account
				}
				for _, s := range []string{e.Method, e.Name, e.Reason} {
					if s != "" {
						what += " " + printable(s)
					}
				}
				fmt.Fprintf(a.Stdout, "%s  %-13s %-20s %s\n", e.Time.Local().Format(time.DateTime), e.Event, dash(printable(e.Subject)), what)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one entry a line")
	cmd.Flags().IntVarP(&n, "lines", "n", n, "how many")
	return cmd
}

func (a *app) auditExport() *cobra.Command {
	asCSV := false
	cmd := &cobra.Command{
		Use: "export", Short: "Print the whole record", Long: "Print the whole record as JSON lines, or as CSV.",
		Example: "  drawbridge audit export > audit.jsonl\n  drawbridge audit export --csv > audit.csv", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			p, err := a.paths()
			if err != nil {
				return err
			}
			if !asCSV {
				enc := json.NewEncoder(a.Stdout)
				return audit.Read(p.Audit(), func(e audit.Entry) error { return enc.Encode(e) })
			}
			w := csv.NewWriter(a.Stdout)
			_ = w.Write([]string{"time", "event", "subject", "email", "client", "mode", "address", "server", "account", "method", "name", "reason", "ms", "request_id"})
			err = audit.Read(p.Audit(), func(e audit.Entry) error {
				return w.Write([]string{
					e.Time.UTC().Format(time.RFC3339Nano), e.Event, e.Subject, e.Email, e.Client, e.Mode, e.Address, e.Server, e.Account,
					e.Method, e.Name, e.Reason, strconv.FormatInt(e.Millis, 10), e.RequestID,
				})
			})
			w.Flush()
			return errors.Join(err, w.Error())
		},
	}
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print CSV")
	return cmd
}
