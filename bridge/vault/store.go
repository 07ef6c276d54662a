package vault

import (
	"context"
	"errors"
	"strings"
	"time"

	"drawbridge/bridge/secret"
)

const (
	// tornRetries and tornPause bound the wait for a writer to commit.
	tornRetries = 10
	tornPause   = 20 * time.Millisecond
	// movingRetries bounds the same when each look shows another generation.
	movingRetries = 200
	// goneRow is how many parts in a row may be missing before the rest is
	// taken to be missing too.
	goneRow = 8
	// cleanLimit bounds taking back what a failed write left.
	cleanLimit = 15 * time.Second
)

// store is one place for values of any size. Writers take turns by the Vault's
// lock; readers need none.
type store struct {
	backend Backend
	limit   int
	place   string // in words, for messages
}

func newStore(b Backend, limit int, place string) *store {
	return &store{backend: b, limit: max(limit, minLimit), place: place}
}

func (s *store) ready(ctx context.Context) error {
	if r, ok := s.backend.(readier); ok {
		return r.Ready(ctx)
	}
	return nil
}

// get returns ErrNotFound, an error of ErrDamaged, or the backend's.
func (s *store) get(ctx context.Context, name string) (secret.String, error) {
	seen, same := "", 0
	for try := 0; ; try++ {
		value, generation, err := s.read(ctx, name)
		if !errors.Is(err, errTorn) {
			if how := howDamaged(err); how != "" {
				err = damaged(name, s.place, how)
			}
			return value, err
		}
		if same++; generation != seen {
			seen, same = generation, 0
		}
		if same == tornRetries || try == movingRetries {
			return secret.String{}, damaged(name, s.place, Torn)
		}
		select {
		case <-ctx.Done():
			return secret.String{}, ctx.Err()
		case <-time.After(tornPause):
		}
	}
}

func (s *store) read(ctx context.Context, name string) (value secret.String, generation string, err error) {
	raw, err := s.backend.Get(ctx, name)
	if err != nil {
		return secret.String{}, "", err
	}
	h, err := parseHead(raw)
	if err != nil {
		return secret.String{}, "", err
	}
	if h.parts == 0 {
		return secret.New(h.data), h.generation, nil
	}
	var all strings.Builder
	for i := range h.parts {
		part, err := s.backend.Get(ctx, partName(name, h.generation, i))
		if errors.Is(err, ErrNotFound) {
			return secret.String{}, h.generation, errTorn
		}
		if err != nil {
			return secret.String{}, h.generation, err
		}
		all.WriteString(part)
	}
	if checksum(all.String()) != h.sum {
		return secret.String{}, h.generation, errTorn
	}
	return secret.New(all.String()), h.generation, nil
}

// set writes the parts, then the head, and reads each of them back. The parts
// of the old value go last: until the new head stands, it is whole.
func (s *store) set(ctx context.Context, name string, value secret.String) error {
	oldRaw, err := s.backend.Get(ctx, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	had := err == nil
	plain := value.Reveal()
	h := head{generation: newGeneration(), sum: checksum(plain), data: plain}
	if len(h.String()) > s.limit {
		h.data = ""
		for at := 0; at < len(plain); at += s.limit {
			h.parts++
			if err := s.put(ctx, partName(name, h.generation, h.parts-1), plain[at:min(at+s.limit, len(plain))]); err != nil {
				s.dropParts(ctx, name, h)
				return err
			}
		}
	}
	if err := s.put(ctx, name, h.String()); err != nil {
		return s.takeBack(ctx, name, h, oldRaw, had, err)
	}
	if had {
		if old, err := parseHead(oldRaw); err == nil {
			s.dropParts(ctx, name, old)
		}
	}
	return nil
}

// put writes one entry and reads it back.
func (s *store) put(ctx context.Context, name, value string) error {
	setErr := s.backend.Set(ctx, name, value)
	got, err := s.backend.Get(ctx, name)
	switch {
	case err == nil && got == value:
		return nil // whatever the store said of it
	case setErr != nil:
		return setErr
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	}
	return notKept(name, s.place)
}

// takeBack puts the old head in place again after the new one was not kept, and
// returns cause.
func (s *store) takeBack(ctx context.Context, name string, h head, oldRaw string, had bool, cause error) error {
	if errors.Is(cause, context.DeadlineExceeded) || errors.Is(cause, context.Canceled) {
		// The store may still carry it out: the parts have to be there then. At
		// worst they stay behind as rubbish.
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
	defer cancel()
	got, err := s.backend.Get(ctx, name)
	switch {
	case had && (err != nil || got != oldRaw):
		if s.put(ctx, name, oldRaw) != nil {
			return cause
		}
	case !had && err == nil:
		if s.backend.Delete(ctx, name) != nil {
			return cause
		}
	case !had && !errors.Is(err, ErrNotFound):
		return cause
	}
	s.dropParts(ctx, name, h)
	return cause
}

// delete removes the head, sees that it is gone, and then removes the parts.
func (s *store) delete(ctx context.Context, name string) error {
	raw, err := s.backend.Get(ctx, name)
	if err == nil {
		if err = s.backend.Delete(ctx, name); err == nil {
			if _, err = s.backend.Get(ctx, name); err == nil {
				return notKept(name, s.place)
			}
		}
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if h, err := parseHead(raw); err == nil {
		s.dropParts(ctx, name, h)
	} else if raw != "" {
		s.dropStrays(ctx, name)
	}
	return nil
}

// dropParts cleans up; a part that stays behind is rubbish, not a danger to the
// value, so errors are not worth failing for.
func (s *store) dropParts(ctx context.Context, name string, h head) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
	defer cancel()
	for i, gone := 0, 0; i < h.parts && gone < goneRow; i++ {
		gone++
		if s.backend.Delete(ctx, partName(name, h.generation, i)) == nil {
			gone = 0
		}
	}
}

// dropStrays removes all parts of name, where the store can name them.
func (s *store) dropStrays(ctx context.Context, name string) {
	l, ok := s.backend.(lister)
	if !ok {
		return
	}
	entries, err := l.List(ctx)
	if err != nil {
		return
	}
	for _, e := range entries {
		if of, part := headOf(e); part && of == name {
			_ = s.backend.Delete(ctx, e)
		}
	}
}
