package agent

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"drawbridge/bridge/browser"
	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/desktop"
	"drawbridge/bridge/fault"
)

// LoginItem is what starts the agent at login; desktop.LoginItem is one.
type LoginItem interface {
	Present() (bool, error)
	Add() error
	Remove() error
}

// AtLogin starts `program agent` for these folders at login, with its log in a
// file. Where the window's program is beside it, Windows starts that instead: it
// opens no console.
func AtLogin(p config.Paths, program string) desktop.LoginItem {
	command := []string{program, "agent", "--log"}
	if usual, err := config.Locate("", ""); err != nil || usual != p {
		command = append(command, "--config-dir", p.Config, "--state-dir", p.State)
	} else if runtime.GOOS == "windows" {
		window := filepath.Join(filepath.Dir(program), "drawbridge-desktop.exe")
		if path, err := exec.LookPath(window); err == nil {
			command = []string{path, "--background"}
		}
	}
	return desktop.LoginItem{ID: "drawbridge-agent", Title: "Drawbridge", Command: command}
}

// SetPreferences implements control.Preferrer. What is kept in the settings is
// written first: when that fails nothing has changed.
func (a *Agent) SetPreferences(ctx context.Context, change control.PreferencesChange) (control.Preferences, error) {
	if id := change.Browser; id != nil && *id != "" {
		all := browser.List(sessionEnv(ctx))
		if !slices.ContainsFunc(all, func(b browser.Installed) bool { return b.ID == *id }) {
			return control.Preferences{}, fault.New(fault.Usage, fmt.Sprintf("There is no browser %q on this computer.", *id), "Choose one that is installed.")
		}
	}
	if change.StartAtLogin != nil && a.cfg.Login == nil {
		return control.Preferences{}, fault.New(fault.Unsupported, "This agent cannot be started at login.", "")
	}
	err := config.Update(ctx, a.cfg.Paths, func(s *config.Settings) error {
		p := s.Desktop
		set(&p.Theme, change.Theme, "system")
		set(&p.Browser, change.Browser, "")
		set(&p.LogLevel, change.LogLevel, usualLevel)
		if change.Tray != nil {
			p.HideTray = !*change.Tray
		}
		if change.Notifications != nil {
			p.Mute = !*change.Notifications
		}
		if err := p.Check(); err != nil {
			return err
		}
		s.Desktop = p
		return nil
	})
	if err != nil {
		return control.Preferences{}, err
	}
	if change.StartAtLogin != nil {
		do := a.cfg.Login.Remove
		if *change.StartAtLogin {
			do = a.cfg.Login.Add
		}
		if err := do(); err != nil {
			a.rebuild()
			return control.Preferences{}, fault.Wrap(err, fault.Storage, "What starts at login could not be changed.", "Check that the folder for such programs is yours to write.")
		}
	}
	a.rebuild()
	return *a.feed.Snapshot().Preferences, nil
}

// set takes a wish over; usual is the word for what "" means in the settings.
func set(to, wish *string, usual string) {
	if wish == nil {
		return
	}
	*to = *wish
	if *wish == usual {
		*to = ""
	}
}

// usualLevel is how much is logged when nobody says.
const usualLevel = "warn"

// preferences are those of the settings, as the snapshot has them.
func (a *Agent) preferences(p config.Preferences) *control.Preferences {
	out := &control.Preferences{
		Theme: p.Theme, Browser: p.Browser, LogLevel: p.LogLevel, Tray: !p.HideTray, Notifications: !p.Mute,
		CanStartAtLogin: a.cfg.Login != nil,
	}
	if out.Theme == "" {
		out.Theme = "system"
	}
	if out.LogLevel == "" {
		out.LogLevel = usualLevel
	}
	if a.cfg.Login != nil {
		var err error
		if out.StartAtLogin, err = a.cfg.Login.Present(); err != nil {
			a.log.Warn("whether the agent starts at login is not known", "error", err)
		}
	}
	return out
}

// setLevel makes the log as talkative as the preferences say.
func (a *Agent) setLevel(p *control.Preferences) {
	if a.cfg.Level == nil {
		return
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(p.LogLevel)); err == nil {
		a.cfg.Level.Set(level)
	}
}

// Browsers implements control.Preferrer.
func (a *Agent) Browsers(ctx context.Context) ([]control.Browser, error) {
	out := []control.Browser{}
	for _, b := range browser.List(sessionEnv(ctx)) {
		out = append(out, control.Browser{ID: b.ID, Title: b.Title})
	}
	return out, nil
}

// Places implements control.Preferrer.
func (a *Agent) Places(context.Context) (control.Places, error) {
	settings, err := config.Load(a.cfg.Paths)
	if err != nil {
		return control.Places{}, err
	}
	places := control.Places{
		SettingsFile: a.cfg.Paths.SettingsFile(), StateFolder: a.cfg.Paths.State, LogFolder: a.cfg.Paths.Logs(), Secrets: config.KeychainVault,
	}
	if settings.Vault.InFile() {
		places.Secrets = config.FileVault
	}
	return places, nil
}

// OpenFolder implements control.Preferrer.
func (a *Agent) OpenFolder(ctx context.Context, folder control.Folder) error {
	var dir string
	switch folder {
	case control.SettingsFolder:
		dir = a.cfg.Paths.Config
	case control.StateFolder:
		dir = a.cfg.Paths.State
	case control.LogFolder:
		dir = a.cfg.Paths.Logs()
	default:
		return fault.New(fault.Usage, fmt.Sprintf("There is no folder %q.", folder), "")
	}
	if err := config.MakePrivate(dir); err != nil {
		return err
	}
	program := map[string]string{"windows": "explorer.exe", "darwin": "/usr/bin/open"}[runtime.GOOS]
	if program == "" {
		program = "xdg-open"
	}
	err := launch(exec.Command(program, dir), sessionEnv(ctx), nil)
	return fault.Wrap(err, fault.Unsupported, "The folder could not be opened.", "It is "+dir+".")
}
