package agent

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

const (
	// keepOutcome is how long the outcome of a sign-in can be asked for.
	keepOutcome = 10 * time.Minute
	// reopenAfter keeps a double click from opening two tabs.
	reopenAfter = 3 * time.Second
)

// signIn is one sign-in, under way or ended. Its fields but the first six are
// guarded by the agent's mu.
type signIn struct {
	who
	key   string
	how   how
	life  context.Context // ends when it is cancelled, well before it is over
	ended chan struct{}   // closed when it is over
	// tries is how many sign-ins before this one ended because a server was away.
	tries int

	status   control.SignIn
	changed  chan struct{} // closed, and replaced, when status changes
	cancel   context.CancelCauseFunc
	openedAt time.Time
	endedAt  time.Time
}

// how is what a person wants of a sign-in.
type how struct{ noBrowser, byCode, newClient bool }

// failure is a sign-in that ended badly and has been followed by none that did not.
type failure struct {
	who
	problem *control.Problem
	// again is when the agent may open a browser by itself again, and tries how
	// often it has come to this. Both count only while nobody has been asked
	// in vain: see asked.
	again time.Time
	tries int
}

var (
	errCancelled = errors.New("cancelled by the person")
	errSignedOut = errors.New("signed out meanwhile")
)

// StartSignIn implements control.Backend. A person who asks again while a
// sign-in is under way gets the same page once more: the tab may be lost. Who
// wants it in another way has had enough of the one under way.
func (a *Agent) StartSignIn(ctx context.Context, req control.SignInRequest) (control.SignIn, error) {
	who, account, err := a.find(req.Target)
	if err != nil {
		return control.SignIn{}, err
	}
	if req.ByCode || req.NewClient {
		a.cancelAll(ctx, account.Key())
	}
	a.mu.Lock()
	s, joined := a.begin(who, account, how{req.NoBrowser, req.ByCode, req.NewClient})
	again := joined && !req.NoBrowser && s.status.URL != "" && s.status.Code == "" && a.cfg.now().Sub(s.openedAt) > reopenAfter
	if again {
		s.openedAt = a.cfg.now()
	}
	status := s.status
	a.mu.Unlock()
	if again {
		a.task("open the browser again", func(ctx context.Context) error { return a.cfg.Browser(ctx, status.URL) })
	}
	a.rebuild()
	return status, nil
}

// begin starts a sign-in or returns the one under way. One that has been cancelled
// is nobody's to join: the new one waits for its end. Call it with mu held.
func (a *Agent) begin(who who, account Account, how how) (s *signIn, joined bool) {
	key := account.Key()
	before, ok := a.pending[key]
	if ok && before.life.Err() == nil {
		return before, true
	}
	for id, old := range a.signIns {
		if old.status.Done && time.Since(old.endedAt) > keepOutcome {
			delete(a.signIns, id)
		}
	}
	ctx, cancel := context.WithCancelCause(a.life)
	s = &signIn{
		key: key, who: who, how: how, life: ctx, ended: make(chan struct{}), cancel: cancel, changed: make(chan struct{}),
		status: control.SignIn{ID: rand.Text(), StartedAt: time.Now().Round(0)},
	}
	a.pending[key], a.signIns[s.status.ID] = s, s
	s.tries = a.failed[key].tries
	delete(a.failed, key)
	a.tasks.Go(func() {
		if before != nil {
			<-before.ended
		}
		a.signIn(ctx, s, account)
	})
	return s, false
}

// signIn runs a sign-in to its end.
func (a *Agent) signIn(ctx context.Context, s *signIn, account Account) {
	defer s.cancel(nil)
	a.log.Info("sign-in started", "key", s.key)
	limited, cancel := context.WithTimeout(ctx, credential.SignInLimit)
	defer cancel()
	ui := credential.UI{
		ByCode: s.how.byCode, NewClient: s.how.newClient,
		Elsewhere: func(bool) { a.offersCode(s) },
		Show:      func(url string, opened bool) { a.shown(s, url, opened, nil) },
		// No browser opens: who signs in by code has one somewhere else.
		Code: func(c credential.DeviceCode) { a.shown(s, cmp.Or(c.Complete, c.URL), false, &c) },
	}
	if !s.how.noBrowser {
		ui.Open = a.cfg.Browser
	}
	if facts, err := account.Facts(); err == nil && facts.State == credential.SignedIn {
		a.remember(limited, account) // it may be for more scopes (step-up)
	}
	err := account.SignIn(limited, ui)
	if err == nil {
		a.remember(limited, account)
	}
	if ctx.Err() != nil && err != nil {
		err = context.Cause(ctx)
	}
	a.log.Info("sign-in ended", "key", s.key, "error", err)
	problem := control.ProblemOf(explain(err, s.label()))
	facts, factsErr := account.Facts()
	// An account that was about to be added is not there when the person gives up.
	never := errors.Is(err, errCancelled) && factsErr == nil && facts.State == "" &&
		!config.SameAccount(s.account, s.server.DefaultName())

	a.mu.Lock()
	last := a.pending[s.key] == s // nobody has begun another one after it was cancelled
	if last {
		delete(a.pending, s.key)
	}
	s.status.Done, s.status.Problem, s.endedAt = true, problem, time.Now()
	a.lastEnd = s.endedAt
	switch {
	case problem == nil:
		a.settleLocked(s.key)
	case last && !errors.Is(err, errSignedOut) && !never:
		a.failed[s.key] = a.failure(s, problem)
	}
	close(s.changed)
	s.changed = make(chan struct{})
	close(s.ended)
	a.mu.Unlock()
	a.rebuild()
}

