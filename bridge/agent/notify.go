package agent

import (
	"context"
	"fmt"
	"time"

	"drawbridge/bridge/control"
	"drawbridge/bridge/desktop"
)

const (
	// notifyLimit bounds telling the person something that offers no action.
	notifyLimit = 5 * time.Second
	// warnAhead is how long before its end the person is told of a sign-in that
	// cannot be renewed. One that is not much longer than that is not worth it.
	warnAhead = 10 * time.Minute
)

// notify tells the person, unless they want no notifications. With an action it
// returns when that is chosen, or when ctx or the notification ends.
func (a *Agent) notify(ctx context.Context, n desktop.Notification) (chosen bool) {
	if p := a.feed.Snapshot().Preferences; p != nil && !p.Notifications {
		return false
	}
	if n.Action == "" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, notifyLimit)
		defer cancel()
	}
	chosen, err := a.cfg.Notify(ctx, n)
	if err != nil {
		a.log.Debug("not notified", "title", n.Title, "error", err)
	}
	return chosen
}

// offerSignIn shows a notification whose action begins a sign-in. silence takes
// it back.
func (a *Agent) offerSignIn(key string, n desktop.Notification) (silence context.CancelFunc) {
	ctx, cancel := context.WithCancel(a.life)
	a.tasks.Go(func() {
		defer cancel()
		if !a.notify(ctx, n) {
			return
		}
		clicks{a}.SignIn(key)
	})
	return cancel
}

// tellNeed says that a program waits for a sign-in.
func (a *Agent) tellNeed(who who, key string) (silence context.CancelFunc) {
	where := "on Drawbridge's icon"
	if desktop.OffersActions {
		where = "here or " + where
	}
	return a.offerSignIn(key, desktop.Notification{
		Title: fmt.Sprintf("Sign in to %s", who.label()), Action: "Sign in",
		Body: fmt.Sprintf("A program wants to use it. Click %s to sign in.", where),
	})
}

// warn tells of sign-ins that end soon and cannot be renewed, each once.
func (a *Agent) warn(servers []control.Server, now time.Time) {
	for _, s := range servers {
		if s.State != control.SignedIn || s.Renewable || s.ExpiresAt == nil {
			continue
		}
		left := s.ExpiresAt.Round(0).Sub(now.Round(0))
		short := s.IssuedAt != nil && s.ExpiresAt.Sub(*s.IssuedAt) < 2*warnAhead
		if left <= 0 || left > warnAhead || short {
			continue
		}
		a.mu.Lock()
		told := a.warned[s.Key].Equal(*s.ExpiresAt)
		a.warned[s.Key] = *s.ExpiresAt
		a.mu.Unlock()
		if told {
			continue
		}
		minutes := int((left + time.Minute - 1) / time.Minute)
		words := fmt.Sprintf("%d minutes", minutes)
		if minutes == 1 {
			words = "a minute"
		}
		a.offerSignIn(s.Key, desktop.Notification{
			Title: fmt.Sprintf("The sign-in to %s ends in %s", s.Label, words), Action: "Sign in again",
			Body: "It cannot be renewed: the server gave no refresh token. Programs that use it stop working then.",
		})
	}
}
