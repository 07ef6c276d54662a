package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"drawbridge/bridge/fault"
)

// lockWait bounds the wait for another process that is writing the same file.
const lockWait = 5 * time.Second

// Load reads the settings. A file that is not there is an empty one; a file
// that cannot be understood is an error and is left as it is.
func Load(p Paths) (*Settings, error) {
	raw, err := os.ReadFile(p.SettingsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return &Settings{Version: CurrentVersion}, nil
	}
	if err != nil {
		return nil, unreadable(p.SettingsFile(), err)
	}
	return parse(p.SettingsFile(), raw)
}

// Reload is Load for who has read settings before and goes by them: a file that is
// gone or empty is an error, too. It may just be written, or the disk be full; what
// it said goes on to count.
func Reload(p Paths) (*Settings, error) {
	raw, err := os.ReadFile(p.SettingsFile())
	if err == nil && len(bytes.TrimSpace(raw)) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, unreadable(p.SettingsFile(), err)
	}
	return parse(p.SettingsFile(), raw)
}

func unreadable(file string, err error) error {
	return fault.Wrap(err, fault.BadSettings, fmt.Sprintf("The settings file %s cannot be read.", file), "Check that it is yours to read.")
}

// Update changes the settings under a lock that holds other processes off:
// read, change, write to a temporary file, rename. When change or the write
// fails the file is as it was. Comments in the file are kept.
func Update(ctx context.Context, p Paths, change func(*Settings) error) error {
	if err := MakePrivate(p.Config); err != nil {
		return err
	}
	unlock, err := Lock(ctx, p, "settings.lock", "Another Drawbridge is writing the settings.")
	if err != nil {
		return err
	}
	defer unlock()

	file := p.SettingsFile()
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real // a link into somebody's dotfiles stays one
	}
	raw, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unreadable(file, err)
	}
	s, err := parse(file, raw)
	if err != nil {
		return err
	}
	if err := change(s); err != nil {
		return err
	}
	out, err := render(raw, s)
	if err != nil {
		return fmt.Errorf("render settings: %w", err)
	}
	return WriteFile(file, out)
}

// Lock holds other processes of Drawbridge off that take the lock of the name.
// It waits for them a few seconds; then the fault says busy.
func Lock(ctx context.Context, p Paths, name, busy string) (unlock func(), err error) {
	if err := MakePrivate(p.Locks()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	lock := flock.New(filepath.Join(p.Locks(), name), flock.SetPermissions(0o600))
	ok, err := lock.TryLockContext(ctx, 20*time.Millisecond)
	if err == nil && ok {
		return func() { _ = lock.Unlock() }, nil
	}
	_ = lock.Close()
	if ctx.Err() != nil {
		return nil, fault.Wrap(fmt.Errorf("%s: %w", name, ctx.Err()), fault.Storage, busy, "Try again in a moment.")
	}
	return nil, storageFault(lock.Path(), errors.Join(errors.New(name), err))
}
