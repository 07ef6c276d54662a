// Package vault keeps secrets, whatever their size, where the settings say: in
// the OS keychain, or in an encrypted file.
//
// Keychains limit the size of a value (2,560 bytes on Windows, about 3,000 on
// macOS), and a token set is often larger. A value that does not fit is split
// into numbered parts under a new generation; the head entry, which names the
// generation, the number of parts and a SHA-256 of the whole, is written last
// and is the commit: until then every reader sees the old value. What is written
// is read back before it counts.
//
// It must not know what a secret means, nor who uses it.
package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// ErrNotFound means that nothing is stored under the name.
var ErrNotFound = errors.New("not in the vault")

// Backend is a flat store of small values. Get and Delete return ErrNotFound
// for a name that is not there. It is safe for concurrent use.
type Backend interface {
	Get(ctx context.Context, name string) (string, error)
	Set(ctx context.Context, name, value string) error
	Delete(ctx context.Context, name string) error
}

// What some backends can do besides.
type (
	// readier waits until the store can be used, asking a person if need be.
	readier interface {
		Ready(ctx context.Context) error
	}
	// prober says how the store stands, asking nobody.
	prober interface {
		Probe(ctx context.Context) (locked bool, err error)
	}
	// lister names all entries, those of parts included.
	lister interface {
		List(ctx context.Context) ([]string, error)
	}
)

// Vault stores secrets of any size. It is safe for concurrent use by readers
// and writers, in this process and, when it was opened with Open, in others.
type Vault struct {
	// pick is the store that is chosen now: the same pointer for the same choice.
	pick  func() (*store, error)
	locks *locks
	index *index // nil: names are not noted
	files *files // nil: not opened with Open

	moveStep func(step string) // tests stop a move here
}

// New makes a Vault over backend, whose values may have up to limit bytes.
// Writers in other processes are not kept off; see Open.
func New(backend Backend, limit int) *Vault {
	s := newStore(backend, limit, "the vault")
	return &Vault{pick: func() (*store, error) { return s, nil }, locks: &locks{}}
}

// setLimit bounds one write with all its parts.
const setLimit = time.Minute

// Get reads the value stored under name. It returns ErrNotFound when there is
// none, and an error that wraps ErrDamaged when what is there is no value of
// ours; that one is a *fault.Error and says what to do. A value caught while a
// writer replaces it is read again.
func (v *Vault) Get(ctx context.Context, name string) (secret.String, error) {
	s, err := v.pick()
	if err != nil {
		return secret.String{}, err
	}
	for {
		value, err := s.get(ctx, name)
		if err == nil {
			return value, nil
		}
		// The secrets may have been moved away while we looked.
		now, pickErr := v.pick()
		if pickErr != nil || now == s {
			if !errors.Is(err, ErrNotFound) {
				err = fmt.Errorf("read %s from %s: %w", name, s.place, err)
			}
			return secret.String{}, err
		}
		s = now
	}
}

// Set stores value under name. It returns nil only when the value has been read
// back; otherwise what was there before still is, wherever the store lets us. A
// write that has begun is finished even if ctx ends.
func (v *Vault) Set(ctx context.Context, name string, value secret.String) error {
	if err := checkName(name); err != nil {
		return err
	}
	return v.change(ctx, name, "write "+name+" to", func(ctx context.Context, s *store) error {
		v.index.add(name)
		return s.set(ctx, name, value)
	})
}

// Delete removes the value stored under name, damaged or not. Nothing there is
// no error.
func (v *Vault) Delete(ctx context.Context, name string) error {
	return v.change(ctx, name, "delete "+name+" from", func(ctx context.Context, s *store) error {
		if err := s.delete(ctx, name); err != nil {
			return err
		}
		v.index.remove(name)
		return nil
	})
}

// change runs do on the chosen store while nobody else writes the name and
// nobody moves the vault.
func (v *Vault) change(ctx context.Context, name, what string, do func(context.Context, *store) error) error {
	if err := v.Check(ctx); err != nil { // before the lock: this may wait for a person
		return err
	}
	release, err := v.locks.name(ctx, name)
	if err != nil {
		return err
	}
	defer release()
	s, err := v.pick() // again: the lock may have been waited for until a move was over
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), setLimit)
	defer cancel()
	if err := do(ctx, s); err != nil {
		return fmt.Errorf("%s %s: %w", what, s.place, err)
	}
	return nil
}

// Check reports whether the vault can be used. A person is asked to unlock it
// when it is locked and there is somebody to ask. Its errors are
// fault.NoKeychain and fault.KeychainLocked.
func (v *Vault) Check(ctx context.Context) error {
	s, err := v.pick()
	if err != nil {
		return err
	}
	return s.ready(ctx)
}

// checkName keeps a name from meaning a part of another one's value.
func checkName(name string) error {
	bad := func(r rune) bool { return r == '#' || !unicode.IsGraphic(r) }
	if name == "" || len(name) > 400 || !utf8.ValidString(name) || strings.ContainsFunc(name, bad) {
		return fault.New(fault.Usage, fmt.Sprintf("%q cannot be the name of a secret.", name), "Use another name without '#', of at most 400 bytes.")
	}
	return nil
}
