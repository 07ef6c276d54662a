package control

import (
	"context"
	"net/http"
)

// Preferences is how tray and window behave, as the person set it.
type Preferences struct {
	// Theme is "system", "light" or "dark".
	Theme string `json:"theme"`
	// StartAtLogin is what the desktop's own list of programs says.
	StartAtLogin bool `json:"startAtLogin"`
	// CanStartAtLogin is false where nothing can be started at login.
	CanStartAtLogin bool `json:"canStartAtLogin"`
	// Tray is true when the icon is shown, Notifications when the agent notifies.
	Tray          bool `json:"tray"`
	Notifications bool `json:"notifications"`
	// Browser is a Browser's ID, or "" for the desktop's own choice.
	Browser string `json:"browser"`
	// LogLevel is "error", "warn", "info" or "debug".
	LogLevel string `json:"logLevel"`
}

// PreferencesChange is what to change; nil fields stay as they are.
type PreferencesChange struct {
	Theme         *string `json:"theme,omitempty"`
	StartAtLogin  *bool   `json:"startAtLogin,omitempty"`
	Tray          *bool   `json:"tray,omitempty"`
	Notifications *bool   `json:"notifications,omitempty"`
	Browser       *string `json:"browser,omitempty"`
	LogLevel      *string `json:"logLevel,omitempty"`
}

// Browser is one that is installed on this computer.
type Browser struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Places is where things are kept. All are absolute paths but Secrets.
type Places struct {
	// SettingsFile is the person's to edit.
	SettingsFile string `json:"settingsFile"`
	// StateFolder holds what is known of each sign-in, without its tokens.
	StateFolder string `json:"stateFolder"`
	// LogFolder holds the agent's log.
	LogFolder string `json:"logFolder"`
	// Secrets is "keychain", or "file" for an encrypted file in the state folder.
	Secrets string `json:"secrets"`
}

// Folder is the word for one of Drawbridge's folders.
type Folder string

// The folders of Places.
const (
	// SettingsFolder is the one that the settings file is in.
	SettingsFolder Folder = "settings"
	StateFolder    Folder = "state"
	LogFolder      Folder = "logs"
)

// AllFolders lists the folders for the window's bindings.
var AllFolders = []struct {
	Value  Folder
	TSName string
}{{SettingsFolder, "Settings"}, {StateFolder, "State"}, {LogFolder, "Logs"}}

// folderWish is the body of a request for a folder.
type folderWish struct {
	Folder Folder `json:"folder"`
}

// Preferrer is what the server side needs for the person's preferences. What
// they are is in the snapshot.
type Preferrer interface {
	// SetPreferences changes them; the next snapshot shows it.
	SetPreferences(ctx context.Context, change PreferencesChange) (Preferences, error)
	// Browsers lists the browsers that are installed, sorted by title.
	Browsers(ctx context.Context) ([]Browser, error)
	// Places says where things are kept.
	Places(ctx context.Context) (Places, error)
	// OpenFolder opens a folder in the desktop's file manager.
	OpenFolder(ctx context.Context, folder Folder) error
}

func (s *Service) preferenceRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/preferences", handle(s, func(ctx context.Context, _ *http.Request, change PreferencesChange) (any, error) {
		return s.backend.SetPreferences(ctx, change)
	}))
	mux.HandleFunc("GET /v1/browsers", handle(s, func(ctx context.Context, _ *http.Request, _ none) (any, error) {
		return s.backend.Browsers(ctx)
	}))
	mux.HandleFunc("GET /v1/places", handle(s, func(ctx context.Context, _ *http.Request, _ none) (any, error) {
		return s.backend.Places(ctx)
	}))
	mux.HandleFunc("POST /v1/folder", handle(s, func(ctx context.Context, _ *http.Request, wish folderWish) (any, error) {
		return nil, s.backend.OpenFolder(ctx, wish.Folder)
	}))
}

// SetPreferences changes how tray and window behave, and returns what counts then.
func (c *Client) SetPreferences(ctx context.Context, change PreferencesChange) (Preferences, error) {
	var p Preferences
	err := c.call(ctx, quick, http.MethodPost, "/v1/preferences", change, &p)
	return p, err
}

// Browsers lists the browsers that are installed, sorted by title.
func (c *Client) Browsers(ctx context.Context) ([]Browser, error) {
	var all []Browser
	err := c.call(ctx, quick, http.MethodGet, "/v1/browsers", nil, &all)
	return all, err
}

// Places says where things are kept.
func (c *Client) Places(ctx context.Context) (Places, error) {
	var p Places
	err := c.call(ctx, quick, http.MethodGet, "/v1/places", nil, &p)
	return p, err
}

// OpenFolder opens a folder in the desktop's file manager.
func (c *Client) OpenFolder(ctx context.Context, folder Folder) error {
	return c.call(ctx, quick, http.MethodPost, "/v1/folder", folderWish{folder}, nil)
}
