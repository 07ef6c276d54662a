package desktop

import (
	"fmt"
	"os"
	"path/filepath"
)

// path is where launchd looks for the person's agents.
func (i LoginItem) path() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("start at login: %w", err)
	}
	return filepath.Join(home, "Library", "LaunchAgents", i.label()+".plist"), nil
}

func (i LoginItem) content() string { return i.propertyList() }

// counts is true: what is in the folder is started.
func (LoginItem) counts([]byte) bool { return true }
