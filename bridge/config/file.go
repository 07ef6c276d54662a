package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/tailscale/hujson"

	"drawbridge/bridge/fault"
)

// lockWait bounds the wait for another process that is writing the settings.
const lockWait = 5 * time.Second

// Load reads the settings. A file that is not there is an empty one; a file
// that cannot be understood is an error and is left as it is.
func Load(p Paths) (*Settings, error) {
	raw, err := os.ReadFile(p.SettingsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return &Settings{Version: CurrentVersion}, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.BadSettings, fmt.Sprintf("The settings file %s cannot be read.", p.SettingsFile()), "Check that it is yours to read.")
	}
	return parse(p, raw)
}

func parse(p Paths, raw []byte) (*Settings, error) {
	bad := func(err error) error {
		return fault.Wrap(err, fault.BadSettings,
			fmt.Sprintf("The settings file %s is damaged: %s.", p.SettingsFile(), strings.TrimPrefix(err.Error(), "hujson: ")),
			"Mend that line, or move the file away; nothing has been changed.")
	}
	std, err := hujson.Standardize(raw)
	if err != nil {
		return nil, bad(err)
	}
	dec := json.NewDecoder(bytes.NewReader(std))
	dec.DisallowUnknownFields()
	var s Settings
	if err := dec.Decode(&s); err != nil {
		return nil, bad(err)
	}
	if s.Version > CurrentVersion {
		return nil, bad(fmt.Errorf("it is of version %d, newer than this program knows (%d)", s.Version, CurrentVersion))
	}
	seen := map[string]bool{}
	for _, server := range s.Servers {
		if err := server.Check(); err != nil {
			return nil, bad(errors.New(fault.Public(err).What))
		}
		if seen[server.Name] {
			return nil, bad(fmt.Errorf("it names %q twice", server.Name))
		}
		seen[server.Name] = true
	}
	s.Version = CurrentVersion
	return &s, nil
}

// Update changes the settings under a lock that holds other processes off:
// read, change, write to a temporary file, rename. When change or the write
// fails the file is as it was. Comments in the file are kept.
func Update(ctx context.Context, p Paths, change func(*Settings) error) error {
	if err := MakePrivate(p.Config); err != nil {
		return err
	}
	if err := MakePrivate(p.Locks()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	lock := flock.New(filepath.Join(p.Locks(), "settings.lock"), flock.SetPermissions(0o600))
	if ok, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil || !ok {
		return fault.Wrap(errors.Join(errors.New("settings lock"), err), fault.Storage, "Another Drawbridge is writing the settings.", "Try again in a moment.")
	}
	defer func() { _ = lock.Unlock() }()

	raw, err := os.ReadFile(p.SettingsFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return storageFault(p.SettingsFile(), err)
	}
	s := &Settings{Version: CurrentVersion}
	if len(raw) > 0 {
		if s, err = parse(p, raw); err != nil {
			return err
		}
	}
	if err := change(s); err != nil {
		return err
	}
	out, err := render(raw, s)
	if err != nil {
		return fmt.Errorf("render settings: %w", err)
	}
	return WriteFile(p.SettingsFile(), out)
}
