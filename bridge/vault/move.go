package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// MoveOptions are what a move needs to know.
type MoveOptions struct {
	// Known are names of entries that the caller knows of; those that were noted
	// and those that the store can list are found anyway.
	Known []string
	// LeaveDamaged leaves damaged entries behind instead of stopping.
	LeaveDamaged bool
}

// Moved says what a move did.
type Moved struct {
	From, To config.Vault
	// Entries is how many were moved.
	Entries int
	// Left are damaged entries that were left behind.
	Left []DamagedError
	// Already: the settings named this vault before; nothing was copied.
	Already bool
	// Cleaned is how many entries of an earlier move that was interrupted were
	// deleted from the place where they no longer belong.
	Cleaned int
}

// moveLimit bounds a move, once it has begun.
const moveLimit = 10 * time.Minute

// journal is written before a move touches anything and removed when it is
// over, so that one which was interrupted can be cleaned up. It holds no secret.
type journal struct {
	From  config.Vault `json:"from"`
	To    config.Vault `json:"to"`
	Names []string     `json:"names"`
	// Switched: the settings name To; From's entries are being deleted.
	Switched bool `json:"switched"`
}

func (f *files) journalFile() string { return filepath.Join(f.Paths.State, "vault-move.json") }

// readJournal returns nil when no move was interrupted.
func (f *files) readJournal() (*journal, error) {
	raw, err := os.ReadFile(f.journalFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	j := &journal{}
	if err == nil {
		err = json.Unmarshal(raw, j)
	}
	if err != nil {
		return nil, fault.Wrap(fmt.Errorf("journal of a move: %w", err), fault.Storage,
			fmt.Sprintf("%s, left by an earlier move of the vault, cannot be read.", f.journalFile()), "Delete that file: at worst, old copies of secrets stay where they are.")
	}
	return j, nil
}

func (f *files) writeJournal(j *journal) error {
	raw, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return fmt.Errorf("journal of a move: %w", err)
	}
	if err := config.MakePrivate(f.Paths.State); err != nil {
		return err
	}
	return config.WriteFile(f.journalFile(), append(raw, '\n'))
}

// errNotFollowing: only the vault of the settings can be moved.
var errNotFollowing = errors.New("vault does not follow the settings")

// Move copies all entries to another place, reads each back, makes the settings
// name the new place, and then deletes the entries in the old one. Until the
// settings are switched the old place is whole, and from then on the new one is:
// whenever it is interrupted, nothing is lost; the next move cleans up. Writers in
// other processes wait meanwhile and go on in the new place.
//
// When it returns an error, Moved says how far it came: with Entries set, the
// settings name the new place and only old entries could not be deleted.
func (v *Vault) Move(ctx context.Context, to config.Vault, o MoveOptions) (Moved, error) {
	f := v.files
	if f == nil || f.Choice != nil {
		return Moved{}, errNotFollowing
	}
	if err := to.Check(); err != nil {
		return Moved{}, err
	}
	source, target, err := v.moveEnds(ctx, to)
	if err != nil {
		return Moved{}, err
	}
	release, err := v.locks.move(ctx)
	if err != nil {
		return Moved{}, err
	}
	defer release()
	from, err := f.chosen()
	if err != nil {
		return Moved{}, err
	}
	if f.store(from) != source {
		return Moved{}, fault.New(fault.Storage, "Somebody else has just moved the vault.", "See: drawbridge vault status")
	}
	ctx, cancel := context.WithTimeout(ctx, moveLimit)
	defer cancel()
	m := mover{v: v, f: f, from: from, to: to, source: source, target: target, options: o}
	cleaned, err := m.cleanUp(ctx)
	done := Moved{From: from, To: to, Cleaned: cleaned, Already: from.Same(to)}
	if err != nil || done.Already {
		return done, err
	}
	return m.run(ctx, done)
}

// moveEnds makes both places ready before the lock is taken: this may wait for
// a person.
func (v *Vault) moveEnds(ctx context.Context, to config.Vault) (source, target *store, err error) {
	if source, err = v.pick(); err != nil {
		return nil, nil, err
	}
	if err := source.ready(ctx); err != nil && !v.emptyAndGone(err) {
		return nil, nil, err
	}
	target = v.files.store(to)
	if target != source {
		if err := config.MakePrivate(v.files.Paths.State); err != nil {
			return nil, nil, err
		}
		mayBeGone(target)
	}
	return source, target, target.ready(ctx)
}

// emptyAndGone reports whether err says that there is no keychain and none of our
// entries was ever noted: nothing is left behind then by choosing another place.
func (v *Vault) emptyAndGone(err error) bool {
	if !fault.Is(err, fault.NoKeychain) {
		return false
	}
	choice, err := v.files.chosen()
	if err != nil || choice.InFile() {
		return false
	}
	noted, err := v.index.names()
	return err == nil && len(noted) == 0
}

// mayBeGone lets a vault file be absent although there is one of another key:
// between two files, a move begins the one and removes the other. It holds for
// this process, until it ends.
func mayBeGone(s *store) {
	if file, ok := s.backend.(*fileBackend); ok {
		file.begin, file.key.make = true, true
	}
}

// mover is one move, with the mover's lock held.
type mover struct {
	v              *Vault
	f              *files
	from, to       config.Vault
	source, target *store
	options        MoveOptions
}

func (m *mover) at(step string) {
	if hook := m.v.moveStep; hook != nil {
		hook(step)
	}
}

