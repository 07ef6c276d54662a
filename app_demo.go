package main

import (
	"context"

	"drawbridge/bridge/control"
)

// TryDemo starts the built-in demo, adds it as a server and begins to sign in
// there.
func (a *App) TryDemo() (s control.SignIn, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		s, err = agent.TryDemo(ctx)
		return err
	})
	return s, err
}
