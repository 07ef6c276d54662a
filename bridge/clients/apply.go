package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

const (
	// tries bounds how often Make begins anew when the file changes meanwhile.
	tries = 5
	// pause lets a client that is writing finish before the next try.
	pause = 50 * time.Millisecond
)

// Make plans a change and makes it; anew from what is there then when somebody, as
// the client itself, writes the file in between. It returns the change that was
// made, or that is Empty, and its backup; see Apply.
func Make(ctx context.Context, p config.Paths, plan func() (Change, error)) (made Change, backup string, err error) {
	for range tries {
		change, err := plan()
		if err != nil || change.Empty() {
			return change, "", err
		}
		backup, err := change.Apply(ctx, p)
		if !fault.Is(err, fault.FileChanged) {
			return change, backup, err
		}
		made = change
		select {
		case <-ctx.Done():
			return Change{}, "", err
		case <-time.After(pause):
		}
	}
	return Change{}, "", fault.New(fault.FileChanged, "Another program goes on writing "+made.path+".",
		"Close "+made.client.title+" and try again; nothing has been written.")
}

// Apply makes the change, all or nothing, keeping the file's mode. It refuses
// when the file is no longer what the change was worked out on. It returns the
// backup that it wrote beside the file: the old text, for its owner alone; "" when
// there was no file, or when the change puts an earlier backup back.
func (c Change) Apply(ctx context.Context, p config.Paths) (backup string, err error) {
	unlock, err := config.Lock(ctx, p, "clients.lock", "Another Drawbridge is writing a client's settings.")
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := c.unchanged(); err != nil || c.Empty() {
		return "", err
	}
	if c.gone {
		return "", remove(c.path)
	}
	ready, err := c.prepare()
	if err != nil {
		return "", err
	}
	return ready.commit()
}

// unchanged refuses when the file is not what the change was worked out on.
func (c Change) unchanged() error {
	now, err := readFile(c.path)
	if err != nil {
		return fault.Wrap(err, fault.Storage, c.path+" cannot be read.", "Check that it is yours to read.")
	}
	if now.exists != c.before.exists || !bytes.Equal(now.text, c.before.text) {
		return fault.New(fault.FileChanged, c.path+" has changed in the meantime.", "Try again; nothing has been written.")
	}
	return nil
}

// prepared is a change of which all is on the disk but the name of the new file.
type prepared struct {
	change Change
	file   config.Prepared
	backup string
}

// prepare does what takes long: a client that writes its file meanwhile is seen
// by commit.
func (c Change) prepare() (prepared, error) {
	target, err := resolve(c.path)
	if err != nil {
		return prepared{}, err
	}
	ready := prepared{change: c}
	if ready.file, err = config.PrepareFile(target, c.after, c.before.mode); err != nil {
		return prepared{}, err
	}
	if c.before.exists && c.backup == "" {
		if ready.backup, err = writeBackup(c.path, c.before.text); err != nil {
			ready.file.Discard()
			return prepared{}, err
		}
	}
	return ready, nil
}

// commit looks at the file once more and puts the new one in its place. When it
// does not, nothing stays behind.
func (r prepared) commit() (backup string, err error) {
	if err = r.change.unchanged(); err != nil {
		r.file.Discard()
	} else {
		err = r.file.Commit()
	}
	if err != nil {
		if r.backup != "" {
			_ = os.Remove(r.backup)
		}
		return "", err
	}
	if r.change.backup != "" {
		return "", remove(r.change.backup)
	}
	return r.backup, nil
}

// resolve follows a link, so that a file kept elsewhere stays there, and makes
// the folder of a file that is not there yet.
func resolve(path string) (string, error) {
	target, err := filepath.EvalSymlinks(path)
	if err == nil {
		return target, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fault.Wrap(err, fault.Storage, path+" cannot be followed.", "Check where it links to.")
	}
	return path, config.MakePrivate(filepath.Dir(path))
}

func remove(path string) error {
	return fault.Wrap(os.Remove(path), fault.Storage, path+" cannot be removed.", "Check that the folder is yours.")
}

const backupMark = ".drawbridge-backup-"

// backups are the backups beside the file, the newest first.
func (c Client) backups() []string {
	found, err := os.ReadDir(filepath.Dir(c.path))
	if err != nil {
		return nil
	}
	var paths []string
	for i := len(found) - 1; i >= 0; i-- { // ReadDir sorts by name, and names by time
		if strings.HasPrefix(found[i].Name(), filepath.Base(c.path)+backupMark) {
			paths = append(paths, filepath.Join(filepath.Dir(c.path), found[i].Name()))
		}
	}
	return paths
}

// writeBackup keeps text beside path under a name that is free. Other servers'
// entries may hold secrets, so only its owner may read it.
func writeBackup(path string, text []byte) (string, error) {
	stamp := path + backupMark + time.Now().UTC().Format("20060102T150405.000Z")
	failed := func(err error) (string, error) {
		return "", fault.Wrap(err, fault.Storage, "No backup of "+path+" can be written.", "Check that the disk has room; nothing has been changed.")
	}
	for i := range 100 {
		name := stamp
		if i > 0 {
			name = fmt.Sprintf("%s-%02d", stamp, i)
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return failed(err)
		}
		_, err = f.Write(text)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			_ = os.Remove(name)
			return failed(err)
		}
		return name, nil
	}
	return failed(fs.ErrExist)
}
