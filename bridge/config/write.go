package config

import (
	"errors"
	"os"
	"path/filepath"
)

// WriteFile writes a file that only its owner may read, all or nothing: to a
// temporary file beside it, synced, then renamed over it. On failure the old
// file is as it was and nothing is left behind. (renameio, the usual library,
// truncates in place on Windows.)
func WriteFile(path string, data []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return storageFault(path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
			err = storageFault(path, err)
		}
	}()
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
