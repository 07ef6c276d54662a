package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"drawbridge/bridge/adopt"
	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// importWords says what import found and did.
type importWords struct {
	*app
	found   *adopt.Found
	flags   importFlags
	paths   config.Paths
	command string
}

// plan shows what there is, on standard output.
func (w importWords) plan() {
	if len(w.found.Servers) == 0 {
		fmt.Fprintln(w.Stderr, "No client starts a server through mcp-remote, as far as Drawbridge can see.")
	}
	for i, s := range w.found.Servers {
		if i > 0 {
			fmt.Fprintln(w.Stdout)
		}
		w.server(s)
	}
	for _, file := range w.found.Unread {
		fmt.Fprintf(w.Stderr, "Not read: %s.\n", printable(file))
	}
	w.leftovers()
}

func (w importWords) server(s *adopt.Server) {
	line := func(label, text string) { fmt.Fprintf(w.Stdout, "  %-8s %s\n", label, printable(text)) }
	fmt.Fprintf(w.Stdout, "%s  %s\n", s.Server.Name, shownAddress(s.Server.URL))
	switch {
	case !s.Works() && !w.flags.all:
		line("stays", "with mcp-remote: it is not likely to work without what is missing below (--all takes it anyway)")
	case s.Exists:
		line("server", "is in the settings already")
	default:
		line("server", "will be added")
	}
	for _, e := range s.Entries {
		line("from", entryWords(e))
	}
	if len(s.Entries) == 0 {
		line("from", "mcp-remote's files; no client's entry names it")
	}
	line("sign-in", signInWords(s.SignIn))
	if s.SignIn.Next != "" {
		line("", s.SignIn.Next)
	}
	for _, o := range s.Options {
		label := string(o.Outcome)
		if o.Outcome == adopt.Needless {
			label = "not used"
		}
		line(label, o.Name+": "+o.Says)
	}
}

func signInWords(s adopt.SignIn) string {
	words := map[adopt.SignInState]string{
		adopt.TakeOver: "can be taken over.", adopt.Already: "you are signed in with Drawbridge already.",
		adopt.Open: "not needed.", adopt.Needed: "not taken over.",
	}[s.State]
	return strings.TrimSpace(words + " " + s.Says)
}

func entryWords(e adopt.Entry) string {
	words := fmt.Sprintf("%s, %q in %s", e.Client, e.Name, e.File)
	if e.Project != "" {
		words += " for " + e.Project
	}
	return words
}

// shownAddress leaves the query out, which may hold a key.
func shownAddress(address string) string {
	address, query, _ := strings.Cut(address, "?")
	if query != "" {
		address += "?…"
	}
	return printable(address)
}

func (w importWords) leftovers() {
	if len(w.found.Leftovers) == 0 {
		return
	}
	fmt.Fprintf(w.Stderr, "%s in mcp-remote's files of which nothing says what server they are for:\n",
		count(len(w.found.Leftovers), "more sign-in", "more sign-ins"))
	for _, c := range w.found.Leftovers {
		fmt.Fprintf(w.Stderr, "  %s  (%s)\n", printable(c.Dir), c.Key)
	}
}

// diffs shows, for --dry-run, what would change in clients' files.
func (w importWords) diffs() error {
	for _, s := range w.found.Selected(w.flags.all) {
		for _, e := range s.Replaceable() {
			change, err := s.Replacement(e, w.paths, w.command)
			if err != nil {
				return err
			}
			fmt.Fprint(w.Stdout, "\n", change.Diff())
		}
	}
	fmt.Fprintln(w.Stderr, "Nothing has been changed.")
	return nil
}

