//go:build !windows

package vault

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func openTerminal() (in, out *os.File, err error) {
	in, out, err = openEnds("/dev/tty", "/dev/tty")
	if err != nil {
		return nil, nil, err
	}
	// A job in the background would be stopped when it reads.
	if front, err := unix.IoctlGetInt(int(in.Fd()), unix.TIOCGPGRP); err != nil || front != unix.Getpgrp() {
		_ = errors.Join(in.Close(), out.Close())
		return nil, nil, errors.New("not in the foreground of its terminal")
	}
	return in, out, nil
}
