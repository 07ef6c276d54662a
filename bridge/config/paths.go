package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"drawbridge/bridge/fault"
)

// Paths are the folders of one user. The zero value is not usable; see Locate.
//
// MCP clients start `drawbridge stdio` with HOME and little else, the agent is
// started inside the desktop session: both must find the same places, so
// nothing here depends on XDG_RUNTIME_DIR or TMPDIR.
type Paths struct {
	// Config holds the settings file.
	Config string
	// State holds facts about credentials, locks, logs and the agent's socket.
	State string
}

// Locate finds the folders. Each override wins when it is not empty; then the
// environment (DRAWBRIDGE_CONFIG_DIR, DRAWBRIDGE_STATE_DIR), then the
// conventions of the operating system.
func Locate(configDir, stateDir string) (Paths, error) {
	config := firstOf(configDir, os.Getenv("DRAWBRIDGE_CONFIG_DIR"))
	state := firstOf(stateDir, os.Getenv("DRAWBRIDGE_STATE_DIR"))
	if config == "" {
		base, err := os.UserConfigDir()
		if err != nil {
			return Paths{}, fault.Wrap(err, fault.Storage, "Your folder for settings cannot be found.",
				"Set HOME (APPDATA on Windows), or give --config-dir and --state-dir.")
		}
		config = filepath.Join(base, "drawbridge")
	}
	if state == "" {
		base, err := userStateDir()
		if err != nil {
			return Paths{}, fault.Wrap(err, fault.Storage, "Your folder for state cannot be found.",
				"Set HOME (LOCALAPPDATA on Windows), or give --state-dir.")
		}
		state = filepath.Join(base, "drawbridge")
	}
	var err error
	if config, err = filepath.Abs(config); err != nil {
		return Paths{}, fmt.Errorf("locate settings: %w", err)
	}
	if state, err = filepath.Abs(state); err != nil {
		return Paths{}, fmt.Errorf("locate state: %w", err)
	}
	return Paths{Config: config, State: state}, nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// userStateDir is $XDG_STATE_HOME or ~/.local/state; on macOS and Windows the
// place where applications keep data that is not roaming.
func userStateDir() (string, error) {
	switch runtime.GOOS {
	case "windows":
		if dir := os.Getenv("LOCALAPPDATA"); dir != "" {
			return dir, nil
		}
		return os.UserCacheDir()
	case "darwin":
		return os.UserConfigDir()
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state"), nil
}

// SettingsFile is the settings: JSON with comments.
func (p Paths) SettingsFile() string { return filepath.Join(p.Config, "settings.json") }

// Accounts is the folder of what is known about each credential, without its secrets.
func (p Paths) Accounts() string { return filepath.Join(p.State, "accounts") }

// Descriptions is where what servers said of themselves is kept, one file for
// each credential.
func (p Paths) Descriptions() string { return filepath.Join(p.State, "descriptions") }

// Eras is the folder of what is remembered about the protocol of servers.
func (p Paths) Eras() string { return filepath.Join(p.State, "eras") }

// Locks is the folder of the lock files.
func (p Paths) Locks() string { return filepath.Join(p.State, "locks") }

// Logs is the folder of the log files.
func (p Paths) Logs() string { return filepath.Join(p.State, "logs") }

// Socket is the agent's unix socket. Its folder is the agent's to make, 0700.
// Socket addresses are short (104 bytes on macOS), so a state folder with a
// long path gets one under /tmp whose name is made from the state folder's.
func (p Paths) Socket() string {
	path := filepath.Join(p.State, "run", "agent.sock")
	if runtime.GOOS == "windows" || len(path) < 100 {
		return path
	}
	sum := sha256.Sum256([]byte(p.State))
	return filepath.Join("/tmp", fmt.Sprintf("drawbridge-%d-%s", os.Getuid(), hex.EncodeToString(sum[:8])), "agent.sock")
}

// MakePrivate makes a folder that only its owner may enter.
func MakePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return storageFault(dir, err)
	}
	return nil
}

func storageFault(path string, err error) error {
	return fault.Wrap(err, fault.Storage, fmt.Sprintf("%s cannot be written.", path),
		"Check that the disk has room and that the folder is yours.")
}
