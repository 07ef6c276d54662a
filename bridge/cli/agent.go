package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

func (a *app) agent() *cobra.Command {
	return &cobra.Command{Use: "agent", RunE: func(*cobra.Command, []string) error { return errors.New("not yet") }}
}

func (a *app) spawnAgent(context.Context) error { return errors.New("not yet") }