func (m *mover) run(ctx context.Context, done Moved) (Moved, error) {
	names, err := m.names(ctx)
	if m.v.emptyAndGone(err) {
		names, err = nil, nil
	}
	if err != nil {
		return done, err
	}
	j := &journal{From: m.from, To: m.to, Names: names}
	if err := m.f.writeJournal(j); err != nil {
		return done, err
	}
	m.at("journal")
	copied, left, err := m.copyAll(ctx, names)
	if err == nil {
		m.at("copied")
		err = config.Update(ctx, m.f.Paths, func(s *config.Settings) error {
			if !s.Vault.Same(m.from) {
				return fault.New(fault.Storage, "Somebody has changed the vault in the settings meanwhile.", "See: drawbridge vault status")
			}
			s.Vault = m.to
			if !m.to.InFile() {
				s.Vault = config.Vault{}
			}
			return nil
		})
	}
	if err != nil {
		return done, errors.Join(err, m.undo(ctx, copied))
	}
	m.at("switched")
	done.Entries, done.Left = len(copied), left
	return done, m.finish(ctx, j, left)
}

// names are all values of the source, parts not counted.
func (m *mover) names(ctx context.Context) ([]string, error) {
	names, err := m.v.knownNames(ctx, m.source, m.options.Known)
	if err != nil {
		return nil, fmt.Errorf("find the entries of %s: %w", m.source.place, err)
	}
	return names, nil
}

// knownNames joins what the caller, the index and the store know.
func (v *Vault) knownNames(ctx context.Context, s *store, known []string) ([]string, error) {
	noted, err := v.index.names()
	if err != nil {
		return nil, err
	}
	all := slices.Concat(known, noted)
	if l, ok := s.backend.(lister); ok {
		listed, err := l.List(ctx)
		if err != nil {
			return nil, err
		}
		for _, entry := range listed {
			if name, part := headOf(entry); !part {
				all = append(all, name)
			}
		}
	}
	all = slices.DeleteFunc(all, func(name string) bool { return checkName(name) != nil })
	slices.Sort(all)
	return slices.Compact(all), nil
}

// copyAll copies the values that are there and reads each back.
func (m *mover) copyAll(ctx context.Context, names []string) (copied []string, left []DamagedError, err error) {
	for _, name := range names {
		value, err := m.source.get(ctx, name)
		var bad *DamagedError
		switch {
		case errors.Is(err, ErrNotFound):
			continue
		case errors.As(err, &bad) && m.options.LeaveDamaged:
			left = append(left, *bad)
			continue
		case errors.As(err, &bad):
			return copied, left, fault.Wrap(err, fault.Storage, fault.Public(err).What+" Nothing has been moved.",
				"Sign in to that server again, or leave such entries behind: drawbridge vault move --leave-damaged")
		case err != nil:
			return copied, left, fmt.Errorf("read %s from %s: %w", name, m.source.place, err)
		}
		copied = append(copied, name)
		m.v.index.add(name)
		if err := m.target.set(ctx, name, value); err != nil {
			return copied, left, fmt.Errorf("write %s to %s: %w", name, m.target.place, err)
		}
		back, err := m.target.get(ctx, name)
		if err == nil && !back.Equal(value) {
			err = notKept(name, m.target.place)
		}
		if err != nil {
			return copied, left, fmt.Errorf("read %s back from %s: %w", name, m.target.place, err)
		}
		m.at("copied " + name)
	}
	return copied, left, nil
}

// undo takes the copies out of the target again; the source is as it was.
func (m *mover) undo(ctx context.Context, copied []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), setLimit)
	defer cancel()
	if err := m.deleteAll(ctx, m.target, copied); err != nil {
		return fmt.Errorf("take copies back out of %s: %w", m.target.place, err) // the journal stays
	}
	return removeJournal(m.f.journalFile())
}

// finish deletes the values from the source.
func (m *mover) finish(ctx context.Context, j *journal, left []DamagedError) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), moveLimit)
	defer cancel()
	for _, d := range left {
		j.Names = slices.DeleteFunc(j.Names, func(name string) bool { return name == d.Name })
	}
	mayBeGone(m.source)
	j.Switched = true
	err := m.f.writeJournal(j)
	m.at("deleting")
	err = errors.Join(err, m.deleteAll(ctx, m.source, j.Names))
	if err != nil {
		return fault.Wrap(err, fault.CodeOf(err), fmt.Sprintf("Everything is in %s now, but not all old entries could be deleted from %s.", m.target.place, m.source.place),
			"Run the same move again to delete them.")
	}
	return removeJournal(m.f.journalFile())
}

func (m *mover) deleteAll(ctx context.Context, s *store, names []string) error {
	for _, name := range names {
		if err := s.delete(ctx, name); err != nil {
			return fmt.Errorf("delete %s from %s: %w", name, s.place, err)
		}
		s.dropStrays(ctx, name)
		m.at("deleted " + name)
	}
	return nil
}

func removeJournal(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.Storage, path+" cannot be removed.", "Check that the folder is yours.")
	}
	return nil
}

// cleanUp ends an earlier move that was interrupted: what is in the place that
// the settings do not name is deleted there.
func (m *mover) cleanUp(ctx context.Context) (int, error) {
	j, err := m.f.readJournal()
	if err != nil || j == nil {
		return 0, err
	}
	var stale *store
	switch {
	case m.from.Same(j.To):
		stale = m.f.store(j.From)
	case m.from.Same(j.From) && !j.Switched:
		stale = m.f.store(j.To)
	default: // the settings were changed by hand since: nobody knows what is stale
		return 0, removeJournal(m.f.journalFile())
	}
	mayBeGone(stale)
	if err := m.deleteAll(ctx, stale, j.Names); err != nil {
		return 0, fmt.Errorf("clean up after the last move: %w", err)
	}
	return len(j.Names), removeJournal(m.f.journalFile())
}
