//go:build desktop || bindings || dev

package main

import (
	"context"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// connectAgent finds the agent, or starts it.
func connectAgent(_ context.Context, _ config.Paths) (Agent, error) {
	return nil, fault.New(fault.AgentAway, "Drawbridge's agent is not running.", "Start it with `drawbridge agent`, then try again.")
}
