//go:build unix

package control

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkFolder refuses a folder in which somebody else could put a socket: a
// symbolic link, a folder of another user, one that group or others may enter.
// Agent and client both ask, as under /tmp anybody could have made it first.
func checkFolder(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at the agent's folder: %w", err)
	}
	if !info.IsDir() {
		return foreign(dir, "it is not a folder", "Move it away.")
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Getuid() {
		return foreign(dir, "it belongs to another user", "Give another state folder: --state-dir.")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return foreign(dir, fmt.Sprintf("others may enter it (mode %04o)", mode), "Make it private: chmod 700 "+dir)
	}
	return nil
}

func isSocket(info fs.FileInfo) bool { return info.Mode()&fs.ModeSocket != 0 }
