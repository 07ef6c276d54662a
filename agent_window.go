//go:build desktop || bindings || dev

package main

import (
	"context"

	"drawbridge/bridge/agent"
	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

// connectAgent finds the agent, or starts `drawbridge agent` of the lean binary
// beside this one. One that was started on demand is asked to stay: the person
// who opened the window expects the tray to outlive it.
func connectAgent(ctx context.Context, paths config.Paths) (Agent, error) {
	client, err := control.Ensure(ctx, paths, func(context.Context) error {
		program, err := agent.Program("drawbridge")
		if err != nil {
			return fault.Wrap(err, fault.AgentAway, "The program drawbridge is not beside this window, nor on PATH.", "Install it there, then try again.")
		}
		return agent.Spawn(paths, program)
	})
	if err != nil {
		return nil, err
	}
	if err := client.Keep(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// wakeAgent starts the agent and ends: what runs at login on Windows, where the
// lean binary would open a console.
func wakeAgent() error {
	paths, err := config.Locate("", "")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTime)
	defer cancel()
	_, err = connectAgent(ctx, paths)
	return err
}
