package cli

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"drawbridge/bridge/clients"
	"drawbridge/bridge/fault"
)

// clientRow is a client as --json prints it.
type clientRow struct {
	ID      string        `json:"id"`
	Title   string        `json:"title"`
	Found   bool          `json:"found"`
	Path    string        `json:"path"`
	Format  string        `json:"format"`
	Entries []clientEntry `json:"entries"`
	// Problem says why the file cannot be read; "" when it can.
	Problem string `json:"problem,omitempty"`
}

type clientEntry struct {
	Entry   string `json:"entry"`
	Server  string `json:"server,omitempty"`
	Command string `json:"command"`
}

func (a *app) clients() *cobra.Command {
	asJSON, all := false, false
	cmd := &cobra.Command{
		Use: "clients", GroupID: "clients",
		Short: "List the MCP clients on this computer and what they are connected to",
		Long: `List the MCP clients that are on this computer, the servers that their settings
start through Drawbridge, and the file that holds those settings. Nothing is
changed.`,
		Example: `  drawbridge clients
  drawbridge clients --all    also those that are not on this computer
  drawbridge clients --json`,
		Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			rows := []clientRow{}
			for _, c := range clients.All(clients.HostEnv()) {
				if c.Found() || all {
					rows = append(rows, rowOf(c))
				}
			}
			if asJSON {
				return a.printJSON(rows)
			}
			if len(rows) == 0 {
				fmt.Fprintln(a.Stderr, "No MCP client that Drawbridge knows was found. `drawbridge clients --all` lists those that it knows.")
				return nil
			}
			return a.printClients(rows, all)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&all, "all", false, "list those too that are not on this computer")
	return cmd
}

func rowOf(c clients.Client) clientRow {
	row := clientRow{ID: c.ID(), Title: c.Title(), Found: c.Found(), Path: c.Path(), Format: string(c.Format()), Entries: []clientEntry{}}
	found, err := c.Connections()
	if err != nil {
		row.Problem = fault.Public(err).What
	}
	for _, connection := range found {
		row.Entries = append(row.Entries, clientEntry{connection.Entry, connection.Server, connection.Command})
	}
	return row
}

func (a *app) printClients(rows []clientRow, all bool) error {
	out := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "CLIENT\tSERVERS\tFILE")
	var problems []string
	for _, row := range rows {
		var servers []string
		for _, e := range row.Entries {
			name := e.Server
			if name == "" {
				name = e.Entry
			}
			servers = append(servers, name)
		}
		words := dash(strings.Join(servers, ", "))
		switch {
		case row.Problem != "":
			words = "?"
			problems = append(problems, row.Problem)
		case !row.Found && all:
			words = "(not found)"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\n", row.ID, printable(words), printable(row.Path))
	}
	err := out.Flush()
	for _, problem := range problems {
		_, told := fmt.Fprintln(a.Stderr, printable(problem))
		err = errors.Join(err, told)
	}
	return err
}
