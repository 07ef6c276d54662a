package agent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/desktop"
	"drawbridge/bridge/fault"
)

// login is a list of programs that start at login.
type login struct {
	mu      sync.Mutex
	present bool
	err     error
}

func (l *login) Present() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.present, nil
}
func (l *login) Add() error    { return l.put(true) }
func (l *login) Remove() error { return l.put(false) }

func (l *login) put(present bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.present = present
	}
	return l.err
}

func to[T any](v T) *T { return &v }

func (r *rig) preferences() control.Preferences {
	r.t.Helper()
	s, err := r.Snapshot(r.t.Context())
	if err != nil || s.Preferences == nil {
		r.t.Fatalf("snapshot %+v, %v", s, err)
	}
	return *s.Preferences
}

func TestPreferencesAreKeptToldAndFollowed(t *testing.T) {
	level := &slog.LevelVar{}
	level.Set(slog.LevelWarn)
	r := start(t, func(c *Config) { c.Login, c.Level = &login{}, level })
	want := control.Preferences{Theme: "system", CanStartAtLogin: true, Tray: true, Notifications: true, LogLevel: "warn"}
	if diff := cmp.Diff(want, r.preferences()); diff != "" {
		t.Errorf("a new person's: -want +got:\n%s", diff)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	told := make(chan control.Preferences, 10)
	var following sync.WaitGroup
	following.Go(func() {
		defer close(told)
		for change, err := range r.Changes(ctx) {
			if err == nil && change.Snapshot != nil {
				told <- *change.Snapshot.Preferences
			}
		}
	})
	<-told // as they were
	got, err := r.SetPreferences(t.Context(), control.PreferencesChange{Theme: to("dark"), StartAtLogin: to(true), LogLevel: to("debug"), Notifications: to(false)})
	if err != nil {
		t.Fatal(err)
	}
	want.Theme, want.StartAtLogin, want.LogLevel, want.Notifications = "dark", true, "debug", false
	for name, p := range map[string]control.Preferences{"answer": got, "snapshot": r.preferences()} {
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
	// Who follows may see the settings that are written before what starts at login is.
	for p := range told {
		if cmp.Equal(want, p) {
			break
		}
	}
	if ctx.Err() != nil {
		t.Error("who follows is not told")
	}
	if level.Level() != slog.LevelDebug {
		t.Errorf("level %v", level.Level())
	}
	settings, err := config.Load(r.paths)
	if err != nil || settings.Desktop != (config.Preferences{Theme: "dark", LogLevel: "debug", Mute: true}) || len(settings.Servers) != 1 {
		t.Errorf("settings %+v, %v", settings, err)
	}
	if got, err = r.SetPreferences(t.Context(), control.PreferencesChange{Theme: to("system"), StartAtLogin: to(false)}); err != nil || got.Theme != "system" || got.StartAtLogin || got.LogLevel != "debug" {
		t.Errorf("back: %+v, %v", got, err)
	}
	cancel()
	following.Wait()
}

func TestPreferencesChangedByHandCount(t *testing.T) {
	r := start(t, nil)
	if err := config.Update(t.Context(), r.paths, func(s *config.Settings) error { s.Desktop.HideTray = true; return nil }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the agent notices", func() bool { return !r.preferences().Tray })
}

func TestPreferencesThatCannotBeAreRefusedAndNothingChanges(t *testing.T) {
	l := &login{err: errors.New("read-only")}
	r := start(t, func(c *Config) { c.Login = l })
	before := r.preferences()
	for name, change := range map[string]control.PreferencesChange{
		"theme":   {Theme: to("blue"), LogLevel: to("debug")},
		"level":   {LogLevel: to("loud")},
		"browser": {Browser: to("/bin/sh -c id")},
	} {
		if _, err := r.SetPreferences(t.Context(), change); !fault.Is(err, fault.Usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.SetPreferences(t.Context(), control.PreferencesChange{StartAtLogin: to(true)}); !fault.Is(err, fault.Storage) {
		t.Errorf("login: %v", err)
	}
	if diff := cmp.Diff(before, r.preferences()); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
	without := start(t, nil)
	if _, err := without.SetPreferences(t.Context(), control.PreferencesChange{StartAtLogin: to(true)}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("nothing to start it: %v", err)
	}
}

func TestAPersonWhoWantsNoNotificationsGetsNone(t *testing.T) {
	r := start(t, func(c *Config) { c.Tray = &icon{seen: true, runs: make(chan control.Actions, 1)} })
	if _, err := r.SetPreferences(t.Context(), control.PreferencesChange{Notifications: to(false)}); err != nil {
		t.Fatal(err)
	}
	if answer := r.need(control.Named("demo")); answer.Action != control.NeedTray {
		t.Fatalf("need %+v", answer)
	}
	r.state("demo", control.SignInNeeded)
	r.Close()
	if err := r.Stop(t.Context()); err != nil { // every task has ended then
		t.Fatal(err)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.notified) > 0 {
		t.Errorf("notified: %q", r.notified)
	}
}

func TestTheLoginItemStartsThisAgent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the usual folders are Linux's here")
	}
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"XDG_CONFIG_HOME", "XDG_STATE_HOME", "DRAWBRIDGE_CONFIG_DIR", "DRAWBRIDGE_STATE_DIR"} {
		t.Setenv(name, "")
	}
	usual, err := config.Locate("", "")
	if err != nil {
		t.Fatal(err)
	}
	want := desktop.LoginItem{ID: "drawbridge-agent", Title: "Drawbridge", Command: []string{"/usr/bin/drawbridge", "agent", "--log"}}
	if diff := cmp.Diff(want, AtLogin(usual, "/usr/bin/drawbridge")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	other := AtLogin(config.Paths{Config: "/c", State: "/s"}, "/usr/bin/drawbridge")
	if got := strings.Join(other.Command, " "); got != "/usr/bin/drawbridge agent --log --config-dir /c --state-dir /s" {
		t.Errorf("command %q", got)
	}
}

func TestPlacesAndTheFolderOfTheLogs(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("xdg-open is Linux's")
	}
	bin := t.TempDir()
	record := filepath.Join(bin, "opened")
	if err := os.WriteFile(filepath.Join(bin, "xdg-open"), []byte("#!/bin/sh\nprintf %s \"$1\" >'"+record+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("DISPLAY", ":0")
	r := start(t, nil)
	places, err := r.Places(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := control.Places{SettingsFile: r.paths.SettingsFile(), StateFolder: r.paths.State, LogFolder: r.paths.Logs(), Secrets: "keychain"}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for folder, dir := range map[control.Folder]string{control.SettingsFolder: r.paths.Config, control.StateFolder: r.paths.State, control.LogFolder: r.paths.Logs()} {
		if err := r.OpenFolder(t.Context(), folder); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the folder "+string(folder)+" is opened", func() bool {
			raw, _ := os.ReadFile(record)
			return string(raw) == dir
		})
	}
	if err := r.OpenFolder(t.Context(), "/etc"); !fault.Is(err, fault.Usage) {
		t.Errorf("a path for a folder: %v, want %s", err, fault.Usage)
	}
	reaped(t)
}
