package main

import (
	"context"
	"errors"
	"slices"

	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/token"
)

// Inspect explains a token that a person pasted. It asks nobody: the text is
// neither kept nor sent nor logged, and its signature stays unchecked.
func (a *App) Inspect(pasted string) (token.Report, error) {
	raw, err := token.FromText(pasted)
	switch {
	case errors.Is(err, token.ErrNoText):
		return token.Report{}, fault.New(fault.Usage, "There is no token.", "Paste one.")
	case err != nil:
		// Not wrapped: nothing of the text may get into an error.
		return token.Report{}, fault.New(fault.Usage, "That is not one token.", "Paste the token alone: it has no blanks and no line breaks inside.")
	}
	return token.Explain(context.Background(), raw, nil), nil
}

// Token explains the access token of the server with the key. The token itself
// never comes here.
func (a *App) Token(key string) (r token.Report, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		r, err = agent.Token(ctx, key)
		return err
	})
	return r, err
}

// TokenDifference says how the access token of the server with the key differs
// from the one before it; nil while the agent has seen only one.
func (a *App) TokenDifference(key string) (d *token.Difference, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		d, err = agent.TokenDifference(ctx, key)
		return err
	})
	return d, err
}

// AskToken has the authorization server asked about the access token of the server
// with the key, for one that does not speak for itself.
func (a *App) AskToken(key string) (answer control.TokenAnswer, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		answer, err = agent.AskToken(ctx, key)
		return err
	})
	return answer, err
}

// CopyToken asks the person, in a dialog of the system, whether the access token
// of the server with the key may go into the clipboard, and has the agent put it
// there for half a minute. copied is false when they said no. The token comes
// neither to the page nor to this process.
func (a *App) CopyToken(key string) (copied bool, err error) {
	var server control.Server
	err = a.call(func(ctx context.Context, agent Agent) error {
		// What the question names is the agent's word: the page cannot ask for one
		// server in the name of another.
		s, err := agent.Snapshot(ctx)
		i := slices.IndexFunc(s.Servers, func(s control.Server) bool { return s.Key == key })
		if err == nil && i < 0 {
			err = fault.New(fault.UnknownServer, "That server is not there any more.", "")
		}
		if err == nil {
			server = s.Servers[i]
		}
		return err
	})
	if err != nil {
		return false, err
	}
	// One question at a time: a page that asks again and again wears nobody out.
	if !a.asking.TryLock() {
		return false, fault.New(fault.Usage, "There is a question open already.", "Answer it first.")
	}
	defer a.asking.Unlock()
	// The person may take any time over this.
	yes, err := a.config.Confirm("Copy the access token?", "Copy the access token of "+server.Label+" to the clipboard?\n\n"+server.URL+
		"\n\nWhoever has it can use the server as you until it expires. Drawbridge takes it off the clipboard after 30 seconds; "+
		"a program that keeps a history of the clipboard may keep it.")
	if err != nil || !yes {
		return false, err
	}
	err = a.call(func(ctx context.Context, agent Agent) error { return agent.CopyToken(ctx, key) })
	return err == nil, err
}