// failure is how a sign-in ended. Where a server was away, the person has not
// said no: they may be asked again, but no browser opens for a server that is
// still away more often than the pauses allow. Call it with mu held.
func (a *Agent) failure(s *signIn, problem *control.Problem) failure {
	f := failure{who: s.who, problem: problem, again: a.cfg.now().Add(retryAfter)}
	if s.status.URL != "" && problem.Code == fault.Unreachable {
		a.asked.set(s.key, time.Time{})
		f.tries = s.tries + 1
		f.again = a.cfg.now().Add(min(askAgainAfter<<(min(f.tries, 10)-1), askAgainMost))
	}
	return f
}

// shown notes that the person has, or can open, the page, with a code to type in
// there unless that is nil: from now on nobody
// is asked again by the agent itself until somebody has signed in.
func (a *Agent) shown(s *signIn, url string, opened bool, code *credential.DeviceCode) {
	a.mu.Lock()
	s.status.URL, s.status.BrowserOpened = url, opened
	if code != nil {
		s.status.Code, s.status.EndsAt, s.status.QR = code.Code, moment(code.ExpiresAt), drawQR(url)
	}
	if opened {
		s.openedAt = a.cfg.now()
	}
	a.asked.set(s.key, time.Now())
	close(s.changed)
	s.changed = make(chan struct{})
	a.mu.Unlock()
	a.rebuild()
}

// offersCode notes that the person may have a code instead.
func (a *Agent) offersCode(s *signIn) {
	a.mu.Lock()
	s.status.OffersCode = true
	a.mu.Unlock()
	a.rebuild()
}

// explain puts the ends that credential does not put in words.
func explain(err error, name string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, credential.ErrOpen):
		return fault.Wrap(err, control.SignInUnneeded, fmt.Sprintf("%s asks nobody to sign in.", name), "Use it as it is.")
	case errors.Is(err, errCancelled), errors.Is(err, errSignedOut), errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.SignInRefused, fmt.Sprintf("The sign-in to %s was cancelled.", name), "Start it again when you want to.")
	case errors.Is(err, context.DeadlineExceeded) && fault.CodeOf(err) == fault.Internal:
		return fault.Wrap(err, fault.SignInTimeout, fmt.Sprintf("Nobody finished the sign-in to %s in time.", name), "Start it again when you want to.")
	}
	return err
}

// WaitSignIn implements control.Backend.
func (a *Agent) WaitSignIn(ctx context.Context, id, seen string, wait time.Duration) (control.SignIn, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		a.mu.Lock()
		s, ok := a.signIns[id]
		if !ok {
			a.mu.Unlock()
			return control.SignIn{}, fault.New(fault.NotSignedIn, "That sign-in is not known any more.", "Start it again.")
		}
		status, changed := s.status, s.changed
		a.mu.Unlock()
		if status.Done || status.URL != seen {
			a.rebuild() // who is told now must not find an older snapshot
			return status, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return status, nil
		case <-a.life.Done():
			return status, nil
		case <-ctx.Done():
			return status, ctx.Err()
		}
	}
}

// CancelSignIn implements control.Backend. One that has ended stays as it is.
func (a *Agent) CancelSignIn(_ context.Context, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.signIns[id]
	if !ok {
		return fault.New(fault.NotSignedIn, "That sign-in is not known any more.", "")
	}
	s.cancel(errCancelled)
	return nil
}

// settle forgets what was needed, asked and failed: the matter is closed.
func (a *Agent) settle(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settleLocked(key)
}

func (a *Agent) settleLocked(key string) {
	if n := a.needs[key]; n.silence != nil {
		n.silence()
	}
	delete(a.needs, key)
	delete(a.failed, key)
	a.asked.set(key, time.Time{})
}

// settleAsOf is settleLocked for who read something at a time: what has come up
// since then is another matter. The next look sees to that.
func (a *Agent) settleAsOf(key string, read time.Time) {
	if a.needs[key].since.After(read) || a.asked.at[key].After(read) {
		return
	}
	a.settleLocked(key)
}
