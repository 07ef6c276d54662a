package adopt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"drawbridge/bridge/clients"
	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// Task says what of it to do.
type Task struct {
	Paths   config.Paths
	Manager *credential.Manager
	// Command is the absolute path of the lean binary, for entries.
	Command string
	// Delete removes the files of each sign-in that has been taken over.
	Delete bool
	// Replace puts Drawbridge in the place of the entries that can be replaced.
	Replace bool
	// All takes servers too that are not likely to work. Otherwise they, their
	// sign-ins and their entries stay mcp-remote's.
	All bool
}

// Done is what became of one server.
type Done struct {
	Server *Server
	// Added: it is new in the settings.
	Added bool
	// TakenOver: its sign-in is in the keychain.
	TakenOver bool
	// Deleted are the files that are gone.
	Deleted []string
	// Replaced are the entries that start Drawbridge now.
	Replaced []Replaced
	// Err is what went wrong with this server; what is listed above has happened
	// all the same.
	Err error
}

// Replaced is an entry that has been replaced.
type Replaced struct {
	Entry  Entry  `json:"entry"`
	Backup string `json:"backup"` // the file as it was
}

// Apply takes over the servers, one after the other. A failure at one does not
// keep it from the others; without a keychain nothing is begun. No token is
// renewed.
func (f *Found) Apply(ctx context.Context, task Task) ([]Done, error) {
	servers := f.Selected(task.All)
	for _, s := range servers {
		if s.SignIn.State == TakeOver || !s.clientSecret.IsZero() {
			if err := task.Manager.VaultReady(ctx); err != nil {
				return nil, err
			}
			break
		}
	}
	var all []Done
	for _, s := range servers {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		done := Done{Server: s}
		done.Err = f.apply(ctx, task, s, &done)
		all = append(all, done)
	}
	return all, nil
}

func (f *Found) apply(ctx context.Context, task Task, s *Server, done *Done) error {
	if !s.Exists {
		if err := config.Update(ctx, task.Paths, func(all *config.Settings) error { return all.Add(s.Server) }); err != nil {
			return err
		}
		done.Added = true
	}
	account := task.Manager.Account(s.Server, "")
	if !s.clientSecret.IsZero() && s.Server.ClientID != "" {
		if err := account.SetClientSecret(ctx, s.clientSecret); err != nil {
			return err
		}
	}
	if s.SignIn.State == TakeOver {
		if err := f.takeOver(ctx, task, s, account, done); err != nil {
			return err
		}
	}
	if !task.Replace {
		return nil
	}
	for _, e := range s.Replaceable() {
		_, backup, err := clients.Make(ctx, task.Paths, func() (clients.Change, error) {
			return s.Replacement(e, task.Paths, task.Command)
		})
		if err != nil {
			return err
		}
		done.Replaced = append(done.Replaced, Replaced{e, backup})
	}
	return nil
}

// takeOver moves a sign-in while mcp-remote is held off: read, keep, delete.
func (f *Found) takeOver(ctx context.Context, task Task, s *Server, account *credential.Account, done *Done) error {
	release, err := s.Stored.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	in, err := s.adopted() // again: it may have been renewed since
	if err != nil || in == nil {
		return fault.Wrap(cmp.Or(err, errGone), fault.Storage, fmt.Sprintf("The sign-in to %s has gone from mcp-remote's files.", s.Server.Name), "Sign in: drawbridge login "+s.Server.Name)
	}
	if err := account.Adopt(ctx, *in); err != nil {
		s.SignIn = s.outcome(err, in)
		if s.SignIn.State == Needed {
			return err
		}
		return nil
	}
	done.TakenOver = true
	if !task.Delete {
		return nil
	}
	for _, c := range append(slices.Clone(s.outdated), s.Stored) {
		files := c.filesNow()
		if err := c.remove(f.storeOf(c)); err != nil {
			return fault.Wrap(err, fault.Storage, fmt.Sprintf("Files of mcp-remote's sign-in to %s cannot be deleted.", s.Server.Name), "Delete them yourself: they are in "+c.Dir+".")
		}
		done.Deleted = append(done.Deleted, slices.DeleteFunc(files, func(file string) bool {
			return strings.HasSuffix(file, leaseFile) // ours
		})...)
	}
	return nil
}

var errGone = errors.New("no tokens any more")

func (f *Found) storeOf(c *Stored) string {
	if slices.Contains(f.Stores, c.Dir) {
		return c.Dir
	}
	return filepath.Dir(c.Dir)
}

// Replacement works out how Drawbridge takes the place of a replaceable entry.
// The file's other entries and its style stay; see clients.Change.
func (s *Server) Replacement(e Entry, p config.Paths, command string) (clients.Change, error) {
	entry, err := clients.NewEntry(s.env, s.Server.Name, command, p)
	if err != nil {
		return clients.Change{}, err
	}
	for name, value := range s.proxyEnv(e) {
		if entry.Env == nil {
			entry.Env = map[string]string{}
		}
		entry.Env[name] = value
	}
	entry.Name, entry.Replace = e.Name, true
	client, err := clients.Named(s.env, e.id)
	if err != nil {
		return clients.Change{}, err
	}
	return client.At(e.File).Plan(entry)
}

// Selected are the servers that Apply takes over.
func (f *Found) Selected(all bool) []*Server {
	return slices.DeleteFunc(slices.Clone(f.Servers), func(s *Server) bool { return !all && !s.Works() })
}

// Replaceable are the entries that Drawbridge can take the place of: none of a
// server that did not answer, since mcp-remote may know a way that we do not.
func (s *Server) Replaceable() []Entry {
	if s.SignIn.away {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Entries), func(e Entry) bool { return !e.Replaceable })
}
