package stdio

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// WatchClient calls gone, once, when the process that started this one has
// ended. A client that is killed ends our input, too, but not while another
// process that it started has inherited the pipe. It returns a function that
// ends the watch and waits for it.
//
// Nothing wakes up for it: the kernel says when it is so.
func WatchClient(gone func()) (stop func()) {
	none := func() {}
	ppid := os.Getppid()
	if ppid <= 1 { // 0: outside this container; 1: nobody's child
		return none
	}
	parent, err := unix.PidfdOpen(ppid, 0)
	if err != nil {
		return none // a kernel before 5.3: the end of the input has to do
	}
	if os.Getppid() != ppid { // it ended before we looked
		_ = unix.Close(parent)
		gone()
		return none
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		_ = unix.Close(parent)
		return none
	}
	fds := []unix.PollFd{{Fd: int32(parent), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
			if ctx.Err() != nil {
				return
			}
			if fds[0].Revents != 0 {
				gone()
				return
			}
		}
	}()
	return func() {
		cancel()
		_, _ = unix.Write(wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		<-done
		_ = unix.Close(wake)
		_ = unix.Close(parent)
	}
}
