package adopt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/tailscale/hujson"

	"drawbridge/bridge/clients"
)

// Entry is one entry of a client's settings that starts mcp-remote.
type Entry struct {
	// Client is the client's name as people know it.
	Client string `json:"client"`
	// File is its settings file.
	File string `json:"file"`
	// Name is what the client calls the server.
	Name string `json:"name"`
	// Project is the folder that the entry is for; "" for all.
	Project string `json:"project,omitempty"`
	// Replaceable: Drawbridge knows how to write this file.
	Replaceable bool `json:"replaceable"`

	id        string   // the client's in the table of bridge/clients
	args      []string // what mcp-remote gets
	env       map[string]string
	expansion expansion
}

// place is a file in which clients keep their servers.
type place struct {
	id        string // in the table of bridge/clients
	client    string
	file      string
	member    string // that holds the servers
	expansion expansion
	projects  bool // Claude Code: also under projects.FOLDER
}

func (w Where) places() []place {
	var places, projects []place
	for _, each := range []struct {
		id        string
		expansion expansion
		project   string // the file of a project's folder
	}{
		{"claude-desktop", noExpansion, ""},
		{"claude-code", claudeCodeExpansion, ".mcp.json"},
		{"cursor", editorExpansion, ".cursor/mcp.json"},
		{"windsurf", editorExpansion, ""},
		{"vscode", editorExpansion, ".vscode/mcp.json"},
		{"vscode-insiders", editorExpansion, ""},
	} {
		client, err := clients.Named(w.Env, each.id)
		if err != nil {
			continue // the table has each
		}
		p := place{id: each.id, client: client.Title(), file: client.Path(), member: client.Member(), expansion: each.expansion}
		if each.project != "" && w.Folder != "" {
			project := p
			project.file = filepath.Join(w.Folder, filepath.FromSlash(each.project))
			projects = append(projects, project)
		}
		p.projects = each.id == "claude-code"
		places = append(places, p)
	}
	return append(places, projects...)
}

// entries reads all places. Files that are not there are passed over; unread
// are those that cannot be understood, with the reason.
func (w Where) entries() (all []Entry, unread []string) {
	seen := map[string]bool{}
	for _, p := range w.places() {
		if !filepath.IsAbs(p.file) || seen[p.file] { // the home folder as the current one
			continue
		}
		seen[p.file] = true
		found, err := w.entriesIn(p)
		if err != nil {
			unread = append(unread, fmt.Sprintf("%s: %v", p.file, err))
		}
		all = append(all, found...)
	}
	return all, unread
}

type object = map[string]json.RawMessage

func (w Where) entriesIn(p place) ([]Entry, error) {
	raw, err := readBounded(p.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.New("it cannot be read")
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	if raw, err = hujson.Standardize(raw); err != nil {
		return nil, errors.New("it is not JSON")
	}
	var root object
	if json.Unmarshal(raw, &root) != nil {
		return nil, errors.New("it is not a JSON object")
	}
	all := w.entriesOf(p, root[p.member], "")
	if !p.projects {
		return all, nil
	}
	var projects object
	if json.Unmarshal(root["projects"], &projects) == nil {
		for _, folder := range slices.Sorted(maps.Keys(projects)) {
			var project object
			if json.Unmarshal(projects[folder], &project) == nil {
				all = append(all, w.entriesOf(p, project[p.member], folder)...)
			}
		}
	}
	return all, nil
}

// entriesOf reads the servers of one object, in the order of their names. What
// is not an entry of the usual form is no business of ours.
func (w Where) entriesOf(p place, servers json.RawMessage, project string) []Entry {
	var members object
	if json.Unmarshal(servers, &members) != nil {
		return nil
	}
	var all []Entry
	for _, name := range slices.Sorted(maps.Keys(members)) {
		var entry struct {
			Command string
			Args    []string
			Env     map[string]any
		}
		if json.Unmarshal(members[name], &entry) != nil {
			continue
		}
		getenv, folder := w.Getenv, project
		if folder == "" {
			folder = w.Folder
		}
		fill := func(s string) string { return expandEntry(s, p.expansion, w.Env.Home, folder, getenv) }
		args := make([]string, len(entry.Args))
		for i, arg := range entry.Args {
			args[i] = fill(arg)
		}
		rest, before, ok := mcpRemote(fill(entry.Command), args)
		if !ok {
			continue
		}
		env := map[string]string{}
		for name, value := range entry.Env { // some write numbers
			env[name] = fill(fmt.Sprint(value))
		}
		maps.Copy(env, before)
		all = append(all, Entry{
			Client: p.client, File: p.file, Name: name, Project: project, Replaceable: p.id == "claude-desktop", id: p.id,
			args: rest, env: env, expansion: p.expansion,
		})
	}
	return all
}

// getenv is the environment that the client gives mcp-remote: the entry's
// variables before its own, which are taken to be ours.
func (e Entry) getenv(w Where) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if value, ok := e.env[name]; ok {
			return value, true
		}
		return w.Getenv(name)
	}
}
