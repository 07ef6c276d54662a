package vault

import (
	"context"
	"errors"

	"drawbridge/bridge/config"
)

// Status is how a vault stands. It holds names, no secret.
type Status struct {
	Choice config.Vault
	// Files are the vault files in the state folder: one, or none.
	Files []string
	// Reachable: the place is there. Locked: it is, and a person has to open it.
	Reachable, Locked bool
	// Err says why the place is not reachable, or what cannot be read.
	Err error
	// Entries is how many values there are. While the vault cannot be read, it is
	// how many names were noted.
	Entries int
	Damaged []DamagedError
	// Strays are entries that belong to no value: rubbish of writers that died.
	Strays int
	// Interrupted is a move that did not come to its end, or nil.
	Interrupted *Interrupted
}

// Interrupted is a move that was interrupted.
type Interrupted struct {
	From, To config.Vault
	// Stale is where old copies are left.
	Stale config.Vault
}

// Status looks at every entry and asks nobody: a locked vault stays locked.
// known are names that the caller knows of; see MoveOptions. Its error is that of
// settings which cannot be read.
func (v *Vault) Status(ctx context.Context, known []string) (Status, error) {
	var st Status
	s, err := v.pick()
	if err != nil {
		return st, err
	}
	if v.files != nil {
		if st.Choice, err = v.files.chosen(); err != nil {
			return st, err
		}
		if st.Choice.InFile() {
			st.Files = vaultFiles(v.files.Paths.State)
		}
		if st.Interrupted, err = v.files.interrupted(st.Choice); err != nil {
			st.Err = err
		}
	}
	noted, _ := v.index.names()
	st.Entries = len(noted)
	if p, ok := s.backend.(prober); ok {
		if st.Locked, err = p.Probe(ctx); err != nil {
			st.Err = err
			return st, nil
		}
	}
	st.Reachable = true
	if !st.Locked {
		v.count(ctx, s, known, &st)
	}
	return st, nil
}

// count reads every value.
func (v *Vault) count(ctx context.Context, s *store, known []string, st *Status) {
	names, err := v.knownNames(ctx, s, known)
	if err != nil {
		st.Err = err
		return
	}
	st.Entries = 0
	parts := 0
	for _, name := range names {
		_, err := s.get(ctx, name)
		var bad *DamagedError
		switch {
		case errors.Is(err, ErrNotFound):
			continue
		case errors.As(err, &bad):
			st.Damaged = append(st.Damaged, *bad)
		case err != nil:
			st.Err = err
			return
		}
		st.Entries++
		if raw, err := s.backend.Get(ctx, name); err == nil {
			if h, err := parseHead(raw); err == nil {
				parts += h.parts
			}
		}
	}
	if l, ok := s.backend.(lister); ok {
		if listed, err := l.List(ctx); err == nil {
			for _, entry := range listed {
				if _, part := headOf(entry); part {
					st.Strays++
				}
			}
			st.Strays = max(0, st.Strays-parts)
		}
	}
}

func (f *files) interrupted(now config.Vault) (*Interrupted, error) {
	j, err := f.readJournal()
	if err != nil || j == nil {
		return nil, err
	}
	i := &Interrupted{From: j.From, To: j.To, Stale: j.To}
	if now.Same(j.To) {
		i.Stale = j.From
	}
	return i, nil
}
