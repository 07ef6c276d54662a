package cli

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/guard"
)

const (
	// lookAgain is how often a process that goes by the settings looks whether they
	// have changed although it was not told: a watch can be lost.
	lookAgain = time.Minute
	// lookBlind is the same where the system tells nobody.
	lookBlind = 2 * time.Second
	// gather is the pause after which a file that is being written is looked at.
	gather = 50 * time.Millisecond
)

// stamp tells one state of a file from another.
type stamp struct {
	size int64
	at   time.Time
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.Size(), info.ModTime()}
}

// follow calls changed after each change of a file since it looked as seen says,
// until ctx ends. It sleeps while nothing happens.
func follow(ctx context.Context, path string, seen stamp, changed func()) {
	every := lookBlind
	var events chan fsnotify.Event
	var lost chan error
	if watch, err := fsnotify.NewWatcher(); err == nil {
		defer func() { _ = watch.Close() }()
		if watch.Add(filepath.Dir(path)) == nil { // the folder, as files are replaced
			every, events, lost = lookAgain, watch.Events, watch.Errors
		}
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	due := time.After(0) // what has changed before the watch began
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			if due == nil && filepath.Base(e.Name) == filepath.Base(path) {
				due = time.After(gather)
			}
			continue
		case <-lost:
		case <-tick.C:
		case <-due:
			due = nil
		}
		if now := stampOf(path); now != seen {
			seen = now
			changed()
		}
	}
}

// policyOf is who may do what, as the settings say.
func policyOf(p config.Paths, settings *config.Settings) (*guard.Policy, error) {
	if settings.Bridge == nil {
		return &guard.Policy{}, nil
	}
	rules := settings.Bridge.Rules
	if err := guard.CheckRules(rules); err != nil {
		return nil, fault.Wrap(err, fault.BadSettings, "A rule of the bridge cannot be understood: "+err.Error()+".", "Mend it in "+p.SettingsFile())
	}
	return &guard.Policy{Rules: rules, BuiltInRoles: settings.Bridge.BuiltInRoles}, nil
}

// followSettings has a bridge that runs go by the rules and exchanges of the
// settings as they are. Settings that cannot be read or understood change nothing:
// a slip of the pen must neither open the bridge nor close it.
func (a *app) followSettings(p config.Paths, g *guard.Guard, x *exchanges, m *credential.Manager, log *slog.Logger) func(context.Context) {
	return func(ctx context.Context) {
		settings, err := config.Reload(p)
		var policy *guard.Policy
		if err == nil {
			policy, err = policyOf(p, settings)
		}
		if err == nil {
			err = x.update(ctx, a, settings, m, log)
		}
		if err != nil {
			log.Error("the settings have changed and cannot be used; the bridge goes on with those before", "error", err, "next", fault.Public(err).Next)
			return
		}
		g.SetPolicy(policy)
		log.Info("the bridge goes by the changed settings")
	}
}
