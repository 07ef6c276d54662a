package agent

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
)

// who is one account of a server.
type who struct {
	server  config.Server
	account string
}

// label is how a person calls it.
func (w who) label() string { return w.server.Label(w.account) }

// need is a client that waits for a person to sign in.
type need struct {
	who
	since time.Time // when a client asked last
	// silence takes the notification back; nil before there is one.
	silence context.CancelFunc
}

// Need implements control.Backend: with a tray the icon asks for a click, and
// without one the browser opens. Either way the person is asked once; only a
// sign-in, or a sign-out, makes it a new question.
func (a *Agent) Need(ctx context.Context, target control.Target) (control.NeedAnswer, error) {
	who, account, err := a.find(target)
	if err != nil {
		return control.NeedAnswer{}, err
	}
	// First: it takes a while, in which somebody may have signed in.
	visible := a.cfg.Tray != nil && a.cfg.Tray.Visible(ctx)
	answer := a.ask(who, account, visible)
	if answer.Action != control.NeedNone {
		a.rebuild()
	}
	return answer, nil
}

func (a *Agent) ask(who who, account Account, visible bool) control.NeedAnswer {
	key := account.Key()
	a.mu.Lock()
	defer a.mu.Unlock()
	// Here: a sign-in writes its facts before it is not pending any more.
	if facts, err := account.Facts(); err == nil && works(facts, time.Now()) {
		return control.NeedAnswer{Action: control.NeedNone}
	}
	n, known := a.needs[key]
	if !known {
		n = need{who: who}
	}
	n.since = time.Now()
	defer func() { a.needs[key] = n }()
	s, pending := a.pending[key]
	if pending && s.life.Err() == nil {
		status := s.status
		return control.NeedAnswer{Action: control.NeedBrowser, SignIn: &status}
	}
	if visible {
		if n.silence == nil {
			n.silence = a.tellNeed(who, key)
		}
		return control.NeedAnswer{Action: control.NeedTray}
	}
	// Without a page that was shown, the last attempt failed before it came to
	// the person: it may be tried again, but not with every call, nor while one that
	// was cancelled ends.
	if f, failed := a.failed[key]; pending || a.asked.has(key) || failed && a.cfg.now().Before(f.again) {
		return control.NeedAnswer{Action: control.NeedAsked}
	}
	s, _ = a.begin(who, account, how{})
	status := s.status
	return control.NeedAnswer{Action: control.NeedBrowser, SignIn: &status}
}

const (
	// retryAfter is the pause after an attempt that failed before a page was shown.
	retryAfter = 10 * time.Second
	// askAgainAfter is the pause after the first sign-in that a person began and
	// that failed because a server was away; it doubles, up to askAgainMost.
	askAgainAfter = time.Minute
	askAgainMost  = time.Hour
)

// works reports whether a credential gets along without a person: it has or can
// get a token, and no server wants more permission than that has.
func works(f credential.Facts, now time.Time) bool {
	return f.State == credential.SignedIn && len(f.Wanted) == 0 && (f.Renewable || f.ExpiresAt.IsZero() || now.Before(f.ExpiresAt))
}

// askedFile remembers, over the agent's life, whom a browser was opened for: an
// agent that was started on demand ends and starts again, and a person who said
// no must not be asked by each one. It is used with the agent's mu held.
type askedFile struct {
	path string
	at   map[string]time.Time
	log  *slog.Logger
}

func loadAsked(p config.Paths, log *slog.Logger) *askedFile {
	f := &askedFile{path: filepath.Join(p.State, "asked.json"), at: map[string]time.Time{}, log: log}
	raw, err := os.ReadFile(f.path)
	if err == nil {
		err = json.Unmarshal(raw, &f.at)
	}
	if err != nil && !os.IsNotExist(err) {
		log.Warn("what was asked is forgotten", "error", err)
	}
	if f.at == nil {
		f.at = map[string]time.Time{}
	}
	return f
}

func (f *askedFile) has(key string) bool { _, ok := f.at[key]; return ok }

// set notes when a person was asked; the zero time forgets it.
func (f *askedFile) set(key string, at time.Time) {
	if at.IsZero() {
		if !f.has(key) {
			return
		}
		delete(f.at, key)
	} else {
		f.at[key] = at
	}
	raw, err := json.Marshal(f.at)
	if err == nil {
		err = config.WriteFile(f.path, raw)
	}
	if err != nil {
		f.log.Warn("what was asked could not be written", "error", err)
	}
}