// done says what happened and what is left to the person.
func (w importWords) done(all []adopt.Done) {
	restart, shared := map[string]bool{}, false
	var byHand []string
	for _, d := range all {
		name := d.Server.Server.Name
		if d.Added {
			fmt.Fprintf(w.Stderr, "Added %s.\n", name)
		}
		if d.TakenOver {
			fmt.Fprintf(w.Stderr, "Took over the sign-in to %s.\n", name)
			shared = shared || len(d.Deleted) == 0
		}
		if len(d.Deleted) > 0 {
			fmt.Fprintf(w.Stderr, "Deleted %s of mcp-remote's.\n", count(len(d.Deleted), "plain file", "plain files"))
		}
		for _, r := range d.Replaced {
			fmt.Fprintf(w.Stderr, "Changed %s; the file as it was: %s\n", printable(r.Entry.File), printable(r.Backup))
		}
		if d.Err != nil {
			w.warn(d.Err)
		}
		for _, e := range d.Server.Entries {
			restart[e.Client] = true
			if !slices.ContainsFunc(d.Replaced, func(r adopt.Replaced) bool { return r.Entry.File == e.File && r.Entry.Name == e.Name }) {
				byHand = append(byHand, fmt.Sprintf("  %s: command %q, arguments \"stdio\" %q", entryWords(e), w.command, name))
			}
		}
	}
	if len(byHand) > 0 {
		fmt.Fprintln(w.Stderr, "These entries still start mcp-remote. Change them yourself to:")
		for _, line := range byHand {
			fmt.Fprintln(w.Stderr, printable(line))
		}
	}
	if shared {
		fmt.Fprintln(w.Stderr, "mcp-remote has the same sign-ins still, as plain files. Do not use both: whoever renews second ends them for both.")
		fmt.Fprintln(w.Stderr, "  Delete the files under: "+printable(strings.Join(w.found.Stores, ", ")))
	}
	if len(restart) > 0 {
		fmt.Fprintf(w.Stderr, "Restart %s to let it take effect.\n", strings.Join(slices.Sorted(maps.Keys(restart)), ", "))
	}
}

// importOut is the JSON of import.
type importOut struct {
	Stores    []string         `json:"stores"`
	Servers   []importedServer `json:"servers"`
	Leftovers []leftoverOut    `json:"leftovers"`
	Unread    []string         `json:"unread"`
}

type importedServer struct {
	Name        string         `json:"name"`
	URL         string         `json:"url"`
	Exists      bool           `json:"exists"`
	LikelyWorks bool           `json:"likelyWorks"`
	Selected    bool           `json:"selected"`
	Entries     []adopt.Entry  `json:"entries"`
	Options     []adopt.Option `json:"options"`
	SignIn      adopt.SignIn   `json:"signIn"`
	Done        *importedDone  `json:"done,omitempty"`
}

type importedDone struct {
	Added     bool             `json:"added"`
	TakenOver bool             `json:"takenOver"`
	Deleted   []string         `json:"deleted"`
	Replaced  []adopt.Replaced `json:"replaced"`
	Problem   *problemOut      `json:"problem,omitempty"`
}

type leftoverOut struct {
	Key   string   `json:"key"`
	Files []string `json:"files"`
}

// json is what was found, and, when it was done, what was done.
func (w importWords) json(done []adopt.Done) importOut {
	out := importOut{Stores: some(w.found.Stores), Unread: some(w.found.Unread), Servers: []importedServer{}, Leftovers: []leftoverOut{}}
	selected := w.found.Selected(w.flags.all)
	for _, s := range w.found.Servers {
		one := importedServer{
			Name: s.Server.Name, URL: shownAddress(s.Server.URL), Exists: s.Exists, LikelyWorks: s.Works(), Selected: slices.Contains(selected, s),
			Entries: some(s.Entries), Options: some(s.Options), SignIn: s.SignIn,
		}
		for _, d := range done {
			if d.Server != s {
				continue
			}
			one.Done = &importedDone{Added: d.Added, TakenOver: d.TakenOver, Deleted: some(d.Deleted), Replaced: some(d.Replaced)}
			if p := fault.Public(d.Err); p != nil {
				one.Done.Problem = &problemOut{Code: p.Code, What: p.What, Next: p.Next}
			}
		}
		out.Servers = append(out.Servers, one)
	}
	for _, c := range w.found.Leftovers {
		out.Leftovers = append(out.Leftovers, leftoverOut{Key: c.Key, Files: c.Files})
	}
	return out
}

// some is the list, never null in JSON.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
