package main

import (
	"context"
	"time"

	"drawbridge/bridge/control"
)

// EventActivity carries an ActivityEvent.
const EventActivity = "activity"

// ActivityEvent is what clients do, as FollowActivity has it sent to the page.
type ActivityEvent struct {
	// Feed is the number that FollowActivity returned: what comes with another
	// one is of an earlier request.
	Feed uint64 `json:"feed"`
	// Reset is true for the first one of an agent: what was before is forgotten.
	Reset bool `json:"reset"`
	control.ActivityChange
}

// activityFeed is one request to follow the activity.
type activityFeed struct {
	number uint64
	end    context.CancelFunc
}

// FollowActivity begins to send EventActivity to the page, first of all the
// sessions that are open and the calls that the agent remembers, and returns the
// number that those events carry. An earlier request ends. It goes on with
// another agent when there is one; it never starts one.
func (a *App) FollowActivity() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.feed.end != nil {
		a.feed.end()
	}
	a.feed.number++
	if a.ctx == nil || a.ctx.Err() != nil {
		return a.feed.number
	}
	ctx, end := context.WithCancel(a.ctx)
	a.feed.end = end
	number := a.feed.number
	a.tasks.Go(func() { a.sendActivity(ctx, number) })
	return number
}

// sendActivity passes on the activity of one agent after another until ctx ends.
func (a *App) sendActivity(ctx context.Context, feed uint64) {
	for ctx.Err() == nil {
		pause := reconnectAtOnce
		if agent := a.current(ctx); agent != nil {
			reset := true
			for change, err := range agent.Activity(ctx, 0, true) {
				if err != nil {
					break // follow tells the page that the agent is away
				}
				a.emit(ctx, EventActivity, ActivityEvent{Feed: feed, Reset: reset, ActivityChange: change})
				reset = false
			}
			if reset { // it is there and does not speak
				pause = reconnectAfter
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// current is the agent that is connected now, or nil.
func (a *App) current(ctx context.Context) Agent {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
		return a.agent
	case <-ctx.Done():
		return nil
	}
}

// Capture begins or ends to keep what the calls of the session with the id are
// about; see control.Activity.
func (a *App) Capture(session string, on bool) error {
	return a.call(func(ctx context.Context, agent Agent) error { return agent.Capture(ctx, session, on) })
}

// Captured is what the call with the number was about, if that is kept.
func (a *App) Captured(seq uint64) (c control.Captured, err error) {
	err = a.call(func(ctx context.Context, agent Agent) error {
		c, err = agent.Captured(ctx, seq)
		return err
	})
	return c, err
}
