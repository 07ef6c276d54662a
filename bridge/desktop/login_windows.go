package desktop

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

const (
	runKey = `Software\Microsoft\Windows\CurrentVersion\Run`
	// approvedKey is where the task manager notes which of them are switched off.
	approvedKey = `Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run`
)

// Add puts the item into the list of programs that start at login, or brings
// the one that is there up to date.
func (i LoginItem) Add() error {
	key, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("start at login: %w", err)
	}
	defer func() { _ = key.Close() }()
	if err := key.SetStringValue(i.Title, windows.ComposeCommandLine(i.Command)); err != nil {
		return fmt.Errorf("start at login: %w", err)
	}
	return i.drop(approvedKey)
}

// Remove takes the item out of the list; one that is not in it is no error.
func (i LoginItem) Remove() error { return errors.Join(i.drop(runKey), i.drop(approvedKey)) }

// Present reports whether the program is started at login.
func (i LoginItem) Present() (bool, error) {
	key, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether it starts at login: %w", err)
	}
	defer func() { _ = key.Close() }()
	_, _, err = key.GetStringValue(i.Title)
	if errors.Is(err, registry.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether it starts at login: %w", err)
	}
	return !i.switchedOff(), nil
}

// switchedOff reports whether the person has switched it off in the task
// manager: the first byte is odd then.
func (i LoginItem) switchedOff() bool {
	key, err := registry.OpenKey(registry.CURRENT_USER, approvedKey, registry.QUERY_VALUE)
	if err != nil {
		return false
	}
	defer func() { _ = key.Close() }()
	state, _, err := key.GetBinaryValue(i.Title)
	return err == nil && len(state) > 0 && state[0]&1 == 1
}

func (i LoginItem) drop(path string) error {
	key, err := registry.OpenKey(registry.CURRENT_USER, path, registry.SET_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("start no more at login: %w", err)
	}
	defer func() { _ = key.Close() }()
	if err := key.DeleteValue(i.Title); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return fmt.Errorf("start no more at login: %w", err)
	}
	return nil
}
