package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"drawbridge/bridge/fault"
)

// man writes the manual. It is generated from the commands themselves, so that
// it cannot say anything else than --help.
func (a *app) man() *cobra.Command {
	dir := ""
	cmd := &cobra.Command{
		Use: "man", GroupID: "more",
		Short: "Print the manual page, or write those of all commands into a folder",
		Long: `Print the manual page of drawbridge in the form of man(7), or write a page for each
command into a folder. Packages bring these pages along.`,
		Example: `  drawbridge man | man -l -
  drawbridge man --dir ~/.local/share/man/man1`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			root := cmd.Root()
			root.DisableAutoGenTag = true // the same program writes the same pages
			date := time.Unix(0, 0).UTC()
			header := &doc.GenManHeader{Title: "DRAWBRIDGE", Section: "1", Source: "Drawbridge " + a.Version, Manual: "Drawbridge", Date: &date}
			if dir == "" {
				return doc.GenMan(root, header, a.Stdout)
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fault.Wrap(err, fault.Storage, fmt.Sprintf("The folder %s cannot be made.", dir), "Choose another with --dir.")
			}
			header.Title = "" // each has its own
			err := doc.GenManTree(root, header, dir)
			return fault.Wrap(err, fault.Storage, fmt.Sprintf("The pages cannot be written into %s.", dir), "Choose another folder with --dir.")
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "write a page for each command into `DIR`")
	return cmd
}
