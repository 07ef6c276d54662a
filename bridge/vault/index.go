package vault

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"drawbridge/bridge/config"
)

// index remembers the names of entries, because not every keychain can be
// listed: one small file for each, so that writers need no lock. A name is
// noted before its entry is written and crossed out after it is deleted: the
// index may name too much, never too little. Names are not secret.
//
// A nil index remembers nothing.
type index struct{ dir string }

func (x *index) file(name string) string {
	sum := sha256.Sum256([]byte(name)) // names differ in case where file systems may not
	return filepath.Join(x.dir, hex.EncodeToString(sum[:16]))
}

// add notes a name. Failing is not worth losing a token for: a name that is
// missing here is missed by a move only if nothing else knows it either.
func (x *index) add(name string) {
	if x == nil {
		return
	}
	file := x.file(name)
	if raw, err := os.ReadFile(file); err == nil && string(raw) == name {
		return
	}
	if config.MakePrivate(x.dir) == nil {
		_ = config.WriteFile(file, []byte(name))
	}
}

func (x *index) remove(name string) {
	if x != nil {
		_ = os.Remove(x.file(name))
	}
}

// names are those noted, sorted.
func (x *index) names() ([]string, error) {
	if x == nil {
		return nil, nil
	}
	entries, err := os.ReadDir(x.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") { // being written
			continue
		}
		raw, readErr := os.ReadFile(filepath.Join(x.dir, e.Name()))
		if errors.Is(readErr, fs.ErrNotExist) {
			continue // deleted since
		}
		if name := string(raw); readErr == nil && checkName(name) == nil {
			names = append(names, name)
		}
		err = errors.Join(err, readErr)
	}
	slices.Sort(names)
	return names, err
}
