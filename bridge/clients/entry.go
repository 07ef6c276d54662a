package clients

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// Entry is one server in a client's settings.
type Entry struct {
	// Name is what the client calls the server.
	Name string
	// Command is the absolute path of the lean binary: clients start it with
	// their own PATH.
	Command string
	Args    []string
	Env     map[string]string
	// Replace permits to take the place of an entry of this name that does not
	// start Drawbridge.
	Replace bool
}

// The variables that config.Locate reads.
const (
	configVariable = "DRAWBRIDGE_CONFIG_DIR"
	stateVariable  = "DRAWBRIDGE_STATE_DIR"
)

// EntryName is what a client calls NAME or NAME@ACCOUNT: clients take letters,
// digits, '.', '_' and '-', and make names of tools of it.
func EntryName(name string) string { return strings.NewReplacer("@", "-", "+", "-").Replace(name) }

// NewEntry makes the entry that starts `command stdio name`; name is NAME or
// NAME@ACCOUNT. Clients start it
// with hardly any environment, so folders that it would not find by HOME (on
// Windows APPDATA and LOCALAPPDATA) alone are written into the entry: as
// arguments, or, when a path holds a space, as environment variables, because
// some clients split arguments at spaces.
func NewEntry(env Env, name, command string, p config.Paths) (Entry, error) {
	server, _, err := config.SplitName(name)
	if err = errors.Join(config.CheckName(server), err); err != nil {
		return Entry{}, err
	}
	if !filepath.IsAbs(command) {
		return Entry{}, fault.New(fault.Usage, fmt.Sprintf("%q is not an absolute path.", command),
			"Start drawbridge by its full path and try again.")
	}
	e := Entry{Name: EntryName(name), Command: command}
	usual := usualPaths(env)
	folder := func(flag, variable, is, usual string) {
		switch {
		case is == usual:
		case strings.ContainsAny(is, " \t"):
			if e.Env == nil {
				e.Env = map[string]string{}
			}
			e.Env[variable] = is
		default:
			e.Args = append(e.Args, flag, is)
		}
	}
	folder("--config-dir", configVariable, p.Config, usual.Config)
	folder("--state-dir", stateVariable, p.State, usual.State)
	e.Args = append(e.Args, "stdio", name)
	return e, nil
}

// usualPaths are the folders that config.Locate finds in the environment that
// clients give: no XDG_*, no DRAWBRIDGE_*.
func usualPaths(env Env) config.Paths {
	switch env.GOOS {
	case "darwin":
		dir := filepath.Join(env.Home, "Library", "Application Support", "drawbridge")
		return config.Paths{Config: dir, State: dir}
	case "windows":
		return config.Paths{
			Config: filepath.Join(env.AppData, "drawbridge"),
			State:  filepath.Join(env.LocalAppData, "drawbridge"),
		}
	}
	return config.Paths{
		Config: filepath.Join(env.Home, ".config", "drawbridge"),
		State:  filepath.Join(env.Home, ".local", "state", "drawbridge"),
	}
}

// ours reports whether the entry starts `drawbridge … stdio …`.
func (e Entry) ours() bool {
	base := path.Base(strings.ReplaceAll(e.Command, `\`, "/"))
	return strings.TrimSuffix(strings.ToLower(base), ".exe") == "drawbridge" && slices.Contains(e.Args, "stdio")
}

// server is NAME or NAME@ACCOUNT that an entry of ours starts; "" when it names
// an address.
func (e Entry) server() string {
	i := slices.Index(e.Args, "stdio")
	if i < 0 || i+1 >= len(e.Args) || strings.HasPrefix(e.Args[i+1], "-") {
		return ""
	}
	return e.Args[i+1]
}
