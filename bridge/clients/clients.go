// Package clients writes, previews and takes back the entry that makes an MCP
// client on this machine start `drawbridge stdio`.
//
// The file belongs to the person and to the client: only the bytes of our own
// entry change, a backup stands beside it first, and a file that cannot be
// understood is left alone. The package must not know tokens, the keychain or
// the network.
package clients

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Env is what decides where a client keeps its settings.
type Env struct {
	GOOS         string
	Home         string
	AppData      string // Windows: %APPDATA%
	LocalAppData string // Windows: %LOCALAPPDATA%
	ConfigHome   string // Linux: $XDG_CONFIG_HOME
}

// HostEnv is the Env of this process. Home is empty when it cannot be found.
func HostEnv() Env {
	home, _ := os.UserHomeDir()
	return Env{
		GOOS:         runtime.GOOS,
		Home:         home,
		AppData:      os.Getenv("APPDATA"),
		LocalAppData: os.Getenv("LOCALAPPDATA"),
		ConfigHome:   os.Getenv("XDG_CONFIG_HOME"),
	}
}

// Client is one MCP client with the file that it reads its servers from.
type Client struct {
	title string
	path  string
}

// Title is the client's name as people know it.
func (c Client) Title() string { return c.title }

// Path is the file that a Change writes. It need not exist yet.
func (c Client) Path() string { return c.path }

// Found reports whether the client's folder is there, which means that the
// client has been installed or started on this machine.
func (c Client) Found() bool {
	info, err := os.Stat(filepath.Dir(c.path))
	return err == nil && info.IsDir()
}

// ClaudeDesktop finds Claude Desktop's settings. On Windows the Store package
// reads a redirected copy of its folder and takes precedence; on Linux, where
// there is no official build, the spelling that exists does.
func ClaudeDesktop(env Env) Client {
	return Client{title: "Claude Desktop", path: filepath.Join(claudeFolder(env), "claude_desktop_config.json")}
}

func claudeFolder(env Env) string {
	switch env.GOOS {
	case "darwin":
		return filepath.Join(env.Home, "Library", "Application Support", "Claude")
	case "windows":
		if dir := storePackage(env.LocalAppData, "Claude_"); dir != "" {
			return filepath.Join(dir, "LocalCache", "Roaming", "Claude")
		}
		return filepath.Join(env.AppData, "Claude")
	}
	base := env.ConfigHome
	if !filepath.IsAbs(base) { // the XDG specification says to ignore it then
		base = filepath.Join(env.Home, ".config")
	}
	usual, other := filepath.Join(base, "Claude"), filepath.Join(base, "claude")
	if !isFolder(usual) && isFolder(other) {
		return other
	}
	return usual
}

// storePackage is the data folder of the Store package whose name begins with
// prefix, or "". (No Glob: the user's folder may hold characters it reads.)
func storePackage(localAppData, prefix string) string {
	if localAppData == "" {
		return ""
	}
	packages := filepath.Join(localAppData, "Packages")
	found, err := os.ReadDir(packages)
	if err != nil {
		return ""
	}
	for _, entry := range found {
		if entry.IsDir() && strings.HasPrefix(entry.Name(), prefix) {
			return filepath.Join(packages, entry.Name())
		}
	}
	return ""
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
