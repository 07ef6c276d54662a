package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"drawbridge/bridge/agent"
	"drawbridge/bridge/control"
	"drawbridge/bridge/tray"
)

func (a *app) agent() *cobra.Command {
	onDemand, noTray, logFile := false, false, false
	cmd := &cobra.Command{
		Use: "agent", GroupID: "more",
		Short: "Run the resident part: tray icon, sign-ins, the window's other end",
		Long: `Run the resident part of a desktop session: the tray icon, the sign-ins that are
under way, and what the window talks to. One for each user; a second one says so
and ends. ` + "`drawbridge stdio`" + ` starts one when somebody has to sign in.`,
		Example: "  drawbridge agent\n  drawbridge agent --no-tray\n  drawbridge agent stop",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.paths()
			if err != nil {
				return err
			}
			level := &slog.LevelVar{}
			level.Set(slog.LevelWarn)
			out := a.Stderr
			if logFile {
				f, err := agent.OpenLog(p)
				if err != nil {
					return err
				}
				defer func() { _ = f.Close() }()
				out = f
			}
			log := logTo(out, level)
			if a.verbose {
				level.Set(slog.LevelDebug)
				level = nil // whatever the preferences say
			}
			m, err := a.manager(p, log)
			if err != nil {
				return err
			}
			defer closeManager(m)
			command, err := ownPath()
			if err != nil {
				return err
			}
			cfg := agent.Config{
				Paths: p, Accounts: agent.Credentials(m), OnDemand: onDemand, Command: command,
				OpenWindow: agent.Window(p), Version: a.Version, Log: log, Level: level, Doctor: a.agentsDoctor(m),
				Login: agent.AtLogin(p, command),
			}
			if path, err := agent.Program(demoProgram); err == nil {
				cfg.Demo = path
			}
			if !noTray {
				cfg.Tray = tray.New(log)
			}
			cfg.Alongside = func(ctx context.Context) { a.serveAlongside(ctx, p, command, log) }
			err = agent.Run(cmd.Context(), cfg)
			if errors.Is(err, context.Canceled) {
				return nil // asked to end by a signal
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&onDemand, "on-demand", false, "end when nobody has needed it for ten minutes; no tray until somebody wants it to stay")
	cmd.Flags().BoolVar(&noTray, "no-tray", false, "show no tray icon")
	cmd.Flags().BoolVar(&logFile, "log", false, "write the log to the folder of the logs, not to standard error")
	cmd.AddCommand(a.agentStop())
	return cmd
}

func (a *app) agentStop() *cobra.Command {
	return &cobra.Command{
		Use: "stop", Short: "End the agent that is running",
		Long: `End the agent that is running. Sign-ins under way are given up; clients that are
connected are not disturbed.`,
		Example: "  drawbridge agent stop",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.paths()
			if err != nil {
				return err
			}
			client := control.Dial(p)
			defer client.Close()
			err = client.Stop(cmd.Context())
			if nobodyListens(err) {
				fmt.Fprintln(a.Stderr, "No agent is running.")
				return nil
			}
			if err == nil {
				fmt.Fprintln(a.Stderr, "The agent has ended.")
			}
			return err
		},
	}
}

// nobodyListens reports whether the agent's socket, or its folder, is not there
// or is left over.
func nobodyListens(err error) bool {
	var dial *net.OpError
	return errors.Is(err, fs.ErrNotExist) || errors.As(err, &dial) && dial.Op == "dial" && !dial.Timeout()
}

// spawnAgent starts an agent that outlives this process.
func (a *app) spawnAgent(context.Context) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	return agent.Spawn(p, "", "--on-demand")
}
