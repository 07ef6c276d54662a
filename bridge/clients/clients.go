// Package clients writes, previews and takes back the entry that makes an MCP
// client on this machine start `drawbridge stdio`. What differs between clients
// is a row of a table: where the file is, its format, where the entry goes and
// what it looks like.
//
// The file belongs to the person and to the client: only the bytes of our own
// entry change, a backup stands beside it first, and a file that cannot be
// understood is left alone. The package must not know tokens, the keychain or
// the network.
package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"drawbridge/bridge/fault"
)

// Env is what decides where a client keeps its settings.
type Env struct {
	GOOS            string
	Home            string
	AppData         string // Windows: %APPDATA%
	LocalAppData    string // Windows: %LOCALAPPDATA%
	ConfigHome      string // $XDG_CONFIG_HOME
	ClaudeConfigDir string // $CLAUDE_CONFIG_DIR
	CodexHome       string // $CODEX_HOME
}

// HostEnv is the Env of this process. Home is empty when it cannot be found.
func HostEnv() Env {
	home, _ := os.UserHomeDir()
	return Env{
		GOOS:            runtime.GOOS,
		Home:            home,
		AppData:         os.Getenv("APPDATA"),
		LocalAppData:    os.Getenv("LOCALAPPDATA"),
		ConfigHome:      os.Getenv("XDG_CONFIG_HOME"),
		ClaudeConfigDir: os.Getenv("CLAUDE_CONFIG_DIR"),
		CodexHome:       os.Getenv("CODEX_HOME"),
	}
}

// Client is one MCP client with the file that it reads its servers from.
type Client struct {
	row
	path  string
	found bool
}

// All are the clients of the table, in its order, as they stand in env.
func All(env Env) []Client {
	var all []Client
	for _, r := range table() {
		all = append(all, r.in(env))
	}
	return all
}

// Named finds the client with the ID; one that the table has not is a fault.Usage.
func Named(env Env, id string) (Client, error) {
	var known []string
	for _, r := range table() {
		if r.id == id {
			return r.in(env), nil
		}
		known = append(known, r.id)
	}
	return Client{}, fault.New(fault.Usage, fmt.Sprintf("Drawbridge does not know how to set up %q.", id),
		"Known: "+strings.Join(known, ", ")+". In others, set the command `drawbridge stdio NAME`.")
}

// ID is the client's name in commands.
func (c Client) ID() string { return c.id }

// Title is the client's name as people know it.
func (c Client) Title() string { return c.title }

// Path is the file that a Change writes. It need not exist yet.
func (c Client) Path() string { return c.path }

// Member is the member of the file's root that holds the entries.
func (c Client) Member() string { return c.at }

// Format is the format of the file.
func (c Client) Format() Format { return c.format }

// After says in a sentence what makes a change count.
func (c Client) After() string { return c.after }

// Found reports whether the client has been installed or started on this
// machine, going by the folder or file that it makes for itself.
func (c Client) Found() bool { return c.found }

// At is the same client with another file of the same form, such as that of a
// project.
func (c Client) At(path string) Client {
	c.path = path
	return c
}

// Connection is an entry that starts Drawbridge.
type Connection struct {
	// Entry is its name in the client's settings.
	Entry string
	// Server is NAME or NAME@ACCOUNT; "" when the entry names an address.
	Server string
	// Command is the program that it starts.
	Command string
}

// Connections are the entries that start Drawbridge, in the order of the file.
// A file that is not there has none.
func (c Client) Connections() ([]Connection, error) {
	file, err := c.read()
	if err != nil || !file.exists {
		return nil, err
	}
	d, err := c.parse(file.text)
	if err != nil {
		return nil, err
	}
	names, err := d.names(c.at)
	if err != nil {
		return nil, c.damaged(err)
	}
	var all []Connection
	for _, name := range names {
		entry, _, err := c.entry(d, name)
		if err == nil && entry.ours() {
			all = append(all, Connection{Entry: name, Server: entry.server(), Command: entry.Command})
		}
	}
	return all, nil
}

// in chooses the file of the row: the first of its files that exists, else the
// first whose folder does, else the first.
func (r row) in(env Env) Client {
	files := r.files(env)
	c := Client{row: r}
	for _, is := range []func(string) bool{exists, func(path string) bool { return exists(filepath.Dir(path)) }} {
		for _, path := range files {
			if c.path == "" && is(path) {
				c.path = path
			}
		}
	}
	if c.path == "" && len(files) > 0 {
		c.path = files[0]
	}
	signs := []string{filepath.Dir(c.path)}
	if r.signs != nil {
		signs = r.signs(env)
	}
	for _, path := range signs {
		c.found = c.found || exists(path)
	}
	return c
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
