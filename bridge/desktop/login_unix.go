//go:build linux || darwin

package desktop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Add puts the item into the list of programs that start at login, or brings
// the one that is there up to date.
func (i LoginItem) Add() error {
	path, err := i.path()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("start at login: %w", err)
	}
	if err := replace(path, []byte(i.content())); err != nil {
		return fmt.Errorf("start at login: %w", err)
	}
	return nil
}

// Remove takes the item out of the list; one that is not in it is no error.
func (i LoginItem) Remove() error {
	path, err := i.path()
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("start no more at login: %w", err)
	}
	return nil
}

// Present reports whether the program is started at login.
func (i LoginItem) Present() (bool, error) {
	path, err := i.path()
	if err != nil {
		return false, err
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether it starts at login: %w", err)
	}
	return i.counts(raw), nil
}

// replace writes a file all or nothing.
func replace(path string, data []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
