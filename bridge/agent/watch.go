package agent

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"drawbridge/bridge/config"
)

const (
	// debounce gathers the events of one write, and of writes in quick succession.
	debounce = 50 * time.Millisecond
	// rescan is how often the files are read although nothing was noticed: a
	// watch can be lost, and a token that cannot be renewed expires in silence.
	rescan = time.Minute
	// rescanBlind is the same when the system gives us no watch at all.
	rescanBlind = 5 * time.Second
)

// watcher notices what other processes write: settings, facts, descriptions.
type watcher struct {
	fs    *fsnotify.Watcher // nil: the system gives none
	paths config.Paths
	log   *slog.Logger
}

// watch makes the folders, if need be, and begins to watch them. Folders and not
// files, as files are replaced.
func watch(p config.Paths, log *slog.Logger) (*watcher, error) {
	for _, dir := range []string{p.Config, p.Accounts(), p.Descriptions()} {
		if err := config.MakePrivate(dir); err != nil {
			return nil, err
		}
	}
	w := &watcher{paths: p, log: log}
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("files cannot be watched; they are read every few seconds", "error", err)
		return w, nil
	}
	w.fs = fs
	w.add()
	return w, nil
}

// add watches the folders; for those that are watched it changes nothing.
func (w *watcher) add() {
	for _, dir := range []string{w.paths.Config, w.paths.Accounts(), w.paths.Descriptions()} {
		if err := w.fs.Add(dir); err != nil {
			w.log.Warn("a folder cannot be watched", "dir", dir, "error", err)
		}
	}
}

func (w *watcher) close() {
	if w.fs != nil {
		_ = w.fs.Close()
	}
}

// run calls changed after each change, and now and then, until ctx ends.
func (w *watcher) run(ctx context.Context, changed func()) {
	every := rescan
	var events chan fsnotify.Event
	var errs chan error
	if w.fs != nil {
		events, errs = w.fs.Events, w.fs.Errors
	} else {
		every = rescanBlind
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	var due <-chan time.Time
	for {
		select {
		case e := <-events:
			if due == nil && w.ours(e) {
				due = time.After(debounce)
			}
		case err := <-errs: // events were lost
			w.log.Debug("watching files", "error", err)
			due = time.After(debounce)
		case <-tick.C:
			if w.fs != nil {
				w.add()
			}
			changed()
		case <-due:
			due = nil
			changed()
		case <-ctx.Done():
			return
		}
	}
}

// ours reports whether an event is about a file that counts: not a temporary
// one beside it, and not a mere look at it.
func (w *watcher) ours(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod || strings.HasPrefix(filepath.Base(e.Name), ".") {
		return false
	}
	return filepath.Dir(e.Name) != filepath.Clean(w.paths.Config) || filepath.Clean(e.Name) == w.paths.SettingsFile()
}
