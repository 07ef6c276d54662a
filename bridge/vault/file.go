package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"filippo.io/age"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

const (
	// fileLimit is above any value, so that none is split in a file.
	fileLimit = 16 << 20
	// maxFile bounds what is read of a vault file.
	maxFile = 64 << 20
)

// fileBackend keeps all entries in one file, encrypted with age to the key's own
// recipient. Writers take turns by a file lock and replace the file as a whole;
// readers see the one or the other.
//
// The file's name holds the recipient's fingerprint: with another key file,
// there is no vault, rather than one that seems to be damaged, and a move from
// one key to another is a move between two files.
type fileBackend struct {
	dir   string // the state folder
	lock  string
	key   *fileKey
	begin bool // a file may be begun beside that of another key
}

// vaultFile is the path of the vault that belongs to an opened key.
func vaultFile(dir, fingerprint string) string {
	return filepath.Join(dir, "vault-"+fingerprint+".age")
}

// vaultFiles are the vault files in a state folder.
func vaultFiles(dir string) []string {
	found, _ := filepath.Glob(filepath.Join(dir, "vault-????????????????.age"))
	return found
}

// content is what is encrypted.
type content struct {
	Version int               `json:"version"`
	Entries map[string][]byte `json:"entries"`
}

const contentVersion = 1

func (f *fileBackend) Ready(ctx context.Context) error {
	_, err := f.key.open(ctx)
	return err
}

// Probe asks nobody: a key that needs a passphrase counts as locked.
func (f *fileBackend) Probe(context.Context) (locked bool, err error) { return f.key.probe() }

func (f *fileBackend) Get(ctx context.Context, name string) (string, error) {
	c, err := f.look(ctx)
	if err != nil {
		return "", err
	}
	value, ok := c.Entries[name]
	if !ok {
		return "", ErrNotFound
	}
	return string(value), nil
}

func (f *fileBackend) List(ctx context.Context) ([]string, error) {
	c, err := f.look(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Collect(maps.Keys(c.Entries)), nil
}

func (f *fileBackend) Set(ctx context.Context, name, value string) error {
	return f.change(ctx, func(c *content) error {
		c.Entries[name] = []byte(value)
		return nil
	})
}

func (f *fileBackend) Delete(ctx context.Context, name string) error {
	return f.change(ctx, func(c *content) error {
		if _, ok := c.Entries[name]; !ok {
			return ErrNotFound
		}
		delete(c.Entries, name)
		return nil
	})
}

// look reads the file for a reader.
func (f *fileBackend) look(ctx context.Context) (*content, error) {
	key, err := f.key.open(ctx)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS == "windows" { // a file that is open cannot be replaced there
		release, err := takeFile(ctx, f.lock, false)
		if err != nil {
			return nil, err
		}
		defer release()
	}
	return f.read(key)
}

// change reads, changes and writes the file while no other writer does.
func (f *fileBackend) change(ctx context.Context, do func(*content) error) error {
	key, err := f.key.open(ctx) // before the lock: this may wait for a person
	if err != nil {
		return err
	}
	release, err := takeFile(ctx, f.lock, false)
	if err != nil {
		return err
	}
	defer release()
	c, err := f.read(key)
	if err != nil {
		return err
	}
	if err := do(c); err != nil {
		return err
	}
	return f.writeAll(key, c)
}

func (f *fileBackend) read(key *openKey) (*content, error) {
	path := vaultFile(f.dir, key.fingerprint)
	raw, err := readBounded(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		if others := vaultFiles(f.dir); len(others) > 0 && !f.begin {
			return nil, fault.Wrap(fmt.Errorf("no %s beside %v", path, others), fault.NoKeychain,
				fmt.Sprintf("The vault file in %s is encrypted for another key.", f.dir),
				"Put the key file back that it was made with; or, to begin anew, move the vault file away and sign in again.")
		}
		return &content{Version: contentVersion, Entries: map[string][]byte{}}, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, fmt.Sprintf("The vault file %s cannot be read.", path), "Check that it is yours to read.")
	}
	c := &content{}
	// The errors of age and encoding/json may quote what they found.
	plain, err := age.Decrypt(bytes.NewReader(raw), key.identities...)
	if err != nil {
		err = errors.New("it does not decrypt")
	} else if clear, readErr := io.ReadAll(plain); readErr != nil {
		err = errors.New("it does not decrypt to its end")
	} else if json.Unmarshal(clear, c) != nil {
		err = errors.New("content is no JSON")
	}
	if err == nil && c.Version != contentVersion {
		err = fmt.Errorf("content is of version %d, not %d", c.Version, contentVersion)
	}
	if err != nil {
		return nil, fault.Wrap(fmt.Errorf("vault file: %w", err), fault.Storage,
			fmt.Sprintf("The vault file %s is damaged; it is left as it is.", path),
			"Put a copy of it back; or move it away and sign in again.")
	}
	if c.Entries == nil {
		c.Entries = map[string][]byte{}
	}
	return c, nil
}

// writeAll replaces the file; one without entries is removed.
func (f *fileBackend) writeAll(key *openKey, c *content) error {
	path := vaultFile(f.dir, key.fingerprint)
	if len(c.Entries) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.Wrap(err, fault.Storage, path+" cannot be removed.", "Check that the folder is yours.")
		}
		return syncFolder(f.dir)
	}
	clear, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("vault file: %w", err)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, key.recipient)
	if err != nil {
		return fmt.Errorf("vault file: %w", err)
	}
	if _, err := w.Write(clear); err != nil {
		return fmt.Errorf("vault file: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("vault file: %w", err)
	}
	if err := config.WriteFile(path, sealed.Bytes()); err != nil { // 0600, synced, renamed
		return err
	}
	return syncFolder(f.dir)
}

// syncFolder makes a rename last through a loss of power.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" { // folders cannot be synced there
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	err = errors.Join(d.Sync(), d.Close())
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return raw, err
}
