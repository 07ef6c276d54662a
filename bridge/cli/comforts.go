package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"drawbridge/bridge/config"
)

// comfortFlags are options about what passes between client and server. They go
// with an added server and with --url alike; given to stdio for an added server
// they come on top of what its settings say.
type comfortFlags struct {
	headerFiles []string
	ignoreTools []string
	timeout     string
}

func (f *comfortFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.headerFiles, "header-file", nil, "send the headers in `FILE` too, one on each line (repeatable)")
	cmd.Flags().StringArrayVar(&f.ignoreTools, "ignore-tool", nil, "hide and refuse tools that match `PATTERN`; * is any part (repeatable)")
	cmd.Flags().StringVar(&f.timeout, "timeout", "", "give up a request after `TIME` without answer or progress (such as 90s)")
}

// apply puts the options on top of a server.
func (f *comfortFlags) apply(server *config.Server) error {
	files, err := usableFiles(f.headerFiles)
	if err != nil {
		return err
	}
	for _, pattern := range f.ignoreTools {
		if err := config.CheckToolPattern(pattern); err != nil {
			return err
		}
	}
	server.HeaderFiles = slices.Concat(server.HeaderFiles, files)
	server.IgnoreTools = slices.Concat(server.IgnoreTools, f.ignoreTools)
	if f.timeout != "" {
		server.Timeout = f.timeout
	}
	return config.CheckTimeout(server.Timeout)
}
