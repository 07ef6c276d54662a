//go:build !windows && !linux

package desktop

import "os/exec"

// withoutConsole does nothing: a program here opens no window of its own accord.
func withoutConsole(*exec.Cmd) {}
