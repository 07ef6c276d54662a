package main

import (
	"context"

	"drawbridge/bridge/control"
)

// SignInByCode begins to sign in at the server with the key by a code, with a
// browser on any device. A sign-in that is under way there makes room.
func (a *App) SignInByCode(key string) (control.SignIn, error) {
	return a.signIn(control.SignInRequest{Target: control.Keyed(key), ByCode: true})
}

// RegisterAnew has Drawbridge registered anew at the provider of the server with
// the key, and begins to sign in there. A sign-in that is under way makes room.
func (a *App) RegisterAnew(key string) (control.SignIn, error) {
	return a.signIn(control.SignInRequest{Target: control.Keyed(key), NewClient: true})
}

func (a *App) signIn(req control.SignInRequest) (s control.SignIn, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		s, err = agent.StartSignIn(ctx, req)
		return err
	})
	return s, err
}
