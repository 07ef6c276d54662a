package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
)

// giveUpLimit bounds waiting for sign-ins that were cancelled.
const giveUpLimit = 5 * time.Second

// SignOutEverywhere implements control.Backend. It runs in the agent's life: a
// window that is closed meanwhile must not leave half of it undone.
func (a *Agent) SignOutEverywhere(ctx context.Context) ([]control.Outcome, error) {
	done := make(chan []control.Outcome, 1)
	a.tasks.Go(func() { done <- a.signOutEverywhere(a.life) })
	select {
	case outcomes := <-done:
		return outcomes, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *Agent) signOutEverywhere(ctx context.Context) []control.Outcome {
	labels := map[string]string{}
	for _, s := range a.feed.Snapshot().Servers {
		labels[s.Key] = s.Label
	}
	// First, or one of them could end well after the list was made.
	a.cancelAll(ctx, "")
	ended, err := a.cfg.Accounts.SignOutEverywhere(ctx)
	outcomes := []control.Outcome{}
	for _, e := range ended {
		key := e.Facts.Key
		label := labels[key]
		if label == "" { // signed in a moment ago, or no longer in the settings
			label = e.Facts.Server.Label(e.Facts.Account)
		}
		o := control.Outcome{
			Key: key, Label: label, Problem: control.ProblemOf(e.Err),
			Stays: e.Err != nil && !errors.Is(e.Err, credential.ErrNotRevoked),
		}
		if e.Err != nil {
			a.log.Warn("signed out everywhere, but not wholly", "key", key, "stays", o.Stays, "error", e.Err)
		}
		if !o.Stays {
			a.settle(key)
		}
		outcomes = append(outcomes, o)
	}
	if err != nil {
		a.log.Warn("signing out everywhere", "error", err)
		outcomes = append(outcomes, control.Outcome{Problem: control.ProblemOf(err), Stays: true})
	}
	a.log.Info("signed out everywhere", "credentials", len(ended))
	a.rebuild()
	return outcomes
}

// CancelSignIns implements control.Backend.
func (a *Agent) CancelSignIns(ctx context.Context, key string) error {
	a.cancelAll(ctx, key)
	a.rebuild()
	return ctx.Err()
}

// cancelAll ends the sign-ins under way, all or those of one credential, waits
// until they have ended, and forgets that anybody was asked.
func (a *Agent) cancelAll(ctx context.Context, only string) {
	ctx, cancel := context.WithTimeout(ctx, giveUpLimit)
	defer cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	var cancelled []*signIn
	for key, s := range a.pending {
		if only == "" || only == key {
			s.cancel(errSignedOut)
			cancelled = append(cancelled, s)
		}
	}
	for _, s := range cancelled {
		for !s.status.Done && ctx.Err() == nil {
			changed := s.changed
			a.mu.Unlock()
			select {
			case <-changed:
			case <-ctx.Done():
			}
			a.mu.Lock()
		}
		a.settleLocked(s.key)
	}
}

// summary is what there is to tell of several sign-outs, or nil.
func summary(outcomes []control.Outcome) *control.Problem {
	var first *control.Problem
	count := 0
	for _, o := range outcomes {
		if o.Problem != nil {
			count++
			if first == nil {
				first = o.Problem
			}
		}
	}
	if count < 2 {
		return first
	}
	return &control.Problem{Code: first.Code, What: fmt.Sprintf("%d sign-outs were not complete.", count), Next: first.What + " " + first.Next}
}
