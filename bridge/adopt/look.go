package adopt

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"drawbridge/bridge/config"
)

// Look reads clients' settings and mcp-remote's stores. It changes nothing and
// asks nobody.
func Look(w Where, settings *config.Settings) *Found {
	f := &Found{}
	entries, unread := w.entries()
	f.Unread = unread
	for _, e := range entries {
		f.add(w, e)
	}
	stored := f.readStores(w, entries)
	f.match(stored)
	f.guess(w, settings)
	f.name(settings)
	return f
}

// add puts an entry to the server that it describes.
func (f *Found) add(w Where, e Entry) {
	line := parseLine(e.args)
	if line.url == "" {
		f.Unread = append(f.Unread, fmt.Sprintf("%s: the entry %q of %s names no address", e.File, e.Name, e.Client))
		return
	}
	if err := config.CheckURL(line.url, line.allowHTTP); err != nil {
		f.Unread = append(f.Unread, fmt.Sprintf("%s: the entry %q of %s has an address that cannot be used", e.File, e.Name, e.Client))
		return
	}
	t := &translation{line: line, env: e.env, getenv: e.getenv(w), own: w.OwnHeaders}
	t.run()
	for _, s := range f.Servers {
		if s.line.key() != line.key() || s.Server.ClientID != t.server.ClientID {
			continue
		}
		s.Entries = append(s.Entries, e)
		for _, o := range t.options { // another entry may have others, and they count too
			if !slices.Contains(s.Options, o) {
				s.Options = append(s.Options, o)
			}
		}
		return
	}
	f.Servers = append(f.Servers, &Server{Server: t.server, Entries: []Entry{e}, Options: t.options, env: w.Env, line: line, clientSecret: t.secret})
}

// readStores reads the usual store and those that the environment of this
// process or of an entry names.
func (f *Found) readStores(w Where, entries []Entry) []*Stored {
	const variable = "MCP_REMOTE_CONFIG_DIR"
	stores := []string{filepath.Join(w.Env.Home, ".mcp-auth")}
	if dir, _ := w.Getenv(variable); dir != "" {
		stores = append(stores, dir)
	}
	for _, e := range entries {
		if dir := e.env[variable]; dir != "" {
			stores = append(stores, dir)
		}
	}
	var all []*Stored
	for i, store := range stores {
		info, err := os.Stat(store)
		if !filepath.IsAbs(store) || slices.Contains(stores[:i], store) || err != nil || !info.IsDir() {
			continue
		}
		f.Stores = append(f.Stores, store)
		found, err := readStore(store)
		if err != nil {
			f.Unread = append(f.Unread, err.Error())
		}
		all = append(all, found...)
	}
	return all
}

// match gives each server its sign-in: of several, as releases left them in
// folders of their own, the one written last.
func (f *Found) match(stored []*Stored) {
	taken := map[*Stored]bool{}
	for _, s := range f.Servers {
		for _, c := range stored {
			if c.Key != s.line.key() && !(c.old() && c.Key == s.line.oldKey()) || taken[c] {
				continue
			}
			taken[c] = true // by one only: a refresh token in two hands is soon in none
			switch {
			case s.Stored == nil:
				s.Stored = c
			case c.Written.After(s.Stored.Written):
				s.outdated, s.Stored = append(s.outdated, s.Stored), c
			default:
				s.outdated = append(s.outdated, c)
			}
		}
	}
	for _, c := range stored {
		if !taken[c] {
			f.Leftovers = append(f.Leftovers, c)
		}
	}
}

// guess finds the address of sign-ins that belong to no entry: the key is the
// address' digest, and what the tokens are for or a server in the settings may
// be it.
func (f *Found) guess(w Where, settings *config.Settings) {
	f.Leftovers = slices.DeleteFunc(f.Leftovers, func(c *Stored) bool {
		candidates := c.audience()
		for _, server := range settings.Servers {
			candidates = append(candidates, server.URL)
		}
		for _, candidate := range candidates {
			for _, address := range []string{candidate, strings.TrimSuffix(candidate, "/"), candidate + "/"} {
				if keyOf(address) != c.Key || config.CheckURL(address, false) != nil || f.has(address) {
					continue
				}
				line := parseLine([]string{address})
				t := &translation{line: line, getenv: w.Getenv}
				t.run()
				f.Servers = append(f.Servers, &Server{Server: t.server, Options: t.options, Stored: c, env: w.Env, line: line})
				return true
			}
		}
		return false
	})
}

func (f *Found) has(address string) bool {
	return slices.ContainsFunc(f.Servers, func(s *Server) bool { return s.line.key() == keyOf(address) })
}

// name finds the servers that the settings have already and names for the rest.
func (f *Found) name(settings *config.Settings) {
	used := map[string]bool{}
	for _, server := range settings.Servers {
		used[strings.ToLower(server.Name)] = true
	}
	for _, s := range f.Servers {
		if there, ok := sameServer(settings, s.Server); ok && !f.claimed(there.Name) {
			s.Server, s.Exists = there, true
			continue
		}
		want := hostName(s.Server.URL)
		if len(s.Entries) > 0 {
			want = cleanName(s.Entries[0].Name)
		}
		if want == "" {
			want = "server"
		}
		name := want
		for i := 2; used[strings.ToLower(name)]; i++ {
			name = fmt.Sprintf("%s-%d", want, i)
		}
		used[strings.ToLower(name)] = true
		s.Server.Name = name
	}
}

func (f *Found) claimed(name string) bool {
	return slices.ContainsFunc(f.Servers, func(s *Server) bool { return s.Exists && s.Server.Name == name })
}

// sameServer is the server of the settings that leads to the same place.
func sameServer(settings *config.Settings, s config.Server) (config.Server, bool) {
	for _, there := range settings.Servers {
		if there.URL == s.URL && there.ClientID == s.ClientID && maps.Equal(there.Headers, s.Headers) && slices.Equal(there.IgnoreTools, s.IgnoreTools) {
			return there, true
		}
	}
	return config.Server{}, false
}

// cleanName makes a name that config.CheckName takes, or "".
func cleanName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if config.CheckName("a"+string(r)) == nil {
			return r
		}
		return '-'
	}, strings.TrimSpace(name))
	for strings.Contains(clean, "--") {
		clean = strings.ReplaceAll(clean, "--", "-")
	}
	if len(clean) > 60 { // room for a number
		clean = clean[:60]
	}
	return strings.Trim(clean, "._-")
}

// hostName is what tells the host of an address from others: "linear" of
// mcp.linear.app.
func hostName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	if config.IsLoopback(host) {
		return cleanName("local-" + u.Port())
	}
	parts := strings.Split(host, ".")
	if len(parts) > 1 && !isNumber(parts[len(parts)-1]) {
		parts = parts[:len(parts)-1]
	}
	for len(parts) > 1 && slices.Contains([]string{"mcp", "api", "www", "remote"}, parts[0]) {
		parts = parts[1:]
	}
	if isNumber(parts[0]) {
		return cleanName(host)
	}
	return cleanName(parts[0])
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
