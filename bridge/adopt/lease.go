package adopt

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"drawbridge/bridge/fault"
)

const (
	// leaseLife is how long mcp-remote lets another process hold its lease.
	leaseLife = 30 * time.Second
	leasePoll = 100 * time.Millisecond
)

// leaseJSON is mcp-remote's file. One with a process that runs and an age under
// leaseLife is respected by every mcp-remote since 0.9.
type leaseJSON struct {
	PID   int    `json:"pid"`
	Nonce string `json:"nonce"`
	At    int64  `json:"at"` // milliseconds
}

// hold takes the lease under which mcp-remote renews this sign-in, so that none
// spends the refresh token between our reading it and our having it. An error is
// fault.Storage, or ctx's.
func (s *Stored) hold(ctx context.Context) (release func(), err error) {
	path := filepath.Join(s.Dir, s.Key+leaseFile)
	ctx, cancel := context.WithTimeout(ctx, leaseLife+5*time.Second)
	defer cancel()
	for {
		own := leaseJSON{PID: os.Getpid(), Nonce: rand.Text(), At: time.Now().UnixMilli()}
		raw, err := json.Marshal(own)
		if err != nil {
			return nil, err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			_, err = f.Write(raw)
			if err = errors.Join(err, f.Close()); err != nil {
				_ = os.Remove(path)
				return nil, busy(err)
			}
			return func() {
				if now, err := readLease(path); err == nil && now.Nonce == own.Nonce {
					_ = os.Remove(path)
				}
			}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, busy(err)
		}
		if isDead(path) && bury(path) {
			continue
		}
		select {
		case <-ctx.Done():
			return nil, busy(ctx.Err())
		case <-time.After(leasePoll):
		}
	}
}

// isDead reports whether a lease's holder is dead, or has left half of it.
func isDead(path string) bool {
	held, err := readLease(path)
	if err == nil {
		return time.Since(time.UnixMilli(held.At)) >= leaseLife
	}
	info, err := os.Stat(path)
	return err == nil && time.Since(info.ModTime()) >= leaseLife
}

// bury takes a dead lease away. Whoever else has found it dead may have a lease of
// their own there by now, so it is looked at once more where nobody else takes it;
// one that lives is put back, and is theirs.
func bury(path string) (buried bool) {
	aside := path + "." + rand.Text()
	if os.Rename(path, aside) != nil {
		return false
	}
	if buried = isDead(aside); !buried {
		_ = os.Link(aside, path) // takes nobody's place
	}
	_ = os.Remove(aside)
	return buried
}

func readLease(path string) (leaseJSON, error) {
	var l leaseJSON
	found, err := readJSON(path, &l)
	if err == nil && !found {
		err = fs.ErrNotExist
	}
	return l, err
}

func busy(err error) error {
	return fault.Wrap(err, fault.Storage, "mcp-remote's files are in use or cannot be written.", "Quit the clients that use mcp-remote, then try again.")
}
