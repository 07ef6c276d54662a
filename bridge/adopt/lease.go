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
		if held, err := readLease(path); err == nil && time.Since(time.UnixMilli(held.At)) >= leaseLife {
			_ = os.Remove(path) // its holder is dead
			continue
		} else if info, statErr := os.Stat(path); err != nil && statErr == nil && time.Since(info.ModTime()) >= leaseLife {
			_ = os.Remove(path) // and left half of it
			continue
		}
		select {
		case <-ctx.Done():
			return nil, busy(ctx.Err())
		case <-time.After(leasePoll):
		}
	}
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
