package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile writes a file that only its owner may read, all or nothing: to a
// temporary file beside it, synced, then renamed over it. On failure the old
// file is as it was and nothing is left behind. (renameio, the usual library,
// truncates in place on Windows.)
func WriteFile(path string, data []byte) error {
	ready, err := PrepareFile(path, data, 0o600)
	if err != nil {
		return err
	}
	return ready.Commit()
}

// Prepared is a file that has been written and synced, but not yet under its name.
// Either Commit or Discard it.
type Prepared struct{ tmp, path string }

// PrepareFile is WriteFile without the rename, for a file that others write, too,
// and that keeps its mode: writing takes long enough for them to come in between,
// so who calls looks again before Commit.
func PrepareFile(path string, data []byte, mode fs.FileMode) (Prepared, error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return Prepared{}, storageFault(path, err)
	}
	p := Prepared{tmp.Name(), path}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil && mode != 0o600 {
		err = os.Chmod(p.tmp, mode)
	}
	if err != nil {
		p.Discard()
		return Prepared{}, storageFault(path, err)
	}
	return p, nil
}

// Commit gives the file its name. On failure it is discarded.
func (p Prepared) Commit() error {
	if err := os.Rename(p.tmp, p.path); err != nil {
		p.Discard()
		return storageFault(p.path, err)
	}
	return nil
}

// Discard takes the file away again.
func (p Prepared) Discard() { _ = os.Remove(p.tmp) }
