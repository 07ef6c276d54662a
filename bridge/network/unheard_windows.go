package network

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// maxRT is TCP_MAXRT: for how many seconds the system sends again (ws2ipdef.h).
const maxRT = 5

// giveUp sets unheard for a connection that is about to be opened. Without it,
// the system's own limit holds.
func giveUp(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_TCP, maxRT, int(unheard.Seconds()))
	})
}
